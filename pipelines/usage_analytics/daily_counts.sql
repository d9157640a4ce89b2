-- What each person did on each day of the month, from the products' own `date=` answers, one row a count.
--   act       an act of the person; what the catalog marks so
--   other     Teams: something was done that no count covers
--   received  done to the person by others
--   seconds   a duration
WITH counts AS (
  SELECT
    r.user_principal_name AS address, CAST(NULL AS STRING) AS user_id, r.day, 'exchange' AS product, k.activity, k.kind,
    CASE k.activity
      WHEN 'send' THEN r.send_count
      WHEN 'read' THEN r.read_count
      WHEN 'meeting_created' THEN r.meeting_created_count
      WHEN 'meeting_interacted' THEN r.meeting_interacted_count
      WHEN 'receive' THEN r.receive_count
    END AS actions
  FROM email_activity_user_detail AS r
  CROSS JOIN (
    VALUES ('send', 'act'), ('read', 'act'), ('meeting_created', 'act'), ('meeting_interacted', 'act'), ('receive', 'received')
  ) AS k(activity, kind)
  WHERE r.period = 1
  UNION ALL
  SELECT
    r.user_principal_name, NULL, r.day, 'onedrive', k.activity, k.kind,
    CASE k.activity
      WHEN 'viewed_or_edited' THEN r.viewed_or_edited_file_count
      WHEN 'synced' THEN r.synced_file_count
      WHEN 'shared_internally' THEN r.shared_internally_file_count
      WHEN 'shared_externally' THEN r.shared_externally_file_count
    END
  FROM one_drive_activity_user_detail AS r
  CROSS JOIN (
    VALUES ('viewed_or_edited', 'act'), ('synced', 'act'), ('shared_internally', 'act'), ('shared_externally', 'act')
  ) AS k(activity, kind)
  WHERE r.period = 1
  UNION ALL
  SELECT
    r.user_principal_name, NULL, r.day, 'sharepoint', k.activity, k.kind,
    CASE k.activity
      WHEN 'viewed_or_edited' THEN r.viewed_or_edited_file_count
      WHEN 'synced' THEN r.synced_file_count
      WHEN 'shared_internally' THEN r.shared_internally_file_count
      WHEN 'shared_externally' THEN r.shared_externally_file_count
      WHEN 'visited_page' THEN r.visited_page_count
    END
  FROM share_point_activity_user_detail AS r
  CROSS JOIN (
    VALUES ('viewed_or_edited', 'act'), ('synced', 'act'), ('shared_internally', 'act'), ('shared_externally', 'act'),
      ('visited_page', 'act')
  ) AS k(activity, kind)
  WHERE r.period = 1
  UNION ALL
  SELECT
    r.user_principal_name, r.user_id, r.day, 'teams', k.activity, k.kind,
    CASE k.activity
      WHEN 'team_chat' THEN r.team_chat_message_count
      WHEN 'private_chat' THEN r.private_chat_message_count
      WHEN 'call' THEN r.call_count
      WHEN 'meeting' THEN r.meeting_count
      WHEN 'audio' THEN coalesce(r.audio_duration, r.audio_duration_in_seconds)
      WHEN 'video' THEN coalesce(r.video_duration, r.video_duration_in_seconds)
      WHEN 'screen_share' THEN coalesce(r.screen_share_duration, r.screen_share_duration_in_seconds)
      WHEN 'other' THEN CASE WHEN r.has_other_action THEN 1 END
    END
  FROM teams_user_activity_user_detail AS r
  CROSS JOIN (
    VALUES ('team_chat', 'act'), ('private_chat', 'act'), ('call', 'act'), ('meeting', 'act'), ('audio', 'seconds'),
      ('video', 'seconds'), ('screen_share', 'seconds'), ('other', 'other')
  ) AS k(activity, kind)
  WHERE r.period = 1
  UNION ALL
  SELECT
    r.user_principal_name, NULL, r.day, 'viva_engage', k.activity, k.kind,
    CASE k.activity
      WHEN 'posted' THEN r.posted_count
      WHEN 'read' THEN r.read_count
      WHEN 'liked' THEN r.liked_count
    END
  FROM yammer_activity_user_detail AS r
  CROSS JOIN (
    VALUES ('posted', 'act'), ('read', 'act'), ('liked', 'act')
  ) AS k(activity, kind)
  WHERE r.period = 1
  UNION ALL
  SELECT
    r.user_principal_name, NULL, r.day, 'skype_for_business', k.activity, k.kind,
    CASE k.activity
      WHEN 'peer_to_peer' THEN r.total_peer_to_peer_session_count
      WHEN 'organized_conference' THEN r.total_organized_conference_count
      WHEN 'participated_conference' THEN r.total_participated_conference_count
    END
  FROM skype_for_business_activity_user_detail AS r
  CROSS JOIN (
    VALUES ('peer_to_peer', 'act'), ('organized_conference', 'act'), ('participated_conference', 'act')
  ) AS k(activity, kind)
  WHERE r.period = 1
  UNION ALL
  SELECT
    r.user_principal_name, NULL, r.day, 'copilot', k.activity, k.kind,
    CASE k.activity
      WHEN 'prompt' THEN r.prompts_submitted_for_all_apps
    END
  FROM microsoft365_copilot_usage_user_detail_by_date AS r
  CROSS JOIN (
    VALUES ('prompt', 'act')
  ) AS k(activity, kind)
  WHERE r.period = 1
),
rows_of_people AS (
  SELECT
    CASE WHEN regexp_like(address, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
    lower(address) AS address, lower(user_id) AS user_id, product, day, activity, kind,
    sum(actions) AS actions
  FROM counts
  WHERE actions > 0 AND address IS NOT NULL AND lower(trim(address)) NOT IN ('', '--', '(unknown)')
  GROUP BY 1, 2, 3, 4, 5, 6, 7
),
resolved AS (
  SELECT
    r.identity, r.product, r.day, r.activity, r.kind, r.actions,
    CASE
      WHEN r.identity = 'concealed' OR h.address IS NULL THEN r.address
      WHEN h.person_id IS NOT NULL THEN h.person_id
      WHEN r.user_id IS NOT NULL AND r.user_id <> '00000000-0000-0000-0000-000000000000' THEN r.user_id
      ELSE r.address
    END AS person_id
  FROM rows_of_people AS r
  LEFT JOIN holders AS h ON h.address = r.address AND r.day >= h.from_day AND r.day < h.until_day
)
SELECT identity, product, person_id, day, activity, kind, sum(actions) AS actions
FROM resolved
GROUP BY identity, product, person_id, day, activity, kind
