-- People by the month in which they began, as they are seen in this month.
WITH counts AS (
  SELECT
    e.product, e.cohort,
    (EXTRACT(YEAR FROM b.month) - EXTRACT(YEAR FROM e.cohort)) * 12
      + EXTRACT(MONTH FROM b.month) - EXTRACT(MONTH FROM e.cohort) AS months_since,
    count(*) AS cohort_size,
    count(*) FILTER (WHERE e.active) AS active,
    count(*) FILTER (WHERE NOT e.active AND NOT e.active_1) AS idle,
    count(*) FILTER (WHERE e.active AND NOT e.active_1 AND NOT e.active_2) AS again
  FROM person_product AS e
  CROSS JOIN build AS b
  JOIN product_month AS m ON m.product = e.product AND m.counted = e.identity AND m.has_firsts
  WHERE e.cohort > CAST(date_trunc('month', m.history_from) AS DATE)
  GROUP BY e.product, e.cohort, b.month
)
SELECT
  product, cohort AS cohort_month, cohort_size, CAST(months_since AS BIGINT) AS months_since, active,
  CAST(active AS DOUBLE) / cohort_size AS retention,
  CASE WHEN months_since >= 2 THEN idle END AS lapsed,
  CASE WHEN months_since >= 3 THEN again END AS came_back
FROM counts
