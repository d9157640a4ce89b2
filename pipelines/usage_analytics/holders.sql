-- Whose an address is on which days of the month. An address with one holder is theirs on all days, before the directory
-- knew it included. One with several is, on each day, of the person last seen with it by then; before all of them, of the
-- first; and of nobody (null) where two were seen with it at once.
WITH sized AS (
  SELECT *, count(*) OVER (PARTITION BY address) AS people FROM address_state
),
several AS (
  SELECT
    s.address, s.person_id, d.day, s.first_seen,
    CASE WHEN s.first_seen <= d.day THEN least(s.last_seen, d.day) END AS seen
  FROM sized AS s
  CROSS JOIN days AS d
  WHERE s.people > 1
),
ranked AS (
  SELECT
    address, day, person_id, seen, first_seen,
    max(seen) OVER (PARTITION BY address, day) AS last_seen,
    min(first_seen) OVER (PARTITION BY address, day) AS earliest
  FROM several
),
chosen AS (
  SELECT address, day, person_id
  FROM ranked
  WHERE (last_seen IS NOT NULL AND seen = last_seen) OR (last_seen IS NULL AND first_seen = earliest)
)
SELECT address, DATE '1900-01-01' AS from_day, DATE '9999-12-31' AS until_day, person_id
FROM sized
WHERE people = 1
UNION ALL
SELECT address, day, day + INTERVAL '1' DAY, CASE WHEN count(DISTINCT person_id) = 1 THEN min(person_id) END
FROM chosen
GROUP BY address, day
