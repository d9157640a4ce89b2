-- The same, one attribute at a time. Segments overlap for managers (everybody above a person counts that person) and for
-- licences (a person may have several), and for no other attribute.
WITH counts AS (
  SELECT
    u.product, s.attribute, s.value, min(s.level) AS level,
    count(*) FILTER (WHERE u.enabled) AS enabled_users,
    count(*) FILTER (WHERE u.active) AS active_users,
    count(*) FILTER (WHERE u.enabled AND u.active) AS active_enabled_users,
    count(*) FILTER (WHERE u.active_last_month) AS active_users_before,
    count(*) FILTER (WHERE u.returning_user) AS mom_returning_users,
    count(*) FILTER (WHERE u.first_time) AS first_time_users,
    count(*) FILTER (WHERE u.enabled AND u.first_ever_day IS NOT NULL) AS cumulative_active_users
  FROM user_product AS u
  JOIN person_segments AS s ON s.identity = u.identity AND s.person_id = u.person_id
  GROUP BY u.product, s.attribute, s.value
)
SELECT
  c.product, c.attribute, c.value, c.level, c.enabled_users, c.active_users, c.active_enabled_users,
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
