-- Licences bought, assigned and used, of the tenant and by segment. What a licence brings is told by its service plans; of one
-- that brings none of the products it is not known whether it is used.
WITH skus AS (
  SELECT
    s.sku_id, min(s.sku_part_number) AS sku_part_number,
    sum(coalesce(s.enabled_units, 0) + coalesce(s.warning_units, 0)) AS bought
  FROM subscribed_skus AS s
  CROSS JOIN build AS b
  WHERE s.month <= b.month
  GROUP BY s.sku_id
),
brings AS (
  SELECT DISTINCT s.sku_id, p.product
  FROM sku_plans AS s
  JOIN plan_products AS p ON p.service_plan_name = s.service_plan_name
),
measured AS (
  SELECT DISTINCT sku_id FROM brings
),
-- The last day that is known: the month's end, or the last day that landed.
known AS (
  SELECT max(content_date) AS day, bool_and(has_history) AS has_history
  FROM product_month
  WHERE product = 'microsoft365'
),
used AS (
  SELECT l.person_id, l.sku_id, max(e.last_day) AS last_day, bool_or(e.active) AS active
  FROM people_licences AS l
  JOIN brings AS r ON r.sku_id = l.sku_id
  JOIN person_product AS e ON e.identity = 'named' AND e.person_id = l.person_id AND e.product = r.product
  WHERE l.assigned
  GROUP BY l.person_id, l.sku_id
),
seats AS (
  SELECT
    l.person_id, l.sku_id, m.sku_id IS NOT NULL AS measured,
    coalesce(u.active, FALSE) AS active,
    u.last_day IS NULL AS never,
    u.last_day IS NULL OR u.last_day <= k.day - INTERVAL '30' DAY AS idle_30,
    u.last_day IS NULL OR u.last_day <= k.day - INTERVAL '60' DAY AS idle_60,
    u.last_day IS NULL OR u.last_day <= k.day - INTERVAL '90' DAY AS idle_90
  FROM people_licences AS l
  CROSS JOIN known AS k
  LEFT JOIN measured AS m ON m.sku_id = l.sku_id
  LEFT JOIN used AS u ON u.person_id = l.person_id AND u.sku_id = l.sku_id
  WHERE l.assigned
),
counts AS (
  SELECT
    s.sku_id, g.attribute, g.value, min(g.level) AS level, bool_or(s.measured) AS measured, count(*) AS assigned,
    count(*) FILTER (WHERE s.active) AS active,
    count(*) FILTER (WHERE s.idle_30) AS inactive_30,
    count(*) FILTER (WHERE s.idle_60) AS inactive_60,
    count(*) FILTER (WHERE s.idle_90) AS inactive_90,
    count(*) FILTER (WHERE s.never) AS never_active
  FROM seats AS s
  JOIN person_segments AS g ON g.identity = 'named' AND g.person_id = s.person_id AND g.attribute <> 'license'
  GROUP BY s.sku_id, g.attribute, g.value
),
keys AS (
  SELECT sku_id, attribute, value FROM counts
  UNION
  SELECT sku_id, 'tenant', 'all' FROM skus
),
wide AS (
  SELECT
    s.sku_id, s.sku_part_number, k.attribute, k.value, c.level,
    CASE WHEN k.attribute = 'tenant' THEN s.bought END AS bought,
    coalesce(c.assigned, 0) AS assigned,
    CASE WHEN m.sku_id IS NOT NULL THEN coalesce(c.active, 0) END AS active,
    CASE WHEN m.sku_id IS NOT NULL THEN coalesce(c.inactive_30, 0) END AS inactive_30,
    CASE WHEN m.sku_id IS NOT NULL THEN coalesce(c.inactive_60, 0) END AS inactive_60,
    CASE WHEN m.sku_id IS NOT NULL THEN coalesce(c.inactive_90, 0) END AS inactive_90,
    CASE WHEN m.sku_id IS NOT NULL THEN coalesce(c.never_active, 0) END AS never_active,
    CASE WHEN k.attribute = 'tenant' THEN greatest(s.bought - coalesce(c.assigned, 0), 0) END AS unassigned
  FROM keys AS k
  JOIN skus AS s ON s.sku_id = k.sku_id
  LEFT JOIN measured AS m ON m.sku_id = k.sku_id
  LEFT JOIN counts AS c ON c.sku_id = k.sku_id AND c.attribute = k.attribute AND c.value = k.value
)
SELECT
  w.sku_part_number, w.attribute, w.value, w.level, w.bought, w.assigned, w.active, w.inactive_30, w.inactive_60,
  w.inactive_90, w.never_active, w.unassigned, p.unit_price, p.currency,
  p.unit_price * CAST(coalesce(w.unassigned, 0) + w.inactive_90 AS DOUBLE) AS unused_cost,
  k.day AS content_date
FROM wide AS w
CROSS JOIN known AS k
LEFT JOIN prices AS p ON p.sku_part_number = w.sku_part_number
WHERE k.has_history
