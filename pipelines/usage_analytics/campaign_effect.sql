-- What became of a campaign in each of its products: its people before and after, beside people whom no campaign was for.
-- Both groups are fixed on the last night before the start.
WITH every AS (
  SELECT
    c.campaign AS name, c.campaign || ': ' || c.product AS campaign, c.product, c.attribute, c.value, c.start_day, c.last_day,
    c.start_day - INTERVAL '56' DAY AS placebo_from, c.start_day - INTERVAL '28' DAY AS before_from,
    c.last_day + INTERVAL '1' DAY AS after_from, c.last_day + INTERVAL '29' DAY AS after_until,
    c.last_day + INTERVAL '92' DAY AS later_from, c.last_day + INTERVAL '120' DAY AS later_until
  FROM campaigns AS c
),
counted AS (
  SELECT product, counted AS identity, history_from FROM product_month
),
-- Enabled on the last night before the start; Copilot and the apps by the end of the month before.
nights AS (
  SELECT c.campaign, max(r.day) AS night
  FROM every AS c
  JOIN office365_active_user_detail AS r ON r.period <> 1 AND r.day < c.start_day
  GROUP BY c.campaign
),
shortest AS (
  SELECT n.campaign, n.night, min(r.period) AS period
  FROM nights AS n
  JOIN office365_active_user_detail AS r ON r.period <> 1 AND r.day = n.night
  GROUP BY n.campaign, n.night
),
listed AS (
  SELECT
    c.campaign,
    CASE WHEN regexp_like(r.user_principal_name, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(r.user_principal_name) AS address, r.day
  FROM every AS c
  JOIN shortest AS s ON s.campaign = c.campaign
  JOIN office365_active_user_detail AS r ON r.day = s.night AND r.period = s.period
  WHERE NOT coalesce(r.is_deleted, FALSE)
    AND r.user_principal_name IS NOT NULL AND lower(trim(r.user_principal_name)) NOT IN ('', '--', '(unknown)')
    AND CASE c.product
      WHEN 'exchange' THEN r.has_exchange_license
      WHEN 'onedrive' THEN r.has_onedrive_license
      WHEN 'sharepoint' THEN r.has_sharepoint_license
      WHEN 'skype_for_business' THEN r.has_skype_for_business_license
      WHEN 'teams' THEN r.has_teams_license
      WHEN 'viva_engage' THEN r.has_yammer_license
      WHEN 'microsoft365' THEN coalesce(r.has_exchange_license, FALSE) OR coalesce(r.has_onedrive_license, FALSE)
        OR coalesce(r.has_sharepoint_license, FALSE) OR coalesce(r.has_teams_license, FALSE)
        OR coalesce(r.has_yammer_license, FALSE) OR coalesce(r.has_skype_for_business_license, FALSE)
    END
),
enabled AS (
  SELECT DISTINCT
    l.campaign, l.identity,
    CASE WHEN l.identity = 'concealed' THEN l.address ELSE coalesce(h.person_id, l.address) END AS person_id
  FROM listed AS l
  LEFT JOIN holders AS h ON h.address = l.address AND l.day >= h.from_day AND l.day < h.until_day
  UNION
  SELECT c.campaign, l.identity, l.person_id
  FROM every AS c
  JOIN licensed_before AS l ON l.product = c.product AND l.enabled_at_end
  WHERE c.product IN ('copilot', 'microsoft365_apps')
),
-- Campaigns that run at the same time, itself included, and whom they are for.
overlapping AS (
  SELECT c.campaign, o.campaign = c.name AS own, o.attribute, o.value
  FROM every AS c
  JOIN campaigns_all AS o ON o.start_day <= c.last_day AND o.last_day >= c.start_day
),
-- Segments by the state before; of who was not there yet, by their first.
segments AS (
  SELECT identity, person_id, attribute, value FROM person_segments_before
  UNION ALL
  SELECT s.identity, s.person_id, s.attribute, s.value
  FROM person_segments AS s
  LEFT JOIN (SELECT DISTINCT identity, person_id FROM person_segments_before) AS b
    ON b.identity = s.identity AND b.person_id = s.person_id
  WHERE b.person_id IS NULL
),
reached AS (
  SELECT o.campaign, s.identity, s.person_id, bool_or(o.own) AS target
  FROM overlapping AS o
  JOIN segments AS s ON s.attribute = o.attribute AND s.value = o.value
  GROUP BY o.campaign, s.identity, s.person_id
),
people AS (
  SELECT e.campaign, c.product, e.identity, e.person_id, coalesce(r.target, FALSE) AS target
  FROM enabled AS e
  JOIN every AS c ON c.campaign = e.campaign
  JOIN counted AS k ON k.product = c.product AND k.identity = e.identity
  LEFT JOIN reached AS r ON r.campaign = e.campaign AND r.identity = e.identity AND r.person_id = e.person_id
  WHERE r.person_id IS NULL OR r.target
),
-- Which days of each month lie in which window, as bits.
bits AS (
  SELECT day, CAST(date_trunc('month', day) AS DATE) AS month, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM day) - 1 AS INT) AS bit
  FROM days
),
months AS (
  SELECT
    c.campaign, d.month,
    bit_or(CASE WHEN d.day < c.before_from THEN d.bit ELSE 0 END) AS placebo,
    bit_or(CASE WHEN d.day >= c.before_from AND d.day < c.start_day THEN d.bit ELSE 0 END) AS before,
    bit_or(CASE WHEN d.day >= c.start_day AND d.day <= c.last_day THEN d.bit ELSE 0 END) AS during,
    bit_or(CASE WHEN d.day >= c.after_from AND d.day < c.after_until THEN d.bit ELSE 0 END) AS after,
    bit_or(CASE WHEN d.day >= c.later_from THEN d.bit ELSE 0 END) AS later
  FROM every AS c
  JOIN bits AS d ON d.day >= c.placebo_from AND d.day < c.later_until
  GROUP BY c.campaign, d.month
),
windows AS (
  SELECT
    p.campaign, p.target, p.person_id,
    coalesce(max(CASE WHEN (d.days & m.placebo) <> 0 THEN 1 END), 0) AS placebo,
    coalesce(max(CASE WHEN (d.days & m.before) <> 0 THEN 1 END), 0) AS before,
    coalesce(max(CASE WHEN (d.days & m.during) <> 0 THEN 1 END), 0) AS during,
    coalesce(max(CASE WHEN (d.days & m.after) <> 0 THEN 1 END), 0) AS after,
    coalesce(max(CASE WHEN (d.days & m.later) <> 0 THEN 1 END), 0) AS later
  FROM people AS p
  JOIN months AS m ON m.campaign = p.campaign
  LEFT JOIN evidence AS d
    ON d.product = p.product AND d.identity = p.identity AND d.person_id = p.person_id AND d.month = m.month
  GROUP BY p.campaign, p.target, p.person_id
),
sums AS (
  SELECT
    campaign,
    count(*) FILTER (WHERE target) AS nt, count(*) FILTER (WHERE NOT target) AS nc,
    sum(CASE WHEN target THEN placebo ELSE 0 END) AS tp, sum(CASE WHEN target THEN 0 ELSE placebo END) AS cp,
    sum(CASE WHEN target THEN before ELSE 0 END) AS tb, sum(CASE WHEN target THEN 0 ELSE before END) AS cb,
    sum(CASE WHEN target THEN during ELSE 0 END) AS td, sum(CASE WHEN target THEN 0 ELSE during END) AS cd,
    sum(CASE WHEN target THEN after ELSE 0 END) AS ta, sum(CASE WHEN target THEN 0 ELSE after END) AS ca,
    sum(CASE WHEN target THEN later ELSE 0 END) AS tl, sum(CASE WHEN target THEN 0 ELSE later END) AS cl,
    -- A difference is -1, 0 or 1: its square is whether it is there.
    sum(CASE WHEN target AND after <> before THEN 1 ELSE 0 END) AS tq,
    sum(CASE WHEN NOT target AND after <> before THEN 1 ELSE 0 END) AS cq
  FROM windows
  GROUP BY campaign
),
-- Days of each window that are known.
slices AS (
  SELECT r.product, c.day, max(c.read_on) AS read_on
  FROM answers AS c
  JOIN product_reports AS r ON r.report = c.report
  WHERE r.covers AND (c.period = 1 OR r.night) AND (c.status = 'landed' OR c.known_empty)
  GROUP BY r.product, c.day
),
covered AS (
  SELECT product, day, read_on FROM slices
  UNION ALL
  SELECT 'microsoft365', day, min(read_on)
  FROM slices
  WHERE product IN ('exchange', 'onedrive', 'sharepoint', 'teams', 'viva_engage')
  GROUP BY day
  HAVING count(*) = 5
),
known AS (
  SELECT
    c.campaign,
    count(*) FILTER (WHERE d.day >= c.placebo_from AND d.day < c.before_from) = 28 AS placebo,
    count(*) FILTER (WHERE d.day >= c.before_from AND d.day < c.start_day) = 28 AS before,
    count(*) FILTER (WHERE d.day >= c.after_from AND d.day < c.after_until) = 28 AS after,
    count(*) FILTER (WHERE d.day >= c.later_from AND d.day < c.later_until) = 28 AS later,
    coalesce(bool_or(d.day = c.after_until - INTERVAL '1' DAY AND d.read_on >= d.day + INTERVAL '2' DAY), FALSE) AS settled
  FROM every AS c
  LEFT JOIN covered AS d ON d.product = c.product
  GROUP BY c.campaign
),
facts AS (
  SELECT
    c.*, s.*,
    k.before AND coalesce(c.before_from >= h.history_from + INTERVAL '28' DAY, FALSE) AS before_known,
    k.placebo AND coalesce(c.placebo_from >= h.history_from + INTERVAL '28' DAY, FALSE) AS placebo_known,
    k.after AS after_known, k.later AS later_known, k.settled
  FROM (SELECT name, campaign AS id, product, attribute, value, start_day, last_day, placebo_from, before_from FROM every) AS c
  JOIN known AS k ON k.campaign = c.id
  LEFT JOIN counted AS h ON h.product = c.product
  LEFT JOIN sums AS s ON s.campaign = c.id
),
effects AS (
  SELECT
    f.*,
    CASE WHEN before_known AND after_known THEN
      CAST(ta - tb AS DOUBLE) / nullif(nt, 0) - CAST(ca - cb AS DOUBLE) / nullif(nc, 0)
    END AS effect,
    CASE WHEN before_known AND later_known THEN
      CAST(tl - tb AS DOUBLE) / nullif(nt, 0) - CAST(cl - cb AS DOUBLE) / nullif(nc, 0)
    END AS later_effect,
    CASE WHEN before_known AND placebo_known THEN
      CAST(tb - tp AS DOUBLE) / nullif(nt, 0) - CAST(cb - cp AS DOUBLE) / nullif(nc, 0)
    END AS placebo_effect,
    CASE WHEN before_known AND after_known THEN
      sqrt(
        CAST(nt * tq - (ta - tb) * (ta - tb) AS DOUBLE) / nullif(nt * (nt - 1), 0) / nullif(nt, 0)
        + CAST(nc * cq - (ca - cb) * (ca - cb) AS DOUBLE) / nullif(nc * (nc - 1), 0) / nullif(nc, 0)
      )
    END AS standard_error
  FROM facts AS f
)
SELECT
  name AS campaign, product, attribute, value, start_day, last_day,
  coalesce(nt, 0) AS target_users, coalesce(nc, 0) AS control_users,
  CASE WHEN before_known THEN tb END AS target_active_before,
  td AS target_active_during,
  CASE WHEN after_known THEN ta END AS target_active_after,
  CASE WHEN later_known THEN tl END AS target_active_later,
  CASE WHEN before_known THEN cb END AS control_active_before,
  cd AS control_active_during,
  CASE WHEN after_known THEN ca END AS control_active_after,
  CASE WHEN later_known THEN cl END AS control_active_later,
  CASE WHEN before_known THEN CAST(tb AS DOUBLE) / nullif(nt, 0) END AS target_rate_before,
  CASE WHEN after_known THEN CAST(ta AS DOUBLE) / nullif(nt, 0) END AS target_rate_after,
  CASE WHEN later_known THEN CAST(tl AS DOUBLE) / nullif(nt, 0) END AS target_rate_later,
  CASE WHEN before_known THEN CAST(cb AS DOUBLE) / nullif(nc, 0) END AS control_rate_before,
  CASE WHEN after_known THEN CAST(ca AS DOUBLE) / nullif(nc, 0) END AS control_rate_after,
  CASE WHEN later_known THEN CAST(cl AS DOUBLE) / nullif(nc, 0) END AS control_rate_later,
  effect, standard_error,
  effect - CAST(1.96 AS DOUBLE) * standard_error AS effect_low,
  effect + CAST(1.96 AS DOUBLE) * standard_error AS effect_high,
  later_effect, placebo_effect,
  after_known AND settled AS is_final
FROM effects
