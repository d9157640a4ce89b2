-- The segments of each person: one row an attribute, more for managers (everybody above) and licences.
WITH counted AS (
  SELECT identity, person_id FROM user_product
  UNION
  SELECT 'named', person_id FROM people_licences WHERE assigned
),
known AS (
  SELECT c.identity, c.person_id, p.country, p.usage_location, p.city, p.department, p.company, p.office, p.job_title,
    p.employee_type
  FROM counted AS c
  LEFT JOIN people AS p ON p.person_id = c.person_id AND c.identity = 'named'
),
plain AS (
  SELECT
    k.identity, k.person_id, a.attribute,
    CASE a.attribute
      WHEN 'tenant' THEN 'all'
      WHEN 'country' THEN k.country
      WHEN 'usage_location' THEN k.usage_location
      WHEN 'city' THEN k.city
      WHEN 'department' THEN k.department
      WHEN 'company' THEN k.company
      WHEN 'office' THEN k.office
      WHEN 'job_title' THEN k.job_title
      WHEN 'employee_type' THEN k.employee_type
    END AS value
  FROM known AS k
  CROSS JOIN (
    VALUES ('tenant'), ('country'), ('usage_location'), ('city'), ('department'), ('company'), ('office'), ('job_title'),
      ('employee_type')
  ) AS a(attribute)
)
SELECT identity, person_id, attribute, coalesce(nullif(trim(value), ''), '(none)') AS value, CAST(NULL AS BIGINT) AS level
FROM plain
UNION ALL
-- Two people above may have had one name, one after the other: the segment is one.
SELECT k.identity, k.person_id, 'manager', coalesce(m.manager, '(none)'), min(m.level)
FROM counted AS k
LEFT JOIN manager_chain AS m ON m.person_id = k.person_id AND k.identity = 'named'
GROUP BY k.identity, k.person_id, coalesce(m.manager, '(none)')
UNION ALL
SELECT DISTINCT k.identity, k.person_id, 'license', coalesce(l.sku_part_number, '(none)'), CAST(NULL AS BIGINT)
FROM counted AS k
LEFT JOIN people_licences AS l ON l.person_id = k.person_id AND k.identity = 'named'
