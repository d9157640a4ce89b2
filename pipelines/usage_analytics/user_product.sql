-- People by product, of the identity that the month counts: who is enabled or active, and who was active in the month before.
WITH wanted AS (
  SELECT identity, product, person_id FROM licensed
  UNION
  SELECT identity, product, person_id FROM person_product WHERE active OR active_1
),
by_product AS (
  SELECT identity, product, person_id, sum(actions) AS actions
  FROM daily_counts
  WHERE kind = 'act'
  GROUP BY identity, product, person_id
),
acts AS (
  SELECT * FROM by_product
  UNION ALL
  SELECT identity, 'microsoft365', person_id, sum(actions)
  FROM by_product
  WHERE product IN ('exchange', 'onedrive', 'sharepoint', 'skype_for_business', 'teams', 'viva_engage')
  GROUP BY identity, person_id
)
SELECT
  w.product, w.identity, w.person_id,
  l.person_id IS NOT NULL AS enabled,
  coalesce(l.enabled_at_end, FALSE) AS enabled_at_end,
  coalesce(e.active, FALSE) AS active,
  coalesce(e.active_1, FALSE) AS active_last_month,
  coalesce(e.days_active, 0) AS days_active,
  e.month_first_day AS first_day,
  e.month_last_day AS last_day,
  CASE WHEN w.product <> 'microsoft365_apps' THEN coalesce(a.actions, 0) END AS actions,
  e.first_day AS first_ever_day,
  coalesce(e.first_day < b.month, FALSE) AS was_active_before,
  e.first_day > m.history_from AS first_is_exact,
  CASE WHEN m.has_firsts THEN coalesce(e.active AND e.first_day >= b.month, FALSE) END AS first_time,
  CASE WHEN m.has_firsts THEN coalesce(e.active AND e.active_1, FALSE) END AS returning_user
FROM wanted AS w
CROSS JOIN build AS b
JOIN product_month AS m ON m.product = w.product AND m.counted = w.identity AND m.has_history
LEFT JOIN licensed AS l ON l.identity = w.identity AND l.product = w.product AND l.person_id = w.person_id
LEFT JOIN person_product AS e ON e.identity = w.identity AND e.product = w.product AND e.person_id = w.person_id
LEFT JOIN acts AS a ON a.identity = w.identity AND a.product = w.product AND a.person_id = w.person_id
