-- Licences of people by the end of the month, in the same way: of who has left, those that they had.
WITH now AS (
  SELECT l.user_id AS person_id, l.sku_id FROM user_licenses AS l CROSS JOIN build AS b WHERE l.month <= b.month
),
names AS (
  SELECT sku_id, min(sku_part_number) AS sku_part_number FROM subscribed_skus GROUP BY sku_id
)
SELECT DISTINCT n.person_id, n.sku_id, coalesce(s.sku_part_number, n.sku_id) AS sku_part_number, TRUE AS assigned
FROM now AS n
LEFT JOIN names AS s ON s.sku_id = n.sku_id
UNION ALL
SELECT l.person_id, l.sku_id, l.sku_part_number, FALSE
FROM people_licences_before AS l
JOIN people AS p ON p.person_id = l.person_id AND NOT p.in_directory
WHERE l.person_id NOT IN (SELECT person_id FROM now WHERE person_id IS NOT NULL)
