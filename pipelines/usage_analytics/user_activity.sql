-- What each person did in the month, one column an activity. Null where no day of the product landed: that is not zero.
WITH counted AS (
  SELECT d.product, d.identity, d.person_id, d.activity, d.kind, d.actions
  FROM daily_counts AS d
  JOIN product_month AS m ON m.product = d.product AND m.counted = d.identity AND m.has_history
),
landed AS (
  SELECT
    coalesce(bool_or(product = 'exchange' AND activity_content_date IS NOT NULL), FALSE) AS exchange,
    coalesce(bool_or(product = 'onedrive' AND activity_content_date IS NOT NULL), FALSE) AS onedrive,
    coalesce(bool_or(product = 'sharepoint' AND activity_content_date IS NOT NULL), FALSE) AS sharepoint,
    coalesce(bool_or(product = 'viva_engage' AND activity_content_date IS NOT NULL), FALSE) AS viva_engage,
    coalesce(bool_or(product = 'skype_for_business' AND activity_content_date IS NOT NULL), FALSE) AS skype_for_business,
    coalesce(bool_or(product = 'teams' AND activity_content_date IS NOT NULL), FALSE) AS teams
  FROM product_month
),
sums AS (
  SELECT
    identity, person_id,
    sum(CASE WHEN product = 'exchange' AND activity = 'send' THEN actions ELSE 0 END) AS exo_email_sent,
    sum(CASE WHEN product = 'exchange' AND activity = 'receive' THEN actions ELSE 0 END) AS exo_email_received,
    sum(CASE WHEN product = 'exchange' AND activity = 'read' THEN actions ELSE 0 END) AS exo_email_read,
    sum(CASE WHEN product = 'exchange' AND activity = 'meeting_created' THEN actions ELSE 0 END) AS exo_meeting_sent,
    sum(CASE WHEN product = 'exchange' AND activity = 'meeting_interacted' THEN actions ELSE 0 END) AS exo_meeting_interacted,
    sum(CASE WHEN product = 'onedrive' AND activity = 'viewed_or_edited' THEN actions ELSE 0 END) AS odb_file_viewed_modified,
    sum(CASE WHEN product = 'onedrive' AND activity = 'synced' THEN actions ELSE 0 END) AS odb_file_synched,
    sum(CASE WHEN product = 'onedrive' AND activity = 'shared_internally' THEN actions ELSE 0 END) AS odb_file_shared_internally,
    sum(CASE WHEN product = 'onedrive' AND activity = 'shared_externally' THEN actions ELSE 0 END) AS odb_file_shared_externally,
    sum(CASE WHEN product = 'sharepoint' AND activity = 'viewed_or_edited' THEN actions ELSE 0 END) AS spo_file_viewed_modified,
    sum(CASE WHEN product = 'sharepoint' AND activity = 'synced' THEN actions ELSE 0 END) AS spo_file_synched,
    sum(CASE WHEN product = 'sharepoint' AND activity = 'shared_internally' THEN actions ELSE 0 END) AS spo_file_shared_internally,
    sum(CASE WHEN product = 'sharepoint' AND activity = 'shared_externally' THEN actions ELSE 0 END) AS spo_file_shared_externally,
    sum(CASE WHEN product = 'sharepoint' AND activity = 'visited_page' THEN actions ELSE 0 END) AS spo_page_visited,
    sum(CASE WHEN product = 'viva_engage' AND activity = 'posted' THEN actions ELSE 0 END) AS yam_message_post,
    sum(CASE WHEN product = 'viva_engage' AND activity = 'liked' THEN actions ELSE 0 END) AS yam_message_liked,
    sum(CASE WHEN product = 'viva_engage' AND activity = 'read' THEN actions ELSE 0 END) AS yam_message_read,
    sum(CASE WHEN product = 'skype_for_business' AND activity = 'peer_to_peer' THEN actions ELSE 0 END) AS sfb_p2p_summary,
    sum(CASE WHEN product = 'skype_for_business' AND activity = 'organized_conference' THEN actions ELSE 0 END) AS sfb_conf_org_summary,
    sum(CASE WHEN product = 'skype_for_business' AND activity = 'participated_conference' THEN actions ELSE 0 END) AS sfb_conf_part_summary,
    sum(CASE WHEN product = 'teams' AND activity = 'private_chat' THEN actions ELSE 0 END) AS teams_chat_messages,
    sum(CASE WHEN product = 'teams' AND activity = 'team_chat' THEN actions ELSE 0 END) AS teams_channel_message,
    sum(CASE WHEN product = 'teams' AND activity = 'call' THEN actions ELSE 0 END) AS teams_call_participate,
    sum(CASE WHEN product = 'teams' AND activity = 'meeting' THEN actions ELSE 0 END) AS teams_meeting_participate,
    coalesce(bool_or(product = 'teams' AND kind = 'other'), FALSE) AS other_action,
    coalesce(bool_or(product = 'teams' AND kind = 'act'), FALSE) AS counted_action,
    bool_or(kind IN ('act', 'other')) AS acted
  FROM counted
  GROUP BY identity, person_id
),
measured AS (
  SELECT
    s.person_id, s.identity,
    CASE WHEN l.exchange THEN s.exo_email_sent END AS exo_email_sent,
    CASE WHEN l.exchange THEN s.exo_email_received END AS exo_email_received,
    CASE WHEN l.exchange THEN s.exo_email_read END AS exo_email_read,
    CASE WHEN l.exchange THEN s.exo_meeting_sent END AS exo_meeting_sent,
    CASE WHEN l.exchange THEN s.exo_meeting_interacted END AS exo_meeting_interacted,
    CASE WHEN l.onedrive THEN s.odb_file_viewed_modified END AS odb_file_viewed_modified,
    CASE WHEN l.onedrive THEN s.odb_file_synched END AS odb_file_synched,
    CASE WHEN l.onedrive THEN s.odb_file_shared_internally END AS odb_file_shared_internally,
    CASE WHEN l.onedrive THEN s.odb_file_shared_externally END AS odb_file_shared_externally,
    CASE WHEN l.sharepoint THEN s.spo_file_viewed_modified END AS spo_file_viewed_modified,
    CASE WHEN l.sharepoint THEN s.spo_file_synched END AS spo_file_synched,
    CASE WHEN l.sharepoint THEN s.spo_file_shared_internally END AS spo_file_shared_internally,
    CASE WHEN l.sharepoint THEN s.spo_file_shared_externally END AS spo_file_shared_externally,
    CASE WHEN l.sharepoint THEN s.spo_page_visited END AS spo_page_visited,
    CASE WHEN l.viva_engage THEN s.yam_message_post END AS yam_message_post,
    CASE WHEN l.viva_engage THEN s.yam_message_liked END AS yam_message_liked,
    CASE WHEN l.viva_engage THEN s.yam_message_read END AS yam_message_read,
    CASE WHEN l.skype_for_business THEN s.sfb_p2p_summary END AS sfb_p2p_summary,
    CASE WHEN l.skype_for_business THEN s.sfb_conf_org_summary END AS sfb_conf_org_summary,
    CASE WHEN l.skype_for_business THEN s.sfb_conf_part_summary END AS sfb_conf_part_summary,
    CASE WHEN l.teams THEN s.teams_chat_messages END AS teams_chat_messages,
    CASE WHEN l.teams THEN s.teams_channel_message END AS teams_channel_message,
    CASE WHEN l.teams THEN s.teams_call_participate END AS teams_call_participate,
    CASE WHEN l.teams THEN s.teams_meeting_participate END AS teams_meeting_participate,
    CASE WHEN l.teams THEN s.other_action AND NOT s.counted_action END AS teams_has_other_action
  FROM sums AS s
  CROSS JOIN landed AS l
  WHERE s.acted
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.user_id AS person_id, 'legacy' AS identity, l.exo_email_sent, l.exo_email_received, l.exo_email_read,
  l.exo_meeting_sent,
  coalesce(l.exo_meeting_cancelled, 0) + coalesce(l.exo_meeting_accepted, 0)
    + coalesce(l.exo_meeting_declined, 0) AS exo_meeting_interacted,
  l.odb_file_viewed_modified, l.odb_file_synched, l.odb_file_shared_internally, l.odb_file_shared_externally,
  coalesce(l.spo_team_file_viewed_modified, 0) + coalesce(l.spo_group_file_viewed_modified, 0)
    + coalesce(l.spo_other_file_viewed_modified, 0) AS spo_file_viewed_modified,
  coalesce(l.spo_team_file_synched, 0) + coalesce(l.spo_group_file_synched, 0)
    + coalesce(l.spo_other_file_synched, 0) AS spo_file_synched,
  coalesce(l.spo_team_file_shared_internally, 0) + coalesce(l.spo_group_file_shared_internally, 0)
    + coalesce(l.spo_other_file_shared_internally, 0) AS spo_file_shared_internally,
  coalesce(l.spo_team_file_shared_externally, 0) + coalesce(l.spo_group_file_shared_externally, 0)
    + coalesce(l.spo_other_file_shared_externally, 0) AS spo_file_shared_externally,
  CAST(NULL AS BIGINT) AS spo_page_visited, l.yam_message_post, l.yam_message_liked, l.yam_message_read,
  l.sfb_p2p_summary, l.sfb_conf_org_summary, l.sfb_conf_part_summary, l.teams_chat_messages, l.teams_channel_message,
  l.teams_call_participate, l.teams_meeting_participate, l.teams_has_other_action, 'legacy' AS source
FROM legacy_user_activity AS l
CROSS JOIN (SELECT count(*) AS n FROM product_month WHERE has_history) AS c
WHERE c.n = 0
