-- Who was enabled for which product in the month. The six of the suite by getOffice365ActiveUserDetail, any reading; Copilot
-- and the apps by the plans of the directory, else, and where names are concealed, by the report of licensed people.
-- Licences are bits until people are known: most of the data is in the readings.
WITH readings AS (
  SELECT
    user_principal_name AS address, day AS read_day, period, 'suite' AS family,
    CASE WHEN is_deleted THEN 0 ELSE
      CASE WHEN has_exchange_license THEN 1 ELSE 0 END
      + CASE WHEN has_onedrive_license THEN 2 ELSE 0 END
      + CASE WHEN has_sharepoint_license THEN 4 ELSE 0 END
      + CASE WHEN has_skype_for_business_license THEN 8 ELSE 0 END
      + CASE WHEN has_teams_license THEN 16 ELSE 0 END
      + CASE WHEN has_yammer_license THEN 32 ELSE 0 END
    END AS has
  FROM office365_active_user_detail
  UNION ALL
  SELECT user_principal_name, day, period, 'copilot', 64
  FROM microsoft365_copilot_usage_user_detail
  UNION ALL
  SELECT user_principal_name, day, period, 'apps', 128
  FROM m365_app_user_detail
  WHERE period <> 1
),
-- The last night of the month, by kind of identity, and the shortest of the answers read that night.
nights AS (
  SELECT
    family, read_day, period, bool_or(identity = 'named') AS of_named, bool_or(identity = 'concealed') AS of_concealed
  FROM (
    SELECT
      identity, family, read_day, period,
      row_number() OVER (PARTITION BY identity, family ORDER BY read_day DESC NULLS LAST, period NULLS FIRST) AS nth
    FROM (
      SELECT DISTINCT
        CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity, family, read_day, period
      FROM readings
      WHERE period <> 1 AND address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
    ) AS d
  ) AS n
  WHERE nth = 1
  GROUP BY family, read_day, period
),
-- Addresses that changed hands. Of all others it does not matter on which day they were read.
moved AS (
  SELECT DISTINCT address FROM holders WHERE from_day > DATE '1900-01-01'
),
addresses AS (
  SELECT
    r.address, r.family, CASE WHEN m.address IS NULL THEN b.month ELSE r.read_day END AS held_on,
    bit_or(r.has) AS has,
    bit_or(CASE WHEN n.of_named THEN r.has ELSE 0 END) AS named_at_end,
    bit_or(CASE WHEN n.of_concealed THEN r.has ELSE 0 END) AS concealed_at_end
  FROM readings AS r
  CROSS JOIN build AS b
  LEFT JOIN nights AS n ON n.family = r.family AND n.read_day = r.read_day AND n.period = r.period
  LEFT JOIN moved AS m ON m.address = lower(r.address)
  GROUP BY 1, 2, 3
),
identified AS (
  SELECT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS address, family, held_on, has, named_at_end, concealed_at_end
  FROM addresses
  WHERE address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
),
persons AS (
  SELECT
    i.identity, i.family, CASE WHEN i.identity = 'concealed' THEN i.address ELSE coalesce(h.person_id, i.address) END AS person_id,
    bit_or(i.has) AS has,
    bit_or(CASE WHEN i.identity = 'concealed' THEN i.concealed_at_end ELSE i.named_at_end END) AS has_at_end
  FROM identified AS i
  LEFT JOIN holders AS h ON h.address = i.address AND i.held_on >= h.from_day AND i.held_on < h.until_day
  GROUP BY 1, 2, 3
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
  SELECT r.identity, p.product, r.person_id, (r.has_at_end & p.bits) <> 0 AS at_end
  FROM persons AS r
  CROSS JOIN directory AS d
  CROSS JOIN (
    VALUES ('exchange', 1), ('onedrive', 2), ('sharepoint', 4), ('skype_for_business', 8), ('teams', 16), ('viva_engage', 32),
      ('microsoft365', 63), ('copilot', 64), ('microsoft365_apps', 128)
  ) AS p(product, bits)
  WHERE (r.has & p.bits) <> 0 AND (r.family = 'suite' OR r.identity = 'concealed' OR d.plans = 0)
)
SELECT identity, product, person_id, bool_or(at_end) AS enabled_at_end
FROM (
  SELECT identity, product, person_id, at_end FROM enabled
  UNION ALL
  SELECT 'named', product, person_id, TRUE FROM by_plan
) AS e
GROUP BY identity, product, person_id
