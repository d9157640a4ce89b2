-- Licences of people by the end of the month, in the same way: of who has left, those that they had; of who comes later, the
-- first ones.
WITH now AS (
  SELECT l.user_id AS person_id, l.sku_id, TRUE AS assigned
  FROM user_licenses AS l
  JOIN people AS p ON p.person_id = l.user_id AND p.in_directory
  UNION ALL
  SELECT l.user_id, l.sku_id, FALSE
  FROM user_licenses_after AS l
  JOIN people AS p ON p.person_id = l.user_id AND NOT p.in_directory
  WHERE l.user_id NOT IN (SELECT person_id FROM people_before WHERE person_id IS NOT NULL)
),
names AS (
  SELECT sku_id, min(sku_part_number) AS sku_part_number FROM subscribed_skus GROUP BY sku_id
)
SELECT DISTINCT n.person_id, n.sku_id, coalesce(s.sku_part_number, n.sku_id) AS sku_part_number, n.assigned
FROM now AS n
LEFT JOIN names AS s ON s.sku_id = n.sku_id
UNION ALL
SELECT l.person_id, l.sku_id, l.sku_part_number, FALSE
FROM people_licences_before AS l
JOIN people AS p ON p.person_id = l.person_id AND NOT p.in_directory
