-- The ledger, and of days that came empty what the reports of counts say: where they count nobody, an empty answer is the whole
-- truth and not a gap. A blank is no zero, but of columns that came later.
WITH nobody AS (
  SELECT 'office365_active_user_detail' AS report, report_date AS day
  FROM office365_active_user_counts
  WHERE office_365 = 0
  UNION ALL
  SELECT 'email_activity_user_detail', report_date
  FROM email_activity_user_counts
  WHERE send = 0 AND receive = 0 AND read = 0 AND coalesce(meeting_created, 0) = 0 AND coalesce(meeting_interacted, 0) = 0
  UNION ALL
  SELECT 'email_app_usage_user_detail', report_date
  FROM email_app_usage_user_counts
  WHERE mail_for_mac = 0 AND outlook_for_mac = 0 AND outlook_for_windows = 0 AND outlook_for_mobile = 0
    AND other_for_mobile = 0 AND outlook_for_web = 0 AND pop3_app = 0 AND imap4_app = 0 AND smtp_app = 0
  UNION ALL
  SELECT 'one_drive_activity_user_detail', report_date
  FROM one_drive_activity_user_counts
  WHERE viewed_or_edited = 0 AND synced = 0 AND shared_internally = 0 AND shared_externally = 0
  UNION ALL
  SELECT 'share_point_activity_user_detail', report_date
  FROM share_point_activity_user_counts
  WHERE visited_page = 0 AND viewed_or_edited = 0 AND synced = 0 AND shared_internally = 0 AND shared_externally = 0
  UNION ALL
  SELECT 'teams_user_activity_user_detail', report_date
  FROM teams_user_activity_user_counts
  WHERE team_chat_messages = 0 AND private_chat_messages = 0 AND calls = 0 AND meetings = 0 AND other_actions = 0
  UNION ALL
  SELECT 'teams_device_usage_user_detail', report_date
  FROM teams_device_usage_user_counts
  WHERE web = 0 AND windows_phone = 0 AND android_phone = 0 AND ios = 0 AND mac = 0 AND windows = 0
    AND coalesce(chrome_os, 0) = 0 AND coalesce(linux, 0) = 0
  UNION ALL
  SELECT 'yammer_activity_user_detail', report_date
  FROM yammer_activity_user_counts
  WHERE liked = 0 AND posted = 0 AND read = 0
  UNION ALL
  SELECT 'yammer_device_usage_user_detail', report_date
  FROM yammer_device_usage_user_counts
  WHERE web = 0 AND windows_phone = 0 AND android_phone = 0 AND iphone = 0 AND ipad = 0 AND other = 0
  UNION ALL
  SELECT 'skype_for_business_activity_user_detail', report_date
  FROM skype_for_business_activity_user_counts
  WHERE peer_to_peer = 0 AND organized = 0 AND participated = 0
  UNION ALL
  SELECT 'skype_for_business_device_usage_user_detail', report_date
  FROM skype_for_business_device_usage_user_counts
  WHERE windows = 0 AND windows_phone = 0 AND android_phone = 0 AND iphone = 0 AND ipad = 0
  UNION ALL
  SELECT 'm365_app_user_detail', report_date
  FROM m365_app_user_counts
  WHERE outlook = 0 AND word = 0 AND excel = 0 AND powerpoint = 0 AND onenote = 0 AND teams = 0
  UNION ALL
  SELECT 'forms_user_activity_user_detail', report_date
  FROM forms_user_activity_user_counts
  WHERE total_users = 0
)
SELECT
  c.report, c.period, c.day, c.status, c.names, c.read_on,
  c.known_empty OR (c.status = 'empty' AND c.period = 1 AND n.day IS NOT NULL) AS known_empty
FROM coverage AS c
LEFT JOIN (SELECT DISTINCT report, day FROM nobody) AS n ON n.report = c.report AND n.day = c.day
