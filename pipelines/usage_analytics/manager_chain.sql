-- Everybody above a person, up to sixteen steps. `level` is where the manager stands: 1 has nobody above.
WITH steps AS (
  SELECT
    a.person_id, n.distance,
    CASE n.distance
      WHEN 1 THEN a.manager_1
      WHEN 2 THEN a.manager_2
      WHEN 3 THEN a.manager_3
      WHEN 4 THEN a.manager_4
      WHEN 5 THEN b.manager_1
      WHEN 6 THEN b.manager_2
      WHEN 7 THEN b.manager_3
      WHEN 8 THEN b.manager_4
      WHEN 9 THEN c.manager_1
      WHEN 10 THEN c.manager_2
      WHEN 11 THEN c.manager_3
      WHEN 12 THEN c.manager_4
      WHEN 13 THEN d.manager_1
      WHEN 14 THEN d.manager_2
      WHEN 15 THEN d.manager_3
      WHEN 16 THEN d.manager_4
    END AS manager_id
  FROM managers AS a
  LEFT JOIN managers AS b ON b.person_id = a.manager_4
  LEFT JOIN managers AS c ON c.person_id = b.manager_4
  LEFT JOIN managers AS d ON d.person_id = c.manager_4
  CROSS JOIN (
    VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16)
  ) AS n(distance)
),
-- A circle leads back to the person: once is enough, and nobody is above themselves.
above AS (
  SELECT person_id, manager_id, min(distance) AS distance
  FROM steps
  WHERE manager_id IS NOT NULL AND person_id <> manager_id
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
