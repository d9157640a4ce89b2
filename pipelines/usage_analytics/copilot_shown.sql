-- The same for Copilot, app by app. `any` is the report's own last day; every app's is evidence of Copilot too.
WITH readings AS (
  SELECT * FROM microsoft365_copilot_usage_user_detail
  UNION ALL
  SELECT * FROM microsoft365_copilot_usage_user_detail_by_date
),
days_shown AS (
  SELECT
    r.user_principal_name AS address, r.day AS read_day, k.app,
    CASE k.app
      WHEN 'any' THEN r.last_activity_date
      WHEN 'copilot_chat' THEN r.copilot_chat_last_activity_date
      WHEN 'teams' THEN r.microsoft_teams_copilot_last_activity_date
      WHEN 'word' THEN r.word_copilot_last_activity_date
      WHEN 'excel' THEN r.excel_copilot_last_activity_date
      WHEN 'powerpoint' THEN r.powerpoint_copilot_last_activity_date
      WHEN 'outlook' THEN r.outlook_copilot_last_activity_date
      WHEN 'onenote' THEN r.onenote_copilot_last_activity_date
      WHEN 'loop' THEN r.loop_copilot_last_activity_date
      WHEN 'copilot_chat_work' THEN r.copilot_chat_work_last_activity_date
      WHEN 'copilot_chat_web' THEN r.copilot_chat_web_last_activity_date
      WHEN 'microsoft365_copilot' THEN r.microsoft_365_copilot_last_activity_date
      WHEN 'edge' THEN r.edge_last_activity_date
      WHEN 'agents' THEN r.copilot_agent_last_activity_date
    END AS day
  FROM readings AS r
  CROSS JOIN (
    VALUES ('any'), ('copilot_chat'), ('teams'), ('word'), ('excel'), ('powerpoint'), ('outlook'), ('onenote'), ('loop'),
      ('copilot_chat_work'), ('copilot_chat_web'), ('microsoft365_copilot'), ('edge'), ('agents')
  ) AS k(app)
),
rows_of_people AS (
  SELECT DISTINCT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS address, read_day, app, day
  FROM days_shown
  WHERE day IS NOT NULL AND address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
)
SELECT DISTINCT
  r.identity, r.app,
  CASE WHEN r.identity = 'concealed' THEN r.address ELSE coalesce(h.person_id, r.address) END AS person_id,
  r.day
FROM rows_of_people AS r
LEFT JOIN holders AS h ON h.address = r.address AND r.read_day >= h.from_day AND r.read_day < h.until_day
