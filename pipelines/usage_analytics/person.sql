-- Everybody who was ever enabled or active: one row a person, with the managers above from the top.
WITH seen AS (
  SELECT person_id, identity FROM user_product
  UNION
  SELECT person_id, identity FROM user_state
  UNION
  SELECT person_id, identity FROM person_before
),
above AS (
  SELECT
    person_id,
    max(CASE WHEN level = 1 THEN manager END) AS manager_1,
    max(CASE WHEN level = 2 THEN manager END) AS manager_2,
    max(CASE WHEN level = 3 THEN manager END) AS manager_3,
    max(CASE WHEN level = 4 THEN manager END) AS manager_4,
    max(CASE WHEN level = 5 THEN manager END) AS manager_5,
    max(CASE WHEN level = 6 THEN manager END) AS manager_6
  FROM manager_chain
  GROUP BY person_id
)
-- Of somebody whom the directory never knew, the reports tell the name.
SELECT
  s.person_id, s.identity,
  coalesce(p.user_principal_name, u.user_principal_name, b.user_principal_name) AS user_principal_name,
  coalesce(p.display_name, u.display_name, b.display_name) AS display_name,
  p.user_type, p.country, p.usage_location, p.state, p.city, p.department, p.company, p.office, p.job_title,
  p.employee_type, a.manager_1, a.manager_2, a.manager_3, a.manager_4, a.manager_5, a.manager_6
FROM seen AS s
LEFT JOIN people AS p ON p.person_id = s.person_id AND s.identity = 'named'
LEFT JOIN user_state AS u ON u.person_id = s.person_id AND u.identity = s.identity
LEFT JOIN person_before AS b ON b.person_id = s.person_id AND b.identity = s.identity
LEFT JOIN above AS a ON a.person_id = s.person_id AND s.identity = 'named'
