-- Copilot by app. Without the report for single days an app's days are those on which a reading showed them as the last one.
WITH month_of AS (
  SELECT * FROM product_month WHERE product = 'copilot' AND has_history
),
licences AS (
  SELECT l.identity, l.person_id
  FROM licensed AS l
  JOIN month_of AS m ON m.counted = l.identity
  WHERE l.product = 'copilot'
),
enabled AS (
  SELECT count(*) AS people FROM licences
),
apps AS (
  SELECT
    e.app,
    count(*) FILTER (WHERE e.active) AS active,
    count(*) FILTER (WHERE e.active AND l.person_id IS NOT NULL) AS active_enabled,
    count(*) FILTER (WHERE e.active AND e.active_1) AS again,
    count(*) FILTER (WHERE e.active AND e.first_day >= b.month) AS first_time,
    sum(e.days_active) AS days_active
  FROM copilot_person_app AS e
  CROSS JOIN build AS b
  JOIN month_of AS m ON m.counted = e.identity
  LEFT JOIN licences AS l ON l.identity = e.identity AND l.person_id = e.person_id
  WHERE e.app <> 'any'
  GROUP BY e.app
  UNION ALL
  SELECT
    'any',
    count(*) FILTER (WHERE e.active),
    count(*) FILTER (WHERE e.active AND l.person_id IS NOT NULL),
    count(*) FILTER (WHERE e.active AND e.active_1),
    count(*) FILTER (WHERE e.active AND e.first_day >= b.month),
    sum(e.days_active)
  FROM person_product AS e
  CROSS JOIN build AS b
  JOIN month_of AS m ON m.counted = e.identity
  LEFT JOIN licences AS l ON l.identity = e.identity AND l.person_id = e.person_id
  WHERE e.product = 'copilot'
  HAVING count(*) > 0
)
SELECT
  a.app, n.people AS enabled_users, a.active AS active_users, a.active_enabled AS active_enabled_users,
  CASE WHEN m.has_firsts THEN a.again END AS mom_returning_users,
  CASE WHEN m.has_firsts THEN a.first_time END AS first_time_users,
  a.days_active, m.content_date, m.is_complete, m.days_missing
FROM apps AS a
CROSS JOIN month_of AS m
CROSS JOIN enabled AS n
