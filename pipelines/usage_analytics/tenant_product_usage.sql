-- How many people are enabled, active, returning and new, by product.
WITH counts AS (
  SELECT
    product,
    count(*) FILTER (WHERE enabled) AS enabled_users,
    count(*) FILTER (WHERE active) AS active_users,
    count(*) FILTER (WHERE enabled AND active) AS active_enabled_users,
    count(*) FILTER (WHERE active_last_month) AS active_users_before,
    count(*) FILTER (WHERE returning_user) AS mom_returning_users,
    count(*) FILTER (WHERE first_time) AS first_time_users,
    count(*) FILTER (WHERE enabled AND first_ever_day IS NOT NULL) AS cumulative_active_users
  FROM user_product
  GROUP BY product
),
measured AS (
  SELECT
    m.product,
    coalesce(c.enabled_users, 0) AS enabled_users,
    coalesce(c.active_users, 0) AS active_users,
    coalesce(c.active_enabled_users, 0) AS active_enabled_users,
    CAST(c.active_enabled_users AS DOUBLE) / nullif(c.enabled_users, 0) AS active_rate,
    CASE WHEN m.has_firsts THEN coalesce(c.mom_returning_users, 0) END AS mom_returning_users,
    CASE WHEN m.has_firsts THEN CAST(c.mom_returning_users AS DOUBLE) / nullif(c.active_users_before, 0) END
      AS mom_returning_rate,
    CASE WHEN m.has_firsts THEN coalesce(c.first_time_users, 0) END AS first_time_users,
    coalesce(c.cumulative_active_users, 0) AS cumulative_active_users,
    m.content_date, m.is_complete, m.days_missing, m.nights_missing, m.identity, m.history_from
  FROM product_month AS m
  LEFT JOIN counts AS c ON c.product = m.product
  WHERE m.has_history AND (c.product IS NOT NULL OR m.product <> 'skype_for_business')
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.product, l.enabled_users, l.active_users, CAST(NULL AS BIGINT) AS active_enabled_users,
  CAST(NULL AS DOUBLE) AS active_rate, l.mom_returning_users, CAST(NULL AS DOUBLE) AS mom_returning_rate,
  l.first_time_users, l.cumulative_active_users, l.content_date, CAST(NULL AS BOOLEAN) AS is_complete,
  CAST(NULL AS BIGINT) AS days_missing, CAST(NULL AS BIGINT) AS nights_missing, CAST(NULL AS STRING) AS identity,
  CAST(NULL AS DATE) AS history_from, 'legacy' AS source
FROM legacy_tenant_product_usage AS l
CROSS JOIN (SELECT count(*) AS n FROM product_month WHERE has_history) AS c
WHERE c.n = 0
