-- Who was active in which product on which day of the month: shown as somebody's last day by any reading of this month or of
-- the ones beside it, or a day of acts. `microsoft365` is any of the first six.
WITH days_of_activity AS (
  SELECT s.identity, s.product, s.person_id, s.day
  FROM shown AS s
  CROSS JOIN build AS b
  WHERE s.day >= b.month AND s.day < b.next_month
  UNION
  SELECT identity, product, person_id, day
  FROM daily_counts
  WHERE kind IN ('act', 'other')
)
SELECT identity, product, person_id, day FROM days_of_activity
UNION
SELECT identity, 'microsoft365', person_id, day
FROM days_of_activity
WHERE product IN ('exchange', 'onedrive', 'sharepoint', 'skype_for_business', 'teams', 'viva_engage')
