-- Who was active in which product on which days of the month: shown as somebody's last day by any reading of this month or of
-- the ones beside it, or days of acts. `microsoft365` is any of the first six. Days are bits; first and last are their ends.
WITH bits AS (
  SELECT day, CAST(1 AS BIGINT) << CAST(EXTRACT(DAY FROM day) - 1 AS INT) AS bit FROM days
),
by_source AS (
  SELECT
    s.identity, s.product, s.person_id,
    CASE s.month WHEN b.month THEN s.days WHEN b.next_month THEN s.days_before ELSE s.days_after END AS days
  FROM shown AS s
  CROSS JOIN build AS b
  UNION ALL
  SELECT c.identity, c.product, c.person_id, d.bit
  FROM daily_counts AS c
  JOIN bits AS d ON d.day = c.day
  WHERE c.kind IN ('act', 'other')
),
every AS (
  SELECT s.identity, k.counts_for AS product, s.person_id, bit_or(s.days) AS days
  FROM by_source AS s
  JOIN (
    VALUES ('exchange', 'exchange'), ('exchange', 'microsoft365'), ('onedrive', 'onedrive'), ('onedrive', 'microsoft365'),
      ('sharepoint', 'sharepoint'), ('sharepoint', 'microsoft365'), ('skype_for_business', 'skype_for_business'),
      ('skype_for_business', 'microsoft365'), ('teams', 'teams'), ('teams', 'microsoft365'), ('viva_engage', 'viva_engage'),
      ('viva_engage', 'microsoft365'), ('copilot', 'copilot'), ('microsoft365_apps', 'microsoft365_apps')
  ) AS k(product, counts_for) ON k.product = s.product
  WHERE s.days <> 0
  GROUP BY s.identity, k.counts_for, s.person_id
),
-- How many bits are set: sums of pairs, of fours, of bytes. The lowest is what the number and its negative share; all below
-- the highest are set for it.
pairs AS (
  SELECT
    identity, product, person_id, days, days & -days AS lowest, days - ((days >> 1) & 1431655765) AS pairs,
    days | (days >> 1) | (days >> 2) | (days >> 3) AS below
  FROM every
),
fours AS (
  SELECT
    identity, product, person_id, days, lowest, (pairs & 858993459) + ((pairs >> 2) & 858993459) AS fours,
    below | (below >> 4) | (below >> 8) | (below >> 12) AS below
  FROM pairs
),
counted AS (
  SELECT
    identity, product, person_id, days, lowest, (((fours + (fours >> 4)) & 252645135) * 16843009 >> 24) & 63 AS days_active,
    below | (below >> 16) AS below
  FROM fours
)
SELECT c.identity, c.product, c.person_id, c.days, c.days_active, f.day AS first_day, l.day AS last_day
FROM counted AS c
JOIN bits AS f ON f.bit = c.lowest
JOIN bits AS l ON l.bit = c.below - (c.below >> 1)
