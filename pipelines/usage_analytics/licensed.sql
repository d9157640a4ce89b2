-- Who was enabled for which product in the month. The six of the suite by getOffice365ActiveUserDetail, any reading; Copilot
-- and the apps by the plans of the directory, else, and where names are concealed, by the report of licensed people.
-- One row a reading until people are known, one a person and product only then: most of the data is in the readings.
WITH readings AS (
  SELECT
    user_principal_name AS address, day AS read_day, period, 'suite' AS family,
    coalesce(has_exchange_license, FALSE) AND NOT coalesce(is_deleted, FALSE) AS exchange,
    coalesce(has_onedrive_license, FALSE) AND NOT coalesce(is_deleted, FALSE) AS onedrive,
    coalesce(has_sharepoint_license, FALSE) AND NOT coalesce(is_deleted, FALSE) AS sharepoint,
    coalesce(has_skype_for_business_license, FALSE) AND NOT coalesce(is_deleted, FALSE) AS skype_for_business,
    coalesce(has_teams_license, FALSE) AND NOT coalesce(is_deleted, FALSE) AS teams,
    coalesce(has_yammer_license, FALSE) AND NOT coalesce(is_deleted, FALSE) AS viva_engage,
    FALSE AS copilot, FALSE AS microsoft365_apps
  FROM office365_active_user_detail
  UNION ALL
  SELECT user_principal_name, day, period, 'copilot', NULL, NULL, NULL, NULL, NULL, NULL, TRUE, FALSE
  FROM microsoft365_copilot_usage_user_detail
  UNION ALL
  SELECT user_principal_name, day, period, 'apps', NULL, NULL, NULL, NULL, NULL, NULL, FALSE, TRUE
  FROM m365_app_user_detail
  WHERE period <> 1
),
identified AS (
  SELECT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS address, read_day, period, family,
    exchange, onedrive, sharepoint, skype_for_business, teams, viva_engage, copilot, microsoft365_apps
  FROM readings
  WHERE address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
),
-- The last night of the month, by kind of identity, and the shortest of the answers read that night.
nights AS (
  SELECT identity, family, read_day, min(period) AS period
  FROM (
    SELECT identity, family, read_day, period, max(read_day) OVER (PARTITION BY identity, family) AS latest
    FROM (SELECT DISTINCT identity, family, read_day, period FROM identified WHERE period <> 1) AS d
  ) AS n
  WHERE read_day = latest
  GROUP BY identity, family, read_day
),
resolved AS (
  SELECT
    i.identity, i.family,
    CASE WHEN i.identity = 'concealed' THEN i.address ELSE coalesce(h.person_id, i.address) END AS person_id,
    n.read_day IS NOT NULL AS last_night,
    i.exchange, i.onedrive, i.sharepoint, i.skype_for_business, i.teams, i.viva_engage, i.copilot, i.microsoft365_apps
  FROM identified AS i
  LEFT JOIN nights AS n
    ON n.identity = i.identity AND n.family = i.family AND n.read_day = i.read_day AND n.period = i.period
  LEFT JOIN holders AS h ON h.address = i.address AND i.read_day >= h.from_day AND i.read_day < h.until_day
),
persons AS (
  SELECT
    identity, family, person_id,
    bool_or(exchange) AS exchange, bool_or(exchange AND last_night) AS exchange_at_end,
    bool_or(onedrive) AS onedrive, bool_or(onedrive AND last_night) AS onedrive_at_end,
    bool_or(sharepoint) AS sharepoint, bool_or(sharepoint AND last_night) AS sharepoint_at_end,
    bool_or(skype_for_business) AS skype_for_business, bool_or(skype_for_business AND last_night) AS skype_for_business_at_end,
    bool_or(teams) AS teams, bool_or(teams AND last_night) AS teams_at_end,
    bool_or(viva_engage) AS viva_engage, bool_or(viva_engage AND last_night) AS viva_engage_at_end,
    bool_or(copilot) AS copilot, bool_or(copilot AND last_night) AS copilot_at_end,
    bool_or(microsoft365_apps) AS microsoft365_apps, bool_or(microsoft365_apps AND last_night) AS microsoft365_apps_at_end
  FROM resolved
  GROUP BY identity, family, person_id
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
  SELECT
    r.identity, p.product, r.person_id,
    CASE p.product
      WHEN 'exchange' THEN r.exchange
      WHEN 'onedrive' THEN r.onedrive
      WHEN 'sharepoint' THEN r.sharepoint
      WHEN 'skype_for_business' THEN r.skype_for_business
      WHEN 'teams' THEN r.teams
      WHEN 'viva_engage' THEN r.viva_engage
      WHEN 'copilot' THEN r.copilot
      WHEN 'microsoft365_apps' THEN r.microsoft365_apps
      WHEN 'microsoft365' THEN r.exchange OR r.onedrive OR r.sharepoint
        OR r.skype_for_business OR r.teams OR r.viva_engage
    END AS has,
    CASE p.product
      WHEN 'exchange' THEN r.exchange_at_end
      WHEN 'onedrive' THEN r.onedrive_at_end
      WHEN 'sharepoint' THEN r.sharepoint_at_end
      WHEN 'skype_for_business' THEN r.skype_for_business_at_end
      WHEN 'teams' THEN r.teams_at_end
      WHEN 'viva_engage' THEN r.viva_engage_at_end
      WHEN 'copilot' THEN r.copilot_at_end
      WHEN 'microsoft365_apps' THEN r.microsoft365_apps_at_end
      WHEN 'microsoft365' THEN r.exchange_at_end OR r.onedrive_at_end OR r.sharepoint_at_end
        OR r.skype_for_business_at_end OR r.teams_at_end OR r.viva_engage_at_end
    END AS at_end
  FROM persons AS r
  CROSS JOIN directory AS d
  CROSS JOIN (
    VALUES ('exchange'), ('onedrive'), ('sharepoint'), ('skype_for_business'), ('teams'), ('viva_engage'), ('copilot'),
      ('microsoft365_apps'), ('microsoft365')
  ) AS p(product)
  WHERE r.family = 'suite' OR r.identity = 'concealed' OR d.plans = 0
)
SELECT identity, product, person_id, bool_or(at_end) AS enabled_at_end
FROM (
  SELECT identity, product, person_id, at_end FROM enabled WHERE has
  UNION ALL
  SELECT 'named', product, person_id, TRUE FROM by_plan
) AS e
GROUP BY identity, product, person_id
