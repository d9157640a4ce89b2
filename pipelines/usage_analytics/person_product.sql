-- What is known of a person and a product by the end of the month: the first and the last day of evidence, activity in this
-- month and the three before, and the cohort, the month in which the person is known to have begun. Carried from month to month.
WITH known AS (
  SELECT
    identity, product, person_id, first_day, last_day, days_active, first_day AS month_first_day, last_day AS month_last_day,
    TRUE AS active, FALSE AS active_1, FALSE AS active_2, FALSE AS active_3, CAST(NULL AS DATE) AS cohort
  FROM evidence
  UNION ALL
  SELECT
    identity, product, person_id, first_day, last_day, 0, NULL, NULL,
    FALSE, days_before <> 0, FALSE, FALSE, NULL
  FROM shown
  WHERE first_day IS NOT NULL
  UNION ALL
  SELECT
    identity, 'microsoft365', person_id, first_day, last_day, 0, NULL, NULL,
    FALSE, days_before <> 0, FALSE, FALSE, NULL
  FROM shown
  WHERE first_day IS NOT NULL
    AND product IN ('exchange', 'onedrive', 'sharepoint', 'skype_for_business', 'teams', 'viva_engage')
  UNION ALL
  SELECT
    identity, product, person_id, first_day, last_day, 0, NULL, NULL,
    FALSE AS active, active AS active_1, active_1 AS active_2, active_2 AS active_3, cohort
  FROM person_product_before
),
merged AS (
  SELECT
    identity, product, person_id, min(first_day) AS first_day, max(last_day) AS last_day, max(days_active) AS days_active,
    min(month_first_day) AS month_first_day, max(month_last_day) AS month_last_day, bool_or(active) AS active,
    bool_or(active_1) AS active_1, bool_or(active_2) AS active_2, bool_or(active_3) AS active_3, max(cohort) AS cohort
  FROM known
  GROUP BY identity, product, person_id
)
SELECT
  m.identity, m.product, m.person_id, m.first_day, m.last_day, m.days_active, m.month_first_day, m.month_last_day,
  m.active, m.active_1, m.active_2, m.active_3,
  CASE
    WHEN m.first_day >= b.month AND m.first_day < b.next_month AND coalesce(c.has_firsts, FALSE) THEN b.month
    WHEN m.cohort = CAST(date_trunc('month', m.first_day) AS DATE) THEN m.cohort
  END AS cohort
FROM merged AS m
CROSS JOIN build AS b
LEFT JOIN product_month AS c ON c.product = m.product AND c.counted = m.identity
