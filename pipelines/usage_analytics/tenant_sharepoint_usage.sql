-- Sites as the last answer of the month shows them. Totals are those of the counts reports where these give them (site type
-- `All`); site types are never added to it.
WITH listed AS (
  SELECT
    CASE
      WHEN root_web_template = 'Group' THEN 'group'
      WHEN root_web_template = 'Team Site' THEN 'team'
      ELSE 'other'
    END AS site_type, site_id, day, file_count, storage_used_byte, storage_allocated_byte
  FROM share_point_site_usage_detail_last
  WHERE NOT coalesce(is_deleted, FALSE)
),
used AS (
  SELECT DISTINCT
    CASE
      WHEN root_web_template = 'Group' THEN 'group'
      WHEN root_web_template = 'Team Site' THEN 'team'
      ELSE 'other'
    END AS site_type, s.site_id
  FROM share_point_site_usage_detail AS s
  CROSS JOIN build AS b
  WHERE (s.last_activity_date >= b.month AND s.last_activity_date < b.next_month)
    OR (s.period = 1 AND (s.active_file_count > 0 OR s.page_view_count > 0))
),
state AS (
  SELECT
    site_type, count(*) AS total, sum(file_count) AS files, sum(storage_used_byte) AS bytes,
    sum(storage_allocated_byte) AS quota, max(day) AS day
  FROM listed
  GROUP BY site_type
  UNION ALL
  SELECT
    'any' AS site_type, count(*) AS total, sum(file_count) AS files, sum(storage_used_byte) AS bytes,
    sum(storage_allocated_byte) AS quota, max(day) AS day
  FROM listed
  HAVING count(*) > 0
),
activity AS (
  SELECT u.site_type, count(DISTINCT u.site_id) AS active, count(DISTINCT l.site_id) AS active_at_end
  FROM used AS u
  LEFT JOIN listed AS l ON l.site_type = u.site_type AND l.site_id = u.site_id
  GROUP BY u.site_type
  UNION ALL
  SELECT 'any' AS site_type, count(DISTINCT u.site_id) AS active, count(DISTINCT l.site_id) AS active_at_end
  FROM used AS u
  LEFT JOIN listed AS l ON l.site_id = u.site_id
),
counts AS (
  SELECT total, report_date FROM share_point_site_usage_site_counts WHERE site_type = 'All'
),
files AS (
  SELECT total, report_date FROM share_point_site_usage_file_counts WHERE site_type = 'All'
),
storage AS (
  SELECT storage_used_byte, report_date FROM share_point_site_usage_storage WHERE site_type = 'All'
),
given AS (
  SELECT
    (SELECT max(total) FROM counts WHERE report_date = (SELECT max(report_date) FROM counts)) AS total,
    (SELECT max(total) FROM files WHERE report_date = (SELECT max(report_date) FROM files)) AS files,
    (SELECT max(storage_used_byte) FROM storage WHERE report_date = (SELECT max(report_date) FROM storage)) AS bytes,
    (SELECT max(report_date) FROM counts) AS day
),
keys AS (
  SELECT site_type FROM state
  UNION
  SELECT site_type FROM activity WHERE active > 0
  UNION
  SELECT 'any' FROM given WHERE total IS NOT NULL
),
measured AS (
  SELECT
    k.site_type,
    'any' AS activity_type,
    CASE WHEN k.site_type = 'any' THEN coalesce(g.bytes, s.bytes) ELSE s.bytes END AS disk_used,
    s.quota AS disk_quota,
    CASE WHEN k.site_type = 'any' THEN coalesce(g.files, s.files) ELSE s.files END AS document_count,
    CASE WHEN k.site_type = 'any' THEN coalesce(g.total, s.total) ELSE s.total END AS total_sites,
    coalesce(a.active, 0) AS activity_total_sites,
    coalesce(a.active_at_end, 0) AS activity_sites_at_end,
    CASE WHEN k.site_type = 'any' THEN coalesce(g.day, s.day) ELSE s.day END AS content_date
  FROM keys AS k
  CROSS JOIN given AS g
  LEFT JOIN state AS s ON s.site_type = k.site_type
  LEFT JOIN activity AS a ON a.site_type = k.site_type
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.site_type, l.activity_type, l.disk_used, l.disk_quota, l.document_count, l.total_sites, l.activity_total_sites,
  CAST(NULL AS BIGINT),
  l.content_date, 'legacy' AS source
FROM legacy_tenant_sharepoint_usage AS l
CROSS JOIN (SELECT count(*) AS n FROM measured) AS c
WHERE c.n = 0
