-- Rows of people's reports that are nobody's: no address, `(Unknown)` or `--`.
WITH addresses_read AS (
  SELECT 'office365_active_user_detail' AS report, period, day, user_principal_name AS address FROM office365_active_user_detail
  UNION ALL
  SELECT 'email_activity_user_detail', period, day, user_principal_name FROM email_activity_user_detail
  UNION ALL
  SELECT 'email_app_usage_user_detail', period, day, user_principal_name FROM email_app_usage_user_detail
  UNION ALL
  SELECT 'one_drive_activity_user_detail', period, day, user_principal_name FROM one_drive_activity_user_detail
  UNION ALL
  SELECT 'share_point_activity_user_detail', period, day, user_principal_name FROM share_point_activity_user_detail
  UNION ALL
  SELECT 'teams_user_activity_user_detail', period, day, user_principal_name FROM teams_user_activity_user_detail
  UNION ALL
  SELECT 'teams_device_usage_user_detail', period, day, user_principal_name FROM teams_device_usage_user_detail
  UNION ALL
  SELECT 'yammer_activity_user_detail', period, day, user_principal_name FROM yammer_activity_user_detail
  UNION ALL
  SELECT 'yammer_device_usage_user_detail', period, day, user_principal_name FROM yammer_device_usage_user_detail
  UNION ALL
  SELECT 'skype_for_business_activity_user_detail', period, day, user_principal_name FROM skype_for_business_activity_user_detail
  UNION ALL
  SELECT 'skype_for_business_device_usage_user_detail', period, day, user_principal_name
  FROM skype_for_business_device_usage_user_detail
  UNION ALL
  SELECT 'm365_app_user_detail', period, day, user_principal_name FROM m365_app_user_detail
  UNION ALL
  SELECT 'microsoft365_copilot_usage_user_detail', period, day, user_principal_name FROM microsoft365_copilot_usage_user_detail
  UNION ALL
  SELECT 'microsoft365_copilot_usage_user_detail_by_date', period, day, user_principal_name
  FROM microsoft365_copilot_usage_user_detail_by_date
  UNION ALL
  SELECT 'mailbox_usage_detail', period, day, user_principal_name FROM mailbox_usage_detail
  UNION ALL
  SELECT 'office365_activations_user_detail', period, day, user_principal_name FROM office365_activations_user_detail
  UNION ALL
  SELECT 'forms_user_activity_user_detail', period, day, user_principal_name FROM forms_user_activity_user_detail
  UNION ALL
  SELECT 'browser_user_detail', period, day, user_principal_name FROM browser_user_detail
)
SELECT report, CAST(period AS BIGINT) AS period, day, count(*) AS rows_without_person
FROM addresses_read
WHERE address IS NULL OR lower(trim(address)) IN ('', '--', '(unknown)')
GROUP BY report, period, day
