-- The same, by disjoint groups of people: country × department × company.
WITH grouped AS (
  SELECT
    u.*,
    coalesce(nullif(trim(p.country), ''), '(none)') AS country,
    coalesce(nullif(trim(p.department), ''), '(none)') AS department,
    coalesce(nullif(trim(p.company), ''), '(none)') AS company
  FROM user_product AS u
  LEFT JOIN people AS p ON p.person_id = u.person_id AND u.identity = 'named'
),
counts AS (
  SELECT
    product, country, department, company,
    count(*) FILTER (WHERE enabled) AS enabled_users,
    count(*) FILTER (WHERE active) AS active_users,
    count(*) FILTER (WHERE enabled AND active) AS active_enabled_users,
    count(*) FILTER (WHERE active_last_month) AS active_users_before,
    count(*) FILTER (WHERE returning_user) AS mom_returning_users,
    count(*) FILTER (WHERE first_time) AS first_time_users,
    count(*) FILTER (WHERE enabled AND first_ever_day IS NOT NULL) AS cumulative_active_users
  FROM grouped
  GROUP BY product, country, department, company
)
SELECT
  c.product, c.country, c.department, c.company, c.enabled_users, c.active_users, c.active_enabled_users,
  CAST(c.active_enabled_users AS DOUBLE) / nullif(c.enabled_users, 0) AS active_rate,
  CASE WHEN m.has_firsts THEN c.active_users_before END AS active_users_before,
  CASE WHEN m.has_firsts THEN c.mom_returning_users END AS mom_returning_users,
  CASE WHEN m.has_firsts THEN CAST(c.mom_returning_users AS DOUBLE) / nullif(c.active_users_before, 0) END
    AS mom_returning_rate,
  CASE WHEN m.has_firsts THEN c.first_time_users END AS first_time_users,
  c.cumulative_active_users,
  m.content_date, m.is_complete, m.days_missing, m.nights_missing, m.identity
FROM counts AS c
JOIN product_month AS m ON m.product = c.product
