-- Where a campaign would win most people: segments under the rate that others of their kind reach, and why they may be.
WITH best AS (
  SELECT max(active_rate) AS rate FROM tenant_product_usage WHERE product <> 'microsoft365'
),
segments AS (
  SELECT
    a.product, a.attribute, a.value, a.level, a.enabled_users AS enabled, a.active_enabled_users AS active_enabled,
    a.active_rate AS rate, a.is_complete,
    coalesce(t.target_rate, s.half * b.rate) AS target_rate,
    a.value <> '(none)' AND a.enabled_users >= s.min_segment AS eligible,
    CAST(h.mails AS DOUBLE) / nullif(h.exchange_active, 0) AS mails,
    CAST(h.shared AS DOUBLE) / nullif(a.enabled_users, 0) AS shared,
    CAST(h.meetings AS DOUBLE) / nullif(h.teams_active, 0) AS meetings,
    CAST(h.messages AS DOUBLE) / nullif(h.teams_active, 0) AS messages,
    h.reads, h.posts, h.never_activated,
    CASE WHEN a.is_complete AND o.is_complete THEN o.active_rate END AS rate_before
  FROM adoption_by_segment AS a
  CROSS JOIN settings AS s
  CROSS JOIN best AS b
  LEFT JOIN targets AS t ON t.product = a.product
  LEFT JOIN segment_habits AS h ON h.attribute = a.attribute AND h.value = a.value
  LEFT JOIN adoption_three_months_before AS o ON o.product = a.product AND o.attribute = a.attribute AND o.value = a.value
  WHERE a.enabled_users > 0 AND a.product <> 'skype_for_business'
),
-- Quantiles by interpolation, over the segments of an attribute that are large enough.
measures AS (
  SELECT
    g.product, g.attribute, q.name,
    CASE q.name
      WHEN 'rate' THEN g.rate WHEN 'mails' THEN g.mails WHEN 'shared' THEN g.shared WHEN 'meetings' THEN g.meetings
      WHEN 'messages' THEN g.messages
    END AS x,
    CASE q.name
      WHEN 'rate' THEN s.quantile_high WHEN 'mails' THEN CAST(0.5 AS DOUBLE) WHEN 'meetings' THEN CAST(0.5 AS DOUBLE)
      ELSE s.quantile_low
    END AS q,
    g.value
  FROM segments AS g
  CROSS JOIN settings AS s
  CROSS JOIN (VALUES ('rate'), ('mails'), ('shared'), ('meetings'), ('messages')) AS q(name)
  WHERE g.eligible
),
placed AS (
  SELECT
    product, attribute, name, x, q,
    CAST(row_number() OVER (PARTITION BY product, attribute, name ORDER BY x ASC NULLS FIRST, value ASC NULLS FIRST) AS BIGINT)
      - 1 AS place,
    count(*) OVER (PARTITION BY product, attribute, name) AS n
  FROM measures
  WHERE x IS NOT NULL
),
between_two AS (
  SELECT
    product, attribute, name, n, q, place, x,
    CAST(n - 1 AS DOUBLE) * q AS at,
    CAST(floor(CAST(n - 1 AS DOUBLE) * q) AS BIGINT) AS low
  FROM placed
),
quantiles AS (
  SELECT
    product, attribute, name, max(n) AS n,
    max(CASE WHEN place = low THEN x END)
      + (max(CASE WHEN place = least(low + 1, n - 1) THEN x END) - max(CASE WHEN place = low THEN x END))
      * max(at - CAST(low AS DOUBLE)) AS x
  FROM between_two
  GROUP BY product, attribute, name
),
by_attribute AS (
  SELECT
    product, attribute,
    max(CASE WHEN name = 'rate' AND n >= 4 THEN x END) AS high_rate,
    max(CASE WHEN name = 'mails' THEN x END) AS mails,
    max(CASE WHEN name = 'shared' THEN x END) AS shared,
    max(CASE WHEN name = 'meetings' THEN x END) AS meetings,
    max(CASE WHEN name = 'messages' THEN x END) AS messages
  FROM quantiles
  GROUP BY product, attribute
),
referenced AS (
  SELECT
    g.*, greatest(g.target_rate, q.high_rate) AS reference_rate,
    q.mails AS usual_mails, q.shared AS little_shared, q.meetings AS usual_meetings, q.messages AS few_messages
  FROM segments AS g
  LEFT JOIN by_attribute AS q ON q.product = g.product AND q.attribute = g.attribute
),
gains AS (
  SELECT
    r.*,
    CAST(greatest(
      floor((r.reference_rate - r.rate) * CAST(r.enabled AS DOUBLE) + CAST(0.5 AS DOUBLE)), CAST(0 AS DOUBLE)
    ) AS BIGINT) AS people_to_gain
  FROM referenced AS r
),
named AS (
  SELECT
    g.*,
    CASE
      WHEN NOT g.eligible OR g.people_to_gain < s.min_people_to_gain OR NOT g.is_complete THEN NULL
      WHEN g.product IN ('onedrive', 'sharepoint') AND g.rate < s.half * g.reference_rate AND g.mails >= g.usual_mails
        AND g.shared <= g.little_shared THEN 'mails_instead_of_sharing'
      WHEN g.rate <= g.rate_before - s.drop THEN 'stopped_using'
      WHEN g.rate < s.half * g.reference_rate THEN 'licensed_not_used'
      WHEN g.product = 'teams' AND g.meetings >= g.usual_meetings AND g.messages <= g.few_messages THEN 'meets_without_chat'
      WHEN g.product = 'viva_engage' AND g.reads > 0 AND g.posts = 0 THEN 'reads_only'
      WHEN g.product = 'microsoft365_apps' AND CAST(g.never_activated AS DOUBLE) >= s.half * CAST(g.enabled AS DOUBLE)
        THEN 'never_activated'
      ELSE 'below_reference'
    END AS pattern
  FROM gains AS g
  CROSS JOIN settings AS s
),
whole AS (
  SELECT
    n.*,
    CAST(CAST(floor(n.rate * 100 + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) AS rate_percent,
    CAST(CAST(floor(n.reference_rate * 100 + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) AS reference_percent,
    CAST(CAST(floor(n.rate_before * 100 + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) AS before_percent,
    CAST(CAST(floor(n.mails + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) AS mails_text,
    CAST(CAST(floor(n.shared * 10 + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) AS shared_text,
    CAST(CAST(floor(n.meetings + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) AS meetings_text,
    CAST(CAST(floor(n.messages + CAST(0.5 AS DOUBLE)) AS BIGINT) AS STRING) AS messages_text
  FROM named AS n
)
SELECT
  w.product, w.attribute, w.value, w.level, w.enabled, w.active_enabled, w.rate, w.target_rate, w.reference_rate,
  w.people_to_gain,
  CAST(row_number() OVER (
    PARTITION BY w.product, w.attribute
    ORDER BY w.people_to_gain DESC NULLS LAST, w.enabled DESC NULLS LAST, w.value ASC NULLS FIRST
  ) AS BIGINT) AS rank,
  w.pattern,
  CASE WHEN w.pattern IS NOT NULL THEN
    CAST(w.active_enabled AS STRING) || ' of ' || CAST(w.enabled AS STRING) || ' enabled people are active ('
    || w.rate_percent || ' %); the reference is ' || w.reference_percent || ' %'
    || CASE w.pattern
      WHEN 'mails_instead_of_sharing' THEN '. They send ' || w.mails_text || ' mails a person and share '
        || w.shared_text || ' files for ten people'
      WHEN 'stopped_using' THEN '. Three months before it was ' || w.before_percent || ' %'
      WHEN 'meets_without_chat' THEN '. They take part in ' || w.meetings_text || ' meetings a person and write '
        || w.messages_text || ' messages'
      WHEN 'reads_only' THEN '. They read ' || CAST(w.reads AS STRING) || ' messages, and posted or liked none'
      WHEN 'never_activated' THEN '. ' || CAST(w.never_activated AS STRING) || ' have the apps and never activated them'
      ELSE ''
    END
  END AS evidence,
  w.is_complete
FROM whole AS w
