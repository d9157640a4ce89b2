-- Who was seen with which address, and when: what the month's directory says, what an earlier one said of addresses, and
-- of addresses unknown so far what the first later one says. Of an address's former holders only the last stay.
WITH own AS (
  SELECT address, id AS person_id, first_seen, last_seen FROM addresses AS a CROSS JOIN build AS b WHERE a.month = b.month
  UNION ALL
  SELECT a.address, a.id, a.first_seen, a.last_seen
  FROM addresses AS a
  CROSS JOIN build AS b
  WHERE a.month <> b.month AND NOT EXISTS (SELECT 1 FROM address_state_before)
),
carried AS (
  SELECT address, person_id, first_seen, last_seen
  FROM (SELECT *, max(last_seen) OVER (PARTITION BY address) AS latest FROM address_state_before) AS s
  WHERE last_seen = latest
),
known AS (
  SELECT * FROM own
  UNION ALL
  SELECT * FROM carried
)
SELECT address, person_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM (
  SELECT * FROM known
  UNION ALL
  SELECT n.address, n.id, n.first_seen, n.last_seen
  FROM addresses_after AS n
  WHERE n.address NOT IN (SELECT address FROM known WHERE address IS NOT NULL)
) AS s
WHERE address IS NOT NULL AND person_id IS NOT NULL
GROUP BY address, person_id
