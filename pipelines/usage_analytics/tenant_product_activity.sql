-- What people did, summed over the days of the month. For files: how often on how many days, not how many different files.
WITH counted AS (
  SELECT d.product, d.person_id, d.activity, d.kind, d.actions
  FROM daily_counts AS d
  JOIN product_month AS m ON m.product = d.product AND m.counted = d.identity AND m.has_history
),
sums AS (
  SELECT
    product, activity, kind,
    CASE WHEN kind IN ('act', 'received') THEN sum(actions) END AS activity_count,
    count(DISTINCT person_id) AS active_user_count,
    CASE WHEN kind = 'seconds' THEN CAST(sum(actions) AS DOUBLE) / 60 END AS total_duration_in_minute
  FROM counted
  GROUP BY product, activity, kind
  UNION ALL
  SELECT product, 'any', 'act', sum(CASE WHEN kind = 'act' THEN actions ELSE 0 END), count(DISTINCT person_id), NULL
  FROM counted
  WHERE kind IN ('act', 'other')
  GROUP BY product
),
measured AS (
  SELECT
    s.product, s.activity, s.activity_count, s.active_user_count, s.total_duration_in_minute,
    m.activity_content_date AS content_date, m.activity_days_missing AS days_missing
  FROM sums AS s
  JOIN product_month AS m ON m.product = s.product
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.product, l.activity, l.activity_count, l.active_user_count, l.total_duration_in_minute, l.content_date,
  CAST(NULL AS BIGINT) AS days_missing, 'legacy' AS source
FROM legacy_tenant_product_activity AS l
CROSS JOIN (SELECT count(*) AS n FROM product_month WHERE has_history) AS c
WHERE c.n = 0
