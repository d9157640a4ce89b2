-- Everybody above a person, up to sixteen steps. `level` is where the manager stands: 1 has nobody above.
WITH step_1 AS (
  SELECT person_id, manager_id, CAST(1 AS BIGINT) AS distance FROM people WHERE manager_id IS NOT NULL
),
step_2 AS (
  SELECT * FROM step_1
  UNION ALL
  SELECT a.person_id, b.manager_id, a.distance + b.distance
  FROM step_1 AS a
  JOIN step_1 AS b ON b.person_id = a.manager_id
),
step_4 AS (
  SELECT * FROM step_2
  UNION ALL
  SELECT a.person_id, b.manager_id, a.distance + b.distance
  FROM step_2 AS a
  JOIN step_2 AS b ON b.person_id = a.manager_id
  WHERE a.distance = 2
),
step_8 AS (
  SELECT * FROM step_4
  UNION ALL
  SELECT a.person_id, b.manager_id, a.distance + b.distance
  FROM step_4 AS a
  JOIN step_4 AS b ON b.person_id = a.manager_id
  WHERE a.distance = 4
),
step_16 AS (
  SELECT * FROM step_8
  UNION ALL
  SELECT a.person_id, b.manager_id, a.distance + b.distance
  FROM step_8 AS a
  JOIN step_8 AS b ON b.person_id = a.manager_id
  WHERE a.distance = 8
),
-- A circle leads back to the person: once is enough, and nobody is above themselves.
above AS (
  SELECT person_id, manager_id, min(distance) AS distance
  FROM step_16
  WHERE person_id <> manager_id
  GROUP BY person_id, manager_id
),
levels AS (
  SELECT person_id, count(*) + 1 AS level FROM above GROUP BY person_id
)
SELECT
  a.person_id, a.manager_id, coalesce(p.user_principal_name, a.manager_id) AS manager, a.distance,
  coalesce(l.level, 1) AS level
FROM above AS a
LEFT JOIN people AS p ON p.person_id = a.manager_id
LEFT JOIN levels AS l ON l.person_id = a.manager_id
