-- People by product, of the identity that the month counts: who is enabled or active, and who was active in the month before.
WITH known AS (
  SELECT
    identity, product, person_id, TRUE AS enabled, enabled_at_end, FALSE AS active, FALSE AS active_1, 0 AS days_active,
    CAST(NULL AS DATE) AS month_first_day, CAST(NULL AS DATE) AS month_last_day, CAST(NULL AS DATE) AS first_day, 0 AS actions
  FROM licensed
  UNION ALL
  SELECT
    identity, product, person_id, FALSE, FALSE, active, active_1, days_active, month_first_day, month_last_day, first_day, 0
  FROM person_product
  UNION ALL
  SELECT identity, product, person_id, FALSE, FALSE, FALSE, FALSE, 0, NULL, NULL, NULL, actions
  FROM daily_counts
  WHERE kind = 'act'
  UNION ALL
  SELECT identity, 'microsoft365', person_id, FALSE, FALSE, FALSE, FALSE, 0, NULL, NULL, NULL, actions
  FROM daily_counts
  WHERE kind = 'act' AND product IN ('exchange', 'onedrive', 'sharepoint', 'skype_for_business', 'teams', 'viva_engage')
),
merged AS (
  SELECT
    identity, product, person_id, bool_or(enabled) AS enabled, bool_or(enabled_at_end) AS enabled_at_end,
    bool_or(active) AS active, bool_or(active_1) AS active_1, max(days_active) AS days_active,
    max(month_first_day) AS month_first_day, max(month_last_day) AS month_last_day, max(first_day) AS first_day,
    sum(actions) AS actions
  FROM known
  GROUP BY identity, product, person_id
)
SELECT
  w.product, w.identity, w.person_id, w.enabled, w.enabled_at_end, w.active, w.active_1 AS active_last_month, w.days_active,
  w.month_first_day AS first_day,
  w.month_last_day AS last_day,
  CASE WHEN w.product <> 'microsoft365_apps' THEN w.actions END AS actions,
  w.first_day AS first_ever_day,
  coalesce(w.first_day < b.month, FALSE) AS was_active_before,
  w.first_day > m.history_from AS first_is_exact,
  CASE WHEN m.has_firsts THEN coalesce(w.active AND w.first_day >= b.month, FALSE) END AS first_time,
  CASE WHEN m.has_firsts THEN w.active AND w.active_1 END AS returning_user
FROM merged AS w
CROSS JOIN build AS b
JOIN product_month AS m ON m.product = w.product AND m.counted = w.identity AND m.has_history
WHERE w.enabled OR w.active OR w.active_1
