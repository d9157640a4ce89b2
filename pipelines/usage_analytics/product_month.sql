-- What is known about a product in a month: which identity is counted, since when there is history, what is missing.
WITH slices AS (
  SELECT
    r.product, c.day, c.read_on, c.status = 'landed' AS landed,
    r.covers AND (c.period = 1 OR r.night) AND (c.status = 'landed' OR c.known_empty) AS covers,
    r.night AND c.period <> 1 AND c.status = 'landed' AS night,
    r.begins AND c.period <> 1 AND c.status = 'landed' AS begins,
    r.own AND c.period = 1 AND (c.status = 'landed' OR c.known_empty) AS own,
    c.status = 'landed' AND r.covers AND c.names IN ('named', 'mixed') AS named,
    c.status = 'landed' AND r.covers AND c.names IN ('concealed', 'mixed') AS concealed
  FROM answers AS c
  JOIN product_reports AS r ON r.report = c.report
),
by_day AS (
  SELECT
    product, day,
    bool_or(covers) AS covered, bool_or(covers AND landed) AS data, bool_or(night) AS night, bool_or(own) AS own,
    bool_or(own AND landed) AS own_data, bool_or(named) AS named, bool_or(concealed) AS concealed,
    bool_or(begins AND named) AS named_begins, bool_or(begins AND concealed) AS concealed_begins,
    max(CASE WHEN covers THEN read_on END) AS read_on
  FROM slices
  GROUP BY product, day
),
single AS (
  SELECT
    p.product, d.day, d.day <= b.today - INTERVAL '2' DAY AS due,
    coalesce(s.covered, FALSE) AS covered, coalesce(s.data, FALSE) AS data, coalesce(s.night, FALSE) AS night,
    coalesce(s.own, FALSE) AS own, coalesce(s.own_data, FALSE) AS own_data, coalesce(s.named, FALSE) AS named,
    coalesce(s.concealed, FALSE) AS concealed, coalesce(s.named_begins, FALSE) AS named_begins,
    coalesce(s.concealed_begins, FALSE) AS concealed_begins, s.read_on
  FROM (SELECT DISTINCT product FROM product_reports) AS p
  CROSS JOIN days AS d
  CROSS JOIN build AS b
  LEFT JOIN by_day AS s ON s.product = p.product AND s.day = d.day
),
cells AS (
  SELECT * FROM single
  UNION ALL
  -- The suite misses a day if one of its products does. Skype for Business is retired and hides no day.
  SELECT
    'microsoft365', day, bool_and(due), bool_and(covered), bool_or(data), bool_and(night), bool_and(own), bool_or(own_data),
    bool_or(named), bool_or(concealed), bool_or(named_begins), bool_or(concealed_begins),
    CASE WHEN count(read_on) = 5 THEN min(read_on) END
  FROM single
  WHERE product IN ('exchange', 'onedrive', 'sharepoint', 'teams', 'viva_engage')
  GROUP BY day
),
months AS (
  SELECT
    c.product,
    count(*) FILTER (WHERE c.due AND NOT c.covered) AS days_missing,
    count(*) FILTER (WHERE c.due AND NOT c.night) AS nights_missing,
    count(*) FILTER (WHERE c.due AND NOT c.own) AS activity_days_missing,
    max(CASE WHEN c.data THEN c.day END) AS content_date,
    max(CASE WHEN c.own_data THEN c.day END) AS activity_content_date,
    count(*) FILTER (WHERE c.named) AS named_days,
    count(*) FILTER (WHERE c.concealed) AS concealed_days,
    min(CASE WHEN c.named_begins THEN c.day END) AS named_begins,
    min(CASE WHEN c.concealed_begins THEN c.day END) AS concealed_begins,
    bool_and(c.due) AS over,
    max(CASE WHEN c.covered AND c.day = b.next_month - INTERVAL '1' DAY THEN c.read_on END) AS last_day_read_on,
    bool_or(c.night AND c.day >= b.next_month - INTERVAL '3' DAY) AS night_at_end
  FROM cells AS c
  CROSS JOIN build AS b
  GROUP BY c.product
),
kinds AS (
  SELECT
    m.*,
    CASE
      WHEN m.concealed_days > m.named_days THEN 'concealed'
      WHEN m.named_days > 0 THEN 'named'
      ELSE coalesce(p.counted, 'named')
    END AS counted,
    m.named_days > 0 AND m.concealed_days > 0 AS mixed,
    coalesce(p.identity = 'mixed', FALSE) AS mixed_before,
    CASE WHEN m.named_days > 0 OR m.concealed_days = 0 THEN coalesce(p.named_from, m.named_begins) END AS named_from,
    CASE WHEN m.concealed_days > 0 OR m.named_days = 0 THEN coalesce(p.concealed_from, m.concealed_begins) END
      AS concealed_from
  FROM months AS m
  LEFT JOIN product_month_before AS p ON p.product = m.product
),
begun AS (
  SELECT k.*, CASE WHEN k.counted = 'named' THEN k.named_from ELSE k.concealed_from END AS history_from
  FROM kinds AS k
)
SELECT
  g.product,
  g.counted,
  CASE WHEN g.mixed THEN 'mixed' ELSE g.counted END AS identity,
  g.named_days,
  g.concealed_days,
  g.named_from,
  g.concealed_from,
  g.history_from,
  coalesce(b.month >= CAST(date_trunc('month', g.history_from) AS DATE), FALSE) AS has_history,
  coalesce(b.month > CAST(date_trunc('month', g.history_from) AS DATE), FALSE) AND NOT g.mixed AND NOT g.mixed_before
    AS has_firsts,
  g.content_date,
  g.activity_content_date,
  g.days_missing,
  g.nights_missing,
  g.activity_days_missing,
  g.over AND g.days_missing = 0 AND NOT g.mixed AND g.night_at_end
    AND coalesce(g.last_day_read_on >= b.next_month + INTERVAL '1' DAY, FALSE)
    AND coalesce(b.month > CAST(date_trunc('month', g.history_from) AS DATE), FALSE) AS is_complete
FROM begun AS g
CROSS JOIN build AS b
