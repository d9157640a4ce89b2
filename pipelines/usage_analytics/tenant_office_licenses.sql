-- Licences assigned, by the last state of the directory; `Any` is how many people have at least one.
WITH names AS (
  SELECT guid, min(product_display_name) AS name FROM product_names GROUP BY guid
),
skus AS (
  SELECT s.sku_id, s.sku_part_number, s.consumed_units
  FROM subscribed_skus AS s
  CROSS JOIN build AS b
  WHERE s.month <= b.month
),
people_with AS (
  SELECT count(DISTINCT l.user_id) AS people
  FROM user_licenses AS l
  CROSS JOIN build AS b
  WHERE l.month <= b.month
),
measured AS (
  SELECT
    s.sku_part_number AS sku_part_number, coalesce(n.name, s.sku_part_number) AS license_name, s.consumed_units AS assigned_count,
    p.people AS assigned_license
  FROM skus AS s
  CROSS JOIN people_with AS p
  LEFT JOIN names AS n ON n.guid = s.sku_id
  UNION ALL
  SELECT 'Any', 'Any', people AS assigned_count, people AS assigned_license FROM people_with WHERE people > 0
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.license_name AS sku_part_number, l.license_name, l.assigned_count, l.assigned_license, 'legacy' AS source
FROM legacy_tenant_office_licenses AS l
CROSS JOIN (SELECT count(*) AS n FROM measured) AS c
WHERE c.n = 0
