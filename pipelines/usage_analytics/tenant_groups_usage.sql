-- Microsoft 365 groups: their state by the last answer of the month, their activity by its single days.
WITH last_rows AS (
  SELECT
    r.*, coalesce(r.group_id, r.group_display_name) AS group_key, t.group_kind
  FROM office365_groups_activity_detail_last AS r
  CROSS JOIN (VALUES ('any'), ('private'), ('public')) AS t(group_kind)
  WHERE NOT coalesce(r.is_deleted, FALSE) AND (t.group_kind = 'any' OR lower(r.group_type) = t.group_kind)
),
state AS (
  SELECT
    group_kind,
    count(DISTINCT group_key) AS total_groups,
    count(*) FILTER (WHERE exchange_mailbox_total_item_count IS NOT NULL) AS mbx_total_groups,
    sum(exchange_mailbox_total_item_count) AS mbx_total_items,
    sum(exchange_mailbox_storage_used_byte) AS mbx_storage_used,
    count(*) FILTER (WHERE sharepoint_total_file_count IS NOT NULL) AS spo_total_groups,
    sum(sharepoint_total_file_count) AS spo_total_files,
    sum(sharepoint_site_storage_used_byte) AS spo_storage_used,
    count(*) FILTER (
      WHERE yammer_posted_message_count IS NOT NULL OR yammer_read_message_count IS NOT NULL
        OR yammer_liked_message_count IS NOT NULL
    ) AS yam_total_groups,
    max(day) AS content_date
  FROM last_rows
  GROUP BY group_kind
),
month_rows AS (
  SELECT
    r.*, coalesce(r.group_id, r.group_display_name) AS group_key, t.group_kind,
    (r.last_activity_date >= b.month AND r.last_activity_date < b.next_month)
      OR (r.period = 1 AND coalesce(r.exchange_received_email_count, 0) + coalesce(r.sharepoint_active_file_count, 0)
        + coalesce(r.yammer_posted_message_count, 0) + coalesce(r.yammer_read_message_count, 0)
        + coalesce(r.yammer_liked_message_count, 0) > 0) AS in_month,
    r.period = 1 AS dated,
    l.group_key IS NOT NULL AS at_end
  FROM office365_groups_activity_detail AS r
  CROSS JOIN build AS b
  CROSS JOIN (VALUES ('any'), ('private'), ('public')) AS t(group_kind)
  LEFT JOIN (SELECT DISTINCT group_kind, group_key FROM last_rows) AS l
    ON l.group_kind = t.group_kind AND l.group_key = coalesce(r.group_id, r.group_display_name)
  WHERE t.group_kind = 'any' OR lower(r.group_type) = t.group_kind
),
activity AS (
  SELECT
    group_kind,
    count(DISTINCT CASE WHEN in_month THEN group_key END) AS active_groups,
    count(DISTINCT CASE WHEN in_month AND at_end THEN group_key END) AS active_groups_at_end,
    count(DISTINCT CASE WHEN dated AND exchange_received_email_count > 0 THEN group_key END) AS mbx_active_groups,
    sum(CASE WHEN dated THEN exchange_received_email_count END) AS mbx_total_activities,
    count(DISTINCT CASE WHEN dated AND sharepoint_active_file_count > 0 THEN group_key END) AS spo_active_groups,
    sum(CASE WHEN dated THEN sharepoint_active_file_count END) AS spo_total_activities,
    count(DISTINCT CASE
      WHEN dated AND (yammer_liked_message_count > 0 OR yammer_posted_message_count > 0 OR yammer_read_message_count > 0)
        THEN group_key
    END) AS yam_active_groups,
    count(DISTINCT CASE WHEN dated AND yammer_liked_message_count > 0 THEN group_key END) AS yam_liked_active_groups,
    count(DISTINCT CASE WHEN dated AND yammer_posted_message_count > 0 THEN group_key END) AS yam_posted_active_groups,
    count(DISTINCT CASE WHEN dated AND yammer_read_message_count > 0 THEN group_key END) AS yam_read_active_groups,
    sum(CASE
      WHEN dated THEN coalesce(yammer_liked_message_count, 0) + coalesce(yammer_posted_message_count, 0)
        + coalesce(yammer_read_message_count, 0)
    END) AS yam_total_activities,
    sum(CASE WHEN dated THEN yammer_liked_message_count END) AS yam_liked_activities,
    sum(CASE WHEN dated THEN yammer_posted_message_count END) AS yam_posted_activities,
    sum(CASE WHEN dated THEN yammer_read_message_count END) AS yam_read_activities
  FROM month_rows
  GROUP BY group_kind
),
keys AS (
  SELECT group_kind FROM state
  UNION
  SELECT group_kind FROM activity
),
measured AS (
  SELECT
    k.group_kind AS group_type, s.total_groups, coalesce(a.active_groups, 0) AS active_groups,
    coalesce(a.active_groups_at_end, 0) AS active_groups_at_end,
    s.mbx_total_groups, coalesce(a.mbx_active_groups, 0) AS mbx_active_groups, a.mbx_total_activities, s.mbx_total_items,
    s.mbx_storage_used, s.spo_total_groups, coalesce(a.spo_active_groups, 0) AS spo_active_groups, a.spo_total_activities,
    s.spo_total_files, s.spo_storage_used, s.yam_total_groups, coalesce(a.yam_active_groups, 0) AS yam_active_groups,
    coalesce(a.yam_liked_active_groups, 0) AS yam_liked_active_groups,
    coalesce(a.yam_posted_active_groups, 0) AS yam_posted_active_groups,
    coalesce(a.yam_read_active_groups, 0) AS yam_read_active_groups,
    a.yam_total_activities, a.yam_liked_activities, a.yam_posted_activities, a.yam_read_activities, s.content_date
  FROM keys AS k
  LEFT JOIN state AS s ON s.group_kind = k.group_kind
  LEFT JOIN activity AS a ON a.group_kind = k.group_kind
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.group_type, l.total_groups, l.active_groups, CAST(NULL AS BIGINT), l.mbx_total_groups, l.mbx_active_groups, l.mbx_total_activities,
  l.mbx_total_items, l.mbx_storage_used, l.spo_total_groups, l.spo_active_groups, l.spo_total_activities,
  l.spo_total_files, l.spo_storage_used, l.yam_total_groups, l.yam_active_groups, l.yam_liked_active_groups,
  l.yam_posted_active_groups, l.yam_read_active_groups, l.yam_total_activities, l.yam_liked_activities,
  l.yam_posted_activities, l.yam_read_activities, l.content_date, 'legacy' AS source
FROM legacy_tenant_groups_usage AS l
CROSS JOIN (SELECT count(*) AS n FROM measured) AS c
WHERE c.n = 0
