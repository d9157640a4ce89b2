-- People whom the month's nightly answers show, with their licences on the last night and what the directory says of them.
-- What was said of each address, and until when; then of each person; then what was said last.
WITH moved AS (
  SELECT DISTINCT address FROM holders WHERE from_day > DATE '1900-01-01'
),
readings AS (
  SELECT
    r.user_principal_name, r.display_name, coalesce(r.is_deleted, FALSE) AS is_deleted, r.deleted_date,
    -- Only of addresses that changed hands does it matter on which day they were read.
    CASE WHEN m.address IS NOT NULL THEN r.day END AS held_on, max(r.day) AS day
  FROM office365_active_user_detail AS r
  LEFT JOIN moved AS m ON m.address = lower(r.user_principal_name)
  GROUP BY 1, 2, 3, 4, 5
),
identified AS (
  SELECT
    CASE WHEN regexp_like(user_principal_name, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(user_principal_name) AS address, day, display_name, is_deleted, deleted_date
  FROM readings
  WHERE user_principal_name IS NOT NULL AND lower(trim(user_principal_name)) NOT IN ('', '--', '(unknown)')
),
said AS (
  SELECT
    r.identity, r.day, r.address, r.display_name, r.is_deleted, r.deleted_date,
    CASE WHEN r.identity = 'concealed' THEN r.address ELSE coalesce(h.person_id, r.address) END AS person_id
  FROM identified AS r
  LEFT JOIN holders AS h ON h.address = r.address AND r.day >= h.from_day AND r.day < h.until_day
),
last_rows AS (
  SELECT
    identity, person_id, max(address) AS address, max(display_name) AS display_name, bool_or(is_deleted) AS is_deleted,
    max(deleted_date) AS deleted_date
  FROM (SELECT *, max(day) OVER (PARTITION BY identity, person_id) AS latest FROM said) AS s
  WHERE day = latest
  GROUP BY identity, person_id
),
plans AS (
  SELECT
    identity, person_id,
    bool_or(product = 'exchange' AND enabled_at_end) AS exo,
    bool_or(product = 'onedrive' AND enabled_at_end) AS odb,
    bool_or(product = 'sharepoint' AND enabled_at_end) AS spo,
    bool_or(product = 'viva_engage' AND enabled_at_end) AS yam,
    bool_or(product = 'skype_for_business' AND enabled_at_end) AS sfb,
    bool_or(product = 'teams' AND enabled_at_end) AS teams
  FROM licensed
  GROUP BY identity, person_id
),
yammer AS (
  SELECT
    y.identity,
    CASE WHEN y.identity = 'concealed' THEN y.address ELSE coalesce(h.person_id, y.address) END AS person_id,
    max(y.user_state) AS user_state, max(y.state_change_date) AS state_change_date
  FROM (
    SELECT
      CASE WHEN regexp_like(user_principal_name, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
      lower(user_principal_name) AS address, day, user_state, state_change_date
    FROM yammer_activity_user_detail
    WHERE user_principal_name IS NOT NULL
  ) AS y
  LEFT JOIN holders AS h ON h.address = y.address AND y.day >= h.from_day AND y.day < h.until_day
  GROUP BY 1, 2
),
measured AS (
  SELECT
    r.person_id, r.identity, coalesce(p.user_principal_name, r.address) AS user_principal_name,
    coalesce(p.display_name, r.display_name) AS display_name,
    p.office AS location_office, p.city AS location_city, p.state AS location_state, p.country AS location_country,
    p.department, p.company, p.job_title AS title,
    coalesce(l.exo, FALSE) AS has_license_exo, coalesce(l.odb, FALSE) AS has_license_odb,
    coalesce(l.spo, FALSE) AS has_license_spo, coalesce(l.yam, FALSE) AS has_license_yam,
    coalesce(l.sfb, FALSE) AS has_license_sfb, coalesce(l.teams, FALSE) AS has_license_teams,
    lower(y.user_state) AS yam_state,
    CASE WHEN lower(y.user_state) = 'active' THEN y.state_change_date END AS yam_activation_date,
    CASE WHEN lower(y.user_state) = 'suspended' THEN y.state_change_date END AS yam_suspension_date,
    CASE WHEN lower(y.user_state) = 'deleted' THEN y.state_change_date END AS yam_deletion_date,
    r.is_deleted AS deleted, r.deleted_date
  FROM last_rows AS r
  JOIN product_month AS m ON m.product = 'microsoft365' AND m.counted = r.identity AND m.has_history
  LEFT JOIN plans AS l ON l.identity = r.identity AND l.person_id = r.person_id
  LEFT JOIN people AS p ON p.person_id = r.person_id AND r.identity = 'named'
  LEFT JOIN yammer AS y ON y.identity = r.identity AND y.person_id = r.person_id
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.user_id AS person_id, 'legacy' AS identity, l.upn AS user_principal_name, l.display_name, l.location_office,
  l.location_city, l.location_state, l.location_country, l.department, l.company, l.title, l.has_license_exo,
  l.has_license_odb, l.has_license_spo, l.has_license_yam, l.has_license_sfb, l.has_license_teams, l.yam_state,
  l.yam_activation_date, l.yam_suspension_date, l.yam_deletion_date, l.deleted, l.deleted_date, 'legacy' AS source
FROM legacy_user_state AS l
CROSS JOIN (SELECT count(*) AS n FROM product_month WHERE has_history) AS c
WHERE c.n = 0
