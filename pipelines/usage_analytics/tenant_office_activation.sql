-- Activations of the Office apps, by the last reading of the month.
WITH devices AS (
  SELECT product_type, windows, mac, android, ios, windows_10_mobile, report_refresh_date
  FROM office365_activation_counts
  WHERE report_refresh_date = (SELECT max(report_refresh_date) FROM office365_activation_counts)
),
seats AS (
  SELECT product_type, assigned, activated, report_refresh_date
  FROM office365_activations_user_counts
  WHERE report_refresh_date = (SELECT max(report_refresh_date) FROM office365_activations_user_counts)
),
keys AS (
  SELECT product_type FROM devices
  UNION
  SELECT product_type FROM seats
),
measured AS (
  SELECT
    k.product_type AS service_plan_name,
    sum(s.assigned) AS total_enabled,
    sum(s.activated) AS total_activated_users,
    sum(coalesce(d.windows, 0) + coalesce(d.mac, 0) + coalesce(d.android, 0) + coalesce(d.ios, 0)
      + coalesce(d.windows_10_mobile, 0)) AS total_activations,
    sum(d.android) AS android_count,
    sum(d.ios) AS ios_count,
    sum(d.mac) AS mac_count,
    sum(d.windows) AS pc_count,
    sum(d.windows_10_mobile) AS win_rt_count,
    max(greatest(s.report_refresh_date, d.report_refresh_date)) AS content_date
  FROM keys AS k
  LEFT JOIN devices AS d ON d.product_type = k.product_type
  LEFT JOIN seats AS s ON s.product_type = k.product_type
  GROUP BY k.product_type
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.service_plan_name, l.total_enabled, l.total_activated_users, l.total_activations, l.android_count, l.ios_count,
  l.mac_count, l.pc_count, l.win_rt_count, l.content_date, 'legacy' AS source
FROM legacy_tenant_office_activation AS l
CROSS JOIN (SELECT count(*) AS n FROM measured) AS c
WHERE c.n = 0
