-- Who was enabled for which product in the month. The six of the suite by getOffice365ActiveUserDetail, any reading; Copilot
-- and the apps by the plans of the directory, else, and where names are concealed, by the report of licensed people.
WITH readings AS (
  SELECT
    r.user_principal_name AS address, r.day AS read_day, r.period, p.product,
    coalesce(CASE p.product
      WHEN 'exchange' THEN r.has_exchange_license
      WHEN 'onedrive' THEN r.has_onedrive_license
      WHEN 'sharepoint' THEN r.has_sharepoint_license
      WHEN 'skype_for_business' THEN r.has_skype_for_business_license
      WHEN 'teams' THEN r.has_teams_license
      WHEN 'viva_engage' THEN r.has_yammer_license
    END, FALSE) AND NOT coalesce(r.is_deleted, FALSE) AS has, 'suite' AS family
  FROM office365_active_user_detail AS r
  CROSS JOIN (
    VALUES ('exchange'), ('onedrive'), ('sharepoint'), ('skype_for_business'), ('teams'), ('viva_engage')
  ) AS p(product)
  UNION ALL
  SELECT user_principal_name, day, period, 'copilot', TRUE, 'copilot' FROM microsoft365_copilot_usage_user_detail
  UNION ALL
  SELECT user_principal_name, day, period, 'microsoft365_apps', TRUE, 'apps'
  FROM m365_app_user_detail
  WHERE period <> 1
),
identified AS (
  SELECT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS address, read_day, period, product, family, has
  FROM readings
  WHERE address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
),
-- The last night of the month, by kind of identity, and the shortest of the answers read that night.
nights AS (
  SELECT identity, family, read_day, min(period) AS period
  FROM (
    SELECT identity, family, read_day, period, max(read_day) OVER (PARTITION BY identity, family) AS latest
    FROM identified
    WHERE period <> 1
  ) AS n
  WHERE read_day = latest
  GROUP BY identity, family, read_day
),
resolved AS (
  SELECT
    i.identity, i.product, i.family,
    CASE WHEN i.identity = 'concealed' THEN i.address ELSE coalesce(h.person_id, i.address) END AS person_id,
    n.read_day IS NOT NULL AS last_night
  FROM identified AS i
  LEFT JOIN nights AS n
    ON n.identity = i.identity AND n.family = i.family AND n.read_day = i.read_day AND n.period = i.period
  LEFT JOIN holders AS h ON h.address = i.address AND i.read_day >= h.from_day AND i.read_day < h.until_day
  WHERE i.has
),
directory AS (
  SELECT count(*) AS plans FROM user_plans AS u CROSS JOIN build AS b WHERE u.month <= b.month
),
by_plan AS (
  SELECT DISTINCT u.user_id AS person_id, p.product
  FROM user_plans AS u
  CROSS JOIN build AS b
  JOIN (SELECT DISTINCT service_plan_id, service_plan_name FROM sku_plans) AS s ON s.service_plan_id = u.service_plan_id
  JOIN plan_products AS p ON p.service_plan_name = s.service_plan_name
  WHERE u.month <= b.month AND u.capability_status IN ('Enabled', 'Warning')
    AND p.product IN ('copilot', 'microsoft365_apps')
),
enabled AS (
  SELECT r.identity, r.product, r.person_id, r.last_night
  FROM resolved AS r
  CROSS JOIN directory AS d
  WHERE r.family = 'suite' OR r.identity = 'concealed' OR d.plans = 0
  UNION ALL
  SELECT 'named', product, person_id, TRUE FROM by_plan
)
SELECT identity, product, person_id, bool_or(last_night) AS enabled_at_end
FROM enabled
GROUP BY identity, product, person_id
UNION ALL
SELECT identity, 'microsoft365', person_id, bool_or(last_night)
FROM enabled
WHERE product IN ('exchange', 'onedrive', 'sharepoint', 'skype_for_business', 'teams', 'viva_engage')
GROUP BY identity, person_id
