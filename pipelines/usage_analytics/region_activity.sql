-- How much people did, with where they are: one row a person and product with activity.
WITH measured AS (
  SELECT product, person_id, identity, actions AS total_activity_count, city, country, state
  FROM user_product_month
  WHERE active AND product <> 'microsoft365'
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.product, l.user_id AS person_id, 'legacy' AS identity, l.total_activity_count, l.city, l.country, l.state,
  'legacy' AS source
FROM legacy_region_activity AS l
CROSS JOIN (SELECT count(*) AS n FROM measured) AS c
WHERE c.n = 0
