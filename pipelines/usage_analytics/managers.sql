-- The four people above each person who has a manager.
SELECT a.person_id, a.manager_id AS manager_1, b.manager_id AS manager_2, c.manager_id AS manager_3, d.manager_id AS manager_4
FROM people AS a
LEFT JOIN people AS b ON b.person_id = a.manager_id
LEFT JOIN people AS c ON c.person_id = b.manager_id
LEFT JOIN people AS d ON d.person_id = c.manager_id
WHERE a.manager_id IS NOT NULL
