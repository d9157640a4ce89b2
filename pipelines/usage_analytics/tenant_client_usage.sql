-- With what people worked: different people by client, over the days of the month.
WITH clients AS (
  SELECT
    'exchange' AS product, r.user_principal_name AS address, r.day, k.client,
    CASE k.client
      WHEN 'mail_for_mac' THEN r.mail_for_mac IS NOT NULL
      WHEN 'outlook_for_mac' THEN r.outlook_for_mac IS NOT NULL
      WHEN 'outlook_for_windows' THEN r.outlook_for_windows IS NOT NULL
      WHEN 'outlook_for_mobile' THEN r.outlook_for_mobile IS NOT NULL
      WHEN 'other_for_mobile' THEN r.other_for_mobile IS NOT NULL
      WHEN 'outlook_for_web' THEN r.outlook_for_web IS NOT NULL
      WHEN 'pop3_app' THEN r.pop3_app IS NOT NULL
      WHEN 'imap4_app' THEN r.imap4_app IS NOT NULL
      WHEN 'smtp_app' THEN r.smtp_app IS NOT NULL
    END AS used
  FROM email_app_usage_user_detail AS r
  CROSS JOIN (
    VALUES ('mail_for_mac'), ('outlook_for_mac'), ('outlook_for_windows'), ('outlook_for_mobile'),
      ('other_for_mobile'), ('outlook_for_web'), ('pop3_app'), ('imap4_app'), ('smtp_app')
  ) AS k(client)
  WHERE r.period = 1
  UNION ALL
  SELECT
    'teams', r.user_principal_name, r.day, k.client,
    CASE k.client
      WHEN 'web' THEN r.used_web
      WHEN 'windows_phone' THEN r.used_windows_phone
      WHEN 'ios' THEN r.used_ios
      WHEN 'mac' THEN r.used_mac
      WHEN 'android_phone' THEN r.used_android_phone
      WHEN 'windows' THEN r.used_windows
      WHEN 'chrome_os' THEN r.used_chrome_os
      WHEN 'linux' THEN r.used_linux
    END
  FROM teams_device_usage_user_detail AS r
  CROSS JOIN (
    VALUES ('web'), ('windows_phone'), ('ios'), ('mac'), ('android_phone'), ('windows'), ('chrome_os'), ('linux')
  ) AS k(client)
  WHERE r.period = 1
  UNION ALL
  SELECT
    'viva_engage', r.user_principal_name, r.day, k.client,
    CASE k.client
      WHEN 'web' THEN r.used_web
      WHEN 'windows_phone' THEN r.used_windows_phone
      WHEN 'android_phone' THEN r.used_android_phone
      WHEN 'iphone' THEN r.used_iphone
      WHEN 'ipad' THEN r.used_ipad
      WHEN 'others' THEN r.used_others
    END
  FROM yammer_device_usage_user_detail AS r
  CROSS JOIN (
    VALUES ('web'), ('windows_phone'), ('android_phone'), ('iphone'), ('ipad'), ('others')
  ) AS k(client)
  WHERE r.period = 1
  UNION ALL
  SELECT
    'skype_for_business', r.user_principal_name, r.day, k.client,
    CASE k.client
      WHEN 'windows' THEN r.used_windows
      WHEN 'windows_phone' THEN r.used_windows_phone
      WHEN 'android_phone' THEN r.used_android_phone
      WHEN 'iphone' THEN r.used_iphone
      WHEN 'ipad' THEN r.used_ipad
    END
  FROM skype_for_business_device_usage_user_detail AS r
  CROSS JOIN (
    VALUES ('windows'), ('windows_phone'), ('android_phone'), ('iphone'), ('ipad')
  ) AS k(client)
  WHERE r.period = 1
  UNION ALL
  SELECT
    'microsoft365_apps', r.user_principal_name, r.day, k.client,
    CASE k.client
      WHEN 'outlook_windows' THEN r.outlook_windows
      WHEN 'word_windows' THEN r.word_windows
      WHEN 'excel_windows' THEN r.excel_windows
      WHEN 'powerpoint_windows' THEN r.powerpoint_windows
      WHEN 'onenote_windows' THEN r.onenote_windows
      WHEN 'teams_windows' THEN r.teams_windows
      WHEN 'outlook_mac' THEN r.outlook_mac
      WHEN 'word_mac' THEN r.word_mac
      WHEN 'excel_mac' THEN r.excel_mac
      WHEN 'powerpoint_mac' THEN r.powerpoint_mac
      WHEN 'onenote_mac' THEN r.onenote_mac
      WHEN 'teams_mac' THEN r.teams_mac
      WHEN 'outlook_mobile' THEN r.outlook_mobile
      WHEN 'word_mobile' THEN r.word_mobile
      WHEN 'excel_mobile' THEN r.excel_mobile
      WHEN 'powerpoint_mobile' THEN r.powerpoint_mobile
      WHEN 'onenote_mobile' THEN r.onenote_mobile
      WHEN 'teams_mobile' THEN r.teams_mobile
      WHEN 'outlook_web' THEN r.outlook_web
      WHEN 'word_web' THEN r.word_web
      WHEN 'excel_web' THEN r.excel_web
      WHEN 'powerpoint_web' THEN r.powerpoint_web
      WHEN 'onenote_web' THEN r.onenote_web
      WHEN 'teams_web' THEN r.teams_web
    END
  FROM m365_app_user_detail AS r
  CROSS JOIN (
    VALUES ('outlook_windows'), ('word_windows'), ('excel_windows'), ('powerpoint_windows'), ('onenote_windows'),
      ('teams_windows'), ('outlook_mac'), ('word_mac'), ('excel_mac'), ('powerpoint_mac'), ('onenote_mac'),
      ('teams_mac'), ('outlook_mobile'), ('word_mobile'), ('excel_mobile'), ('powerpoint_mobile'),
      ('onenote_mobile'), ('teams_mobile'), ('outlook_web'), ('word_web'), ('excel_web'), ('powerpoint_web'),
      ('onenote_web'), ('teams_web')
  ) AS k(client)
  WHERE r.period = 1
),
rows_of_people AS (
  SELECT DISTINCT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    product, lower(address) AS address, day, client
  FROM clients
  WHERE used AND address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
),
resolved AS (
  SELECT
    r.identity, r.product, r.client, r.day,
    CASE WHEN r.identity = 'concealed' THEN r.address ELSE coalesce(h.person_id, r.address) END AS person_id
  FROM rows_of_people AS r
  LEFT JOIN holders AS h ON h.address = r.address AND r.day >= h.from_day AND r.day < h.until_day
),
measured AS (
  SELECT r.product, r.client AS client_id, count(DISTINCT r.person_id) AS user_count, max(r.day) AS content_date
  FROM resolved AS r
  JOIN product_month AS m ON m.product = r.product AND m.counted = r.identity AND m.has_history
  GROUP BY r.product, r.client
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.product, l.client_id, l.user_count, l.content_date, 'legacy' AS source
FROM legacy_tenant_client_usage AS l
CROSS JOIN (SELECT count(*) AS n FROM product_month WHERE has_history) AS c
WHERE c.n = 0
