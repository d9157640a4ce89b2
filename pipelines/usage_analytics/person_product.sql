-- What is known of a person and a product by the end of the month: the first and the last day of evidence, activity in this
-- month and the three before, and the cohort, the month in which the person is known to have begun. Carried from month to month.
WITH now AS (
  SELECT identity, product, person_id, min(day) AS first_day, max(day) AS last_day, count(*) AS days_active
  FROM evidence
  GROUP BY identity, product, person_id
),
old_days AS (
  SELECT s.identity, s.product, s.person_id, s.day FROM shown AS s CROSS JOIN build AS b WHERE s.day < b.month
),
older AS (
  SELECT
    o.identity, o.product, o.person_id, min(o.day) AS first_day, max(o.day) AS last_day,
    bool_or(o.day >= b.previous_month) AS active_1
  FROM (
    SELECT * FROM old_days
    UNION ALL
    SELECT identity, 'microsoft365', person_id, day
    FROM old_days
    WHERE product IN ('exchange', 'onedrive', 'sharepoint', 'skype_for_business', 'teams', 'viva_engage')
  ) AS o
  CROSS JOIN build AS b
  GROUP BY o.identity, o.product, o.person_id
),
keys AS (
  SELECT identity, product, person_id FROM now
  UNION
  SELECT identity, product, person_id FROM older
  UNION
  SELECT identity, product, person_id FROM person_product_before
),
merged AS (
  SELECT
    k.identity, k.product, k.person_id,
    least(n.first_day, o.first_day, p.first_day) AS first_day,
    greatest(n.last_day, o.last_day, p.last_day) AS last_day,
    coalesce(n.days_active, 0) AS days_active,
    n.first_day AS month_first_day,
    n.last_day AS month_last_day,
    n.person_id IS NOT NULL AS active,
    coalesce(p.active, FALSE) OR coalesce(o.active_1, FALSE) AS active_1,
    coalesce(p.active_1, FALSE) AS active_2,
    coalesce(p.active_2, FALSE) AS active_3,
    p.cohort
  FROM keys AS k
  LEFT JOIN now AS n ON n.identity = k.identity AND n.product = k.product AND n.person_id = k.person_id
  LEFT JOIN older AS o ON o.identity = k.identity AND o.product = k.product AND o.person_id = k.person_id
  LEFT JOIN person_product_before AS p ON p.identity = k.identity AND p.product = k.product AND p.person_id = k.person_id
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
