-- Which report says what about which product.
--   covers  the report's `date=` answer (and, of a nightly one, any answer) tells who was active on its day
--   night   its period answers, read nightly, list everybody: they carry licences and the last day of each
--   begins  its first period answer is where history begins
--   own     its `date=` answer carries the counts of acts
SELECT product, report, covers, night, begins, own
FROM (VALUES
  ('copilot', 'microsoft365_copilot_usage_user_detail', TRUE, TRUE, TRUE, FALSE),
  ('copilot', 'microsoft365_copilot_usage_user_detail_by_date', TRUE, FALSE, FALSE, TRUE),
  ('exchange', 'email_activity_user_detail', TRUE, FALSE, TRUE, TRUE),
  ('exchange', 'office365_active_user_detail', TRUE, TRUE, TRUE, FALSE),
  ('microsoft365_apps', 'm365_app_user_detail', TRUE, FALSE, TRUE, TRUE),
  ('microsoft365_apps', 'office365_active_user_detail', FALSE, TRUE, FALSE, FALSE),
  ('onedrive', 'one_drive_activity_user_detail', TRUE, FALSE, TRUE, TRUE),
  ('onedrive', 'office365_active_user_detail', TRUE, TRUE, TRUE, FALSE),
  ('sharepoint', 'share_point_activity_user_detail', TRUE, FALSE, TRUE, TRUE),
  ('sharepoint', 'office365_active_user_detail', TRUE, TRUE, TRUE, FALSE),
  ('skype_for_business', 'skype_for_business_activity_user_detail', TRUE, FALSE, TRUE, TRUE),
  ('skype_for_business', 'office365_active_user_detail', TRUE, TRUE, TRUE, FALSE),
  ('teams', 'teams_user_activity_user_detail', TRUE, FALSE, TRUE, TRUE),
  ('teams', 'office365_active_user_detail', TRUE, TRUE, TRUE, FALSE),
  ('viva_engage', 'yammer_activity_user_detail', TRUE, FALSE, TRUE, TRUE),
  ('viva_engage', 'office365_active_user_detail', TRUE, TRUE, TRUE, FALSE)
) AS t(product, report, covers, night, begins, own)
