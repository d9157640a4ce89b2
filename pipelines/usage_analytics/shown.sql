-- The last days of activity that the reports read for a day of this month show, whatever month those days lie in.
-- One row a reading until people are known, one a product only then: most of the data is in the readings.
WITH readings AS (
  SELECT
    user_principal_name AS address, CAST(NULL AS STRING) AS user_id, day AS read_day,
    exchange_last_activity_date AS exchange, onedrive_last_activity_date AS onedrive,
    sharepoint_last_activity_date AS sharepoint, skype_for_business_last_activity_date AS skype_for_business,
    teams_last_activity_date AS teams, yammer_last_activity_date AS viva_engage, CAST(NULL AS DATE) AS microsoft365_apps
  FROM office365_active_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, last_activity_date, NULL, NULL, NULL, NULL, NULL, NULL
  FROM email_activity_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, last_activity_date, NULL, NULL, NULL, NULL, NULL, NULL
  FROM email_app_usage_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, NULL, last_activity_date, NULL, NULL, NULL, NULL, NULL
  FROM one_drive_activity_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, NULL, NULL, last_activity_date, NULL, NULL, NULL, NULL
  FROM share_point_activity_user_detail
  UNION ALL
  SELECT user_principal_name, user_id, day, NULL, NULL, NULL, NULL, last_activity_date, NULL, NULL
  FROM teams_user_activity_user_detail
  UNION ALL
  SELECT user_principal_name, user_id, day, NULL, NULL, NULL, NULL, last_activity_date, NULL, NULL
  FROM teams_device_usage_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, NULL, NULL, NULL, NULL, NULL, last_activity_date, NULL
  FROM yammer_activity_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, NULL, NULL, NULL, NULL, NULL, last_activity_date, NULL
  FROM yammer_device_usage_user_detail
  UNION ALL
  SELECT
    r.user_principal_name, NULL, r.day AS read_day, NULL, NULL, NULL,
    CASE k.n
      WHEN 1 THEN r.last_activity_date
      WHEN 2 THEN r.peer_to_peer_last_activity_date
      WHEN 3 THEN r.organized_conference_last_activity_date
      WHEN 4 THEN r.participated_conference_last_activity_date
    END,
    NULL, NULL, NULL
  FROM skype_for_business_activity_user_detail AS r
  CROSS JOIN (VALUES (1), (2), (3), (4)) AS k(n)
  UNION ALL
  SELECT user_principal_name, NULL, day, NULL, NULL, NULL, last_activity_date, NULL, NULL, NULL
  FROM skype_for_business_device_usage_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, NULL, NULL, NULL, NULL, NULL, NULL, last_activity_date
  FROM m365_app_user_detail
),
rows_of_people AS (
  SELECT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS address, lower(user_id) AS user_id, read_day,
    exchange, onedrive, sharepoint, skype_for_business, teams, viva_engage, microsoft365_apps
  FROM readings
  WHERE address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
),
resolved AS (
  SELECT DISTINCT
    r.identity,
    CASE
      WHEN r.identity = 'concealed' OR h.address IS NULL THEN r.address
      WHEN h.person_id IS NOT NULL THEN h.person_id
      WHEN r.user_id IS NOT NULL AND r.user_id <> '00000000-0000-0000-0000-000000000000' THEN r.user_id
      ELSE r.address
    END AS person_id,
    r.exchange, r.onedrive, r.sharepoint, r.skype_for_business, r.teams, r.viva_engage, r.microsoft365_apps
  FROM rows_of_people AS r
  LEFT JOIN holders AS h ON h.address = r.address AND r.read_day >= h.from_day AND r.read_day < h.until_day
),
days AS (
  SELECT
    r.identity, p.product, r.person_id,
    CASE p.product
      WHEN 'exchange' THEN r.exchange
      WHEN 'onedrive' THEN r.onedrive
      WHEN 'sharepoint' THEN r.sharepoint
      WHEN 'skype_for_business' THEN r.skype_for_business
      WHEN 'teams' THEN r.teams
      WHEN 'viva_engage' THEN r.viva_engage
      WHEN 'microsoft365_apps' THEN r.microsoft365_apps
    END AS day
  FROM resolved AS r
  CROSS JOIN (
    VALUES ('exchange'), ('onedrive'), ('sharepoint'), ('skype_for_business'), ('teams'), ('viva_engage'),
      ('microsoft365_apps')
  ) AS p(product)
)
SELECT identity, product, person_id, day FROM days WHERE day IS NOT NULL
UNION
SELECT identity, 'copilot', person_id, day FROM copilot_shown
