-- What is known of a person and a Copilot app by the end of the month, carried from month to month.
WITH now AS (
  SELECT s.identity, s.app, s.person_id, min(s.day) AS first_day, count(DISTINCT s.day) AS days_active
  FROM copilot_shown AS s
  CROSS JOIN build AS b
  WHERE s.day >= b.month AND s.day < b.next_month
  GROUP BY s.identity, s.app, s.person_id
),
older AS (
  SELECT s.identity, s.app, s.person_id, min(s.day) AS first_day, bool_or(s.day >= b.previous_month) AS active_1
  FROM copilot_shown AS s
  CROSS JOIN build AS b
  WHERE s.day < b.month
  GROUP BY s.identity, s.app, s.person_id
),
keys AS (
  SELECT identity, app, person_id FROM now
  UNION
  SELECT identity, app, person_id FROM older
  UNION
  SELECT identity, app, person_id FROM copilot_person_app_before
)
SELECT
  k.identity, k.app, k.person_id,
  least(n.first_day, o.first_day, p.first_day) AS first_day,
  n.person_id IS NOT NULL AS active,
  coalesce(p.active, FALSE) OR coalesce(o.active_1, FALSE) AS active_1,
  coalesce(n.days_active, 0) AS days_active
FROM keys AS k
LEFT JOIN now AS n ON n.identity = k.identity AND n.app = k.app AND n.person_id = k.person_id
LEFT JOIN older AS o ON o.identity = k.identity AND o.app = k.app AND o.person_id = k.person_id
LEFT JOIN copilot_person_app_before AS p ON p.identity = k.identity AND p.app = k.app AND p.person_id = k.person_id
