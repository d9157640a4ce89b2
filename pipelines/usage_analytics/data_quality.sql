-- Every answer that a report gave, or should have given, for a day of the month.
WITH here AS (
  SELECT c.*, lag(CASE WHEN c.names <> 'none' THEN c.names END) OVER (
    PARTITION BY c.report, c.period ORDER BY c.day ASC NULLS FIRST
  ) AS names_before
  FROM coverage AS c
),
-- Reports that answer for single days owe an answer for every day since the first one that is known.
dated AS (
  SELECT report, min(day) AS since FROM coverage WHERE period = 1 GROUP BY report
),
owed AS (
  SELECT r.report, d.day
  FROM dated AS r
  CROSS JOIN days AS d
  CROSS JOIN build AS b
  WHERE d.day >= r.since AND d.day <= b.today - INTERVAL '2' DAY
),
refreshed AS (
  SELECT report, max(day) AS last_refresh FROM coverage WHERE status = 'landed' GROUP BY report
),
every AS (
  SELECT
    h.report, h.period, h.day, h.status, a.known_empty, h.names, h.names_before, h.rows, h.first_rows, h.rejected_cells,
    h.restatements,
    h.first_read_on, h.read_on, h.run, h.reason
  FROM here AS h
  CROSS JOIN build AS b
  LEFT JOIN answers AS a ON a.report = h.report AND a.period = h.period AND a.day = h.day
  WHERE h.day >= b.month
  UNION ALL
  SELECT o.report, 1, o.day, 'missing', FALSE, 'none', NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL
  FROM owed AS o
  WHERE NOT EXISTS (SELECT 1 FROM coverage AS c WHERE c.report = o.report AND c.period = 1 AND c.day = o.day)
)
SELECT
  e.report, e.period, e.day, e.status,
  e.status = 'landed' AS landed,
  e.status = 'empty' AS empty,
  e.status = 'late' AS late,
  e.status = 'held' AS held,
  e.status IN ('missing', 'failed', 'expired', 'held') OR (e.status = 'empty' AND e.period = 1 AND NOT e.known_empty) AS missing,
  e.names IN ('concealed', 'mixed') AS concealed,
  coalesce(e.names <> 'none' AND e.names_before <> e.names, FALSE) AS concealment_changed,
  e.restatements > 0 AS restated,
  e.rows AS row_count, e.first_rows AS first_row_count, e.rejected_cells,
  coalesce(u.rows_without_person, 0) AS rows_without_person,
  e.first_read_on, e.read_on AS loaded_on, e.run, e.reason, r.last_refresh
FROM every AS e
LEFT JOIN unnamed AS u ON u.report = e.report AND u.period = e.period AND u.day = e.day
LEFT JOIN refreshed AS r ON r.report = e.report
