-- The last days of activity that the reports read for a day of this month show. Those of this month and of the two beside it
-- are bits (the first of a month is 1, the second 2, the third 4); of all up to the end of this month there are first and last.
-- One row a reading becomes one an address before anything else: most of the data is in the readings.
WITH readings AS (
  SELECT
    user_principal_name AS address, CAST(NULL AS STRING) AS user_id, day AS read_day,
    exchange_last_activity_date AS exchange, onedrive_last_activity_date AS onedrive,
    sharepoint_last_activity_date AS sharepoint, skype_for_business_last_activity_date AS skype,
    teams_last_activity_date AS teams, yammer_last_activity_date AS viva_engage, CAST(NULL AS DATE) AS apps
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
-- Addresses that changed hands. Of all others it does not matter on which day they were read.
moved AS (
  SELECT DISTINCT address FROM holders WHERE from_day > DATE '1900-01-01'
),
marked AS (
  SELECT
    r.address, r.user_id, CASE WHEN m.address IS NULL THEN b.month ELSE r.read_day END AS held_on,
    b.previous_month, b.month, b.next_month,
    r.exchange, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM r.exchange) - 1 AS INT) AS exchange_bit,
    r.onedrive, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM r.onedrive) - 1 AS INT) AS onedrive_bit,
    r.sharepoint, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM r.sharepoint) - 1 AS INT) AS sharepoint_bit,
    r.skype, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM r.skype) - 1 AS INT) AS skype_bit,
    r.teams, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM r.teams) - 1 AS INT) AS teams_bit,
    r.viva_engage, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM r.viva_engage) - 1 AS INT) AS viva_engage_bit,
    r.apps, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM r.apps) - 1 AS INT) AS apps_bit
  FROM readings AS r
  CROSS JOIN build AS b
  LEFT JOIN moved AS m ON m.address = lower(r.address)
),
addresses AS (
  SELECT
    address, user_id, held_on,
    bit_or(CASE WHEN exchange >= previous_month AND exchange < month THEN exchange_bit ELSE 0 END) AS exchange_before,
    bit_or(CASE WHEN exchange >= month AND exchange < next_month THEN exchange_bit ELSE 0 END) AS exchange_days,
    bit_or(CASE WHEN exchange >= next_month THEN exchange_bit ELSE 0 END) AS exchange_after,
    min(CASE WHEN exchange < next_month THEN exchange END) AS exchange_first,
    max(CASE WHEN exchange < next_month THEN exchange END) AS exchange_last,
    bit_or(CASE WHEN onedrive >= previous_month AND onedrive < month THEN onedrive_bit ELSE 0 END) AS onedrive_before,
    bit_or(CASE WHEN onedrive >= month AND onedrive < next_month THEN onedrive_bit ELSE 0 END) AS onedrive_days,
    bit_or(CASE WHEN onedrive >= next_month THEN onedrive_bit ELSE 0 END) AS onedrive_after,
    min(CASE WHEN onedrive < next_month THEN onedrive END) AS onedrive_first,
    max(CASE WHEN onedrive < next_month THEN onedrive END) AS onedrive_last,
    bit_or(CASE WHEN sharepoint >= previous_month AND sharepoint < month THEN sharepoint_bit ELSE 0 END) AS sharepoint_before,
    bit_or(CASE WHEN sharepoint >= month AND sharepoint < next_month THEN sharepoint_bit ELSE 0 END) AS sharepoint_days,
    bit_or(CASE WHEN sharepoint >= next_month THEN sharepoint_bit ELSE 0 END) AS sharepoint_after,
    min(CASE WHEN sharepoint < next_month THEN sharepoint END) AS sharepoint_first,
    max(CASE WHEN sharepoint < next_month THEN sharepoint END) AS sharepoint_last,
    bit_or(CASE WHEN skype >= previous_month AND skype < month THEN skype_bit ELSE 0 END) AS skype_before,
    bit_or(CASE WHEN skype >= month AND skype < next_month THEN skype_bit ELSE 0 END) AS skype_days,
    bit_or(CASE WHEN skype >= next_month THEN skype_bit ELSE 0 END) AS skype_after,
    min(CASE WHEN skype < next_month THEN skype END) AS skype_first,
    max(CASE WHEN skype < next_month THEN skype END) AS skype_last,
    bit_or(CASE WHEN teams >= previous_month AND teams < month THEN teams_bit ELSE 0 END) AS teams_before,
    bit_or(CASE WHEN teams >= month AND teams < next_month THEN teams_bit ELSE 0 END) AS teams_days,
    bit_or(CASE WHEN teams >= next_month THEN teams_bit ELSE 0 END) AS teams_after,
    min(CASE WHEN teams < next_month THEN teams END) AS teams_first,
    max(CASE WHEN teams < next_month THEN teams END) AS teams_last,
    bit_or(CASE WHEN viva_engage >= previous_month AND viva_engage < month THEN viva_engage_bit ELSE 0 END) AS viva_engage_before,
    bit_or(CASE WHEN viva_engage >= month AND viva_engage < next_month THEN viva_engage_bit ELSE 0 END) AS viva_engage_days,
    bit_or(CASE WHEN viva_engage >= next_month THEN viva_engage_bit ELSE 0 END) AS viva_engage_after,
    min(CASE WHEN viva_engage < next_month THEN viva_engage END) AS viva_engage_first,
    max(CASE WHEN viva_engage < next_month THEN viva_engage END) AS viva_engage_last,
    bit_or(CASE WHEN apps >= previous_month AND apps < month THEN apps_bit ELSE 0 END) AS apps_before,
    bit_or(CASE WHEN apps >= month AND apps < next_month THEN apps_bit ELSE 0 END) AS apps_days,
    bit_or(CASE WHEN apps >= next_month THEN apps_bit ELSE 0 END) AS apps_after,
    min(CASE WHEN apps < next_month THEN apps END) AS apps_first,
    max(CASE WHEN apps < next_month THEN apps END) AS apps_last
  FROM marked
  GROUP BY address, user_id, held_on
),
identified AS (
  SELECT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS holder, lower(user_id) AS account, *
  FROM addresses
  WHERE address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
),
resolved AS (
  SELECT
    CASE
      WHEN r.identity = 'concealed' OR h.address IS NULL THEN r.holder
      WHEN h.person_id IS NOT NULL THEN h.person_id
      WHEN r.account IS NOT NULL AND r.account <> '00000000-0000-0000-0000-000000000000' THEN r.account
      ELSE r.holder
    END AS person_id,
    r.*
  FROM identified AS r
  LEFT JOIN holders AS h ON h.address = r.holder AND r.held_on >= h.from_day AND r.held_on < h.until_day
),
products AS (
  SELECT
    r.identity, p.product, r.person_id,
    CASE p.product
      WHEN 'exchange' THEN r.exchange_before
      WHEN 'onedrive' THEN r.onedrive_before
      WHEN 'sharepoint' THEN r.sharepoint_before
      WHEN 'skype_for_business' THEN r.skype_before
      WHEN 'teams' THEN r.teams_before
      WHEN 'viva_engage' THEN r.viva_engage_before
      WHEN 'microsoft365_apps' THEN r.apps_before
    END AS days_before,
    CASE p.product
      WHEN 'exchange' THEN r.exchange_days
      WHEN 'onedrive' THEN r.onedrive_days
      WHEN 'sharepoint' THEN r.sharepoint_days
      WHEN 'skype_for_business' THEN r.skype_days
      WHEN 'teams' THEN r.teams_days
      WHEN 'viva_engage' THEN r.viva_engage_days
      WHEN 'microsoft365_apps' THEN r.apps_days
    END AS days,
    CASE p.product
      WHEN 'exchange' THEN r.exchange_after
      WHEN 'onedrive' THEN r.onedrive_after
      WHEN 'sharepoint' THEN r.sharepoint_after
      WHEN 'skype_for_business' THEN r.skype_after
      WHEN 'teams' THEN r.teams_after
      WHEN 'viva_engage' THEN r.viva_engage_after
      WHEN 'microsoft365_apps' THEN r.apps_after
    END AS days_after,
    CASE p.product
      WHEN 'exchange' THEN r.exchange_first
      WHEN 'onedrive' THEN r.onedrive_first
      WHEN 'sharepoint' THEN r.sharepoint_first
      WHEN 'skype_for_business' THEN r.skype_first
      WHEN 'teams' THEN r.teams_first
      WHEN 'viva_engage' THEN r.viva_engage_first
      WHEN 'microsoft365_apps' THEN r.apps_first
    END AS first_day,
    CASE p.product
      WHEN 'exchange' THEN r.exchange_last
      WHEN 'onedrive' THEN r.onedrive_last
      WHEN 'sharepoint' THEN r.sharepoint_last
      WHEN 'skype_for_business' THEN r.skype_last
      WHEN 'teams' THEN r.teams_last
      WHEN 'viva_engage' THEN r.viva_engage_last
      WHEN 'microsoft365_apps' THEN r.apps_last
    END AS last_day
  FROM resolved AS r
  CROSS JOIN (
    VALUES ('exchange'), ('onedrive'), ('sharepoint'), ('skype_for_business'), ('teams'), ('viva_engage'),
      ('microsoft365_apps')
  ) AS p(product)
  UNION ALL
  SELECT
    s.identity, 'copilot', s.person_id,
    CASE WHEN s.day >= b.previous_month AND s.day < b.month THEN s.bit ELSE 0 END,
    CASE WHEN s.day >= b.month AND s.day < b.next_month THEN s.bit ELSE 0 END,
    CASE WHEN s.day >= b.next_month THEN s.bit ELSE 0 END,
    CASE WHEN s.day < b.next_month THEN s.day END,
    CASE WHEN s.day < b.next_month THEN s.day END
  FROM (
    SELECT identity, person_id, day, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM day) - 1 AS INT) AS bit FROM copilot_shown
  ) AS s
  CROSS JOIN build AS b
)
SELECT
  identity, product, person_id, bit_or(days_before) AS days_before, bit_or(days) AS days, bit_or(days_after) AS days_after,
  min(first_day) AS first_day, max(last_day) AS last_day
FROM products
WHERE first_day IS NOT NULL OR days_after <> 0
GROUP BY identity, product, person_id
