-- The last days of activity that the reports read for a day of this month show, whatever month those days lie in.
WITH readings AS (
  SELECT
    r.user_principal_name AS address, CAST(NULL AS STRING) AS user_id, r.day AS read_day, p.product,
    CASE p.product
      WHEN 'exchange' THEN r.exchange_last_activity_date
      WHEN 'onedrive' THEN r.onedrive_last_activity_date
      WHEN 'sharepoint' THEN r.sharepoint_last_activity_date
      WHEN 'skype_for_business' THEN r.skype_for_business_last_activity_date
      WHEN 'teams' THEN r.teams_last_activity_date
      WHEN 'viva_engage' THEN r.yammer_last_activity_date
    END AS last_day
  FROM office365_active_user_detail AS r
  CROSS JOIN (
    VALUES ('exchange'), ('onedrive'), ('sharepoint'), ('skype_for_business'), ('teams'), ('viva_engage')
  ) AS p(product)
  UNION ALL
  SELECT user_principal_name, NULL, day, 'exchange', last_activity_date FROM email_activity_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, 'exchange', last_activity_date FROM email_app_usage_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, 'onedrive', last_activity_date FROM one_drive_activity_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, 'sharepoint', last_activity_date FROM share_point_activity_user_detail
  UNION ALL
  SELECT user_principal_name, user_id, day, 'teams', last_activity_date FROM teams_user_activity_user_detail
  UNION ALL
  SELECT user_principal_name, user_id, day, 'teams', last_activity_date FROM teams_device_usage_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, 'viva_engage', last_activity_date FROM yammer_activity_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, 'viva_engage', last_activity_date FROM yammer_device_usage_user_detail
  UNION ALL
  SELECT
    r.user_principal_name, NULL, r.day AS read_day, 'skype_for_business',
    CASE k.n
      WHEN 1 THEN r.last_activity_date
      WHEN 2 THEN r.peer_to_peer_last_activity_date
      WHEN 3 THEN r.organized_conference_last_activity_date
      WHEN 4 THEN r.participated_conference_last_activity_date
    END
  FROM skype_for_business_activity_user_detail AS r
  CROSS JOIN (VALUES (1), (2), (3), (4)) AS k(n)
  UNION ALL
  SELECT user_principal_name, NULL, day, 'skype_for_business', last_activity_date
  FROM skype_for_business_device_usage_user_detail
  UNION ALL
  SELECT user_principal_name, NULL, day, 'microsoft365_apps', last_activity_date FROM m365_app_user_detail
),
rows_of_people AS (
  SELECT DISTINCT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS address, lower(user_id) AS user_id, read_day, product, last_day
  FROM readings
  WHERE last_day IS NOT NULL AND address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
)
SELECT DISTINCT
  r.identity, r.product,
  CASE
    WHEN r.identity = 'concealed' OR h.address IS NULL THEN r.address
    WHEN h.person_id IS NOT NULL THEN h.person_id
    WHEN r.user_id IS NOT NULL AND r.user_id <> '00000000-0000-0000-0000-000000000000' THEN r.user_id
    ELSE r.address
  END AS person_id,
  r.last_day AS day
FROM rows_of_people AS r
LEFT JOIN holders AS h ON h.address = r.address AND r.read_day >= h.from_day AND r.read_day < h.until_day
UNION
SELECT identity, 'copilot', person_id, day FROM copilot_shown
