-- Mailboxes as the last answer of the month shows them.
WITH boxes AS (
  SELECT
    m.day, coalesce(m.is_deleted, FALSE) AS is_deleted, m.deleted_date, m.storage_used_byte AS used,
    m.issue_warning_quota_byte AS warn_at, m.prohibit_send_quota_byte AS send_at,
    m.prohibit_send_receive_quota_byte AS stop_at,
    CASE
      WHEN m.storage_used_byte >= m.prohibit_send_receive_quota_byte THEN 'stop'
      WHEN m.storage_used_byte >= m.prohibit_send_quota_byte THEN 'send'
      WHEN m.storage_used_byte >= m.issue_warning_quota_byte THEN 'warn'
      ELSE 'none'
    END AS state
  FROM mailbox_usage_detail AS m
),
measured AS (
  SELECT
    count(*) FILTER (WHERE NOT x.is_deleted) AS total_mailboxes,
    sum(CASE WHEN NOT x.is_deleted THEN x.warn_at END) AS issue_warning_quota,
    sum(CASE WHEN NOT x.is_deleted THEN x.send_at END) AS prohibit_send_quota,
    sum(CASE WHEN NOT x.is_deleted THEN x.stop_at END) AS prohibit_send_receive_quota,
    sum(CASE WHEN NOT x.is_deleted THEN x.used END) AS total_item_bytes,
    count(*) FILTER (WHERE NOT x.is_deleted AND x.state = 'none') AS mailboxes_no_warning,
    count(*) FILTER (WHERE NOT x.is_deleted AND x.state = 'warn') AS mailboxes_issue_warning,
    count(*) FILTER (WHERE NOT x.is_deleted AND x.state = 'send') AS mailboxes_exceed_send_quota,
    count(*) FILTER (WHERE NOT x.is_deleted AND x.state = 'stop') AS mailboxes_exceed_send_receive_quota,
    count(*) FILTER (WHERE x.is_deleted AND x.deleted_date >= b.month AND x.deleted_date < b.next_month) AS deleted_mailboxes,
    x.day AS content_date
  FROM boxes AS x
  CROSS JOIN build AS b
  GROUP BY x.day
)
SELECT m.*, 'measured' AS source
FROM measured AS m
UNION ALL
-- What the retired app said of a month that was not measured.
SELECT
  l.total_mailboxes, l.issue_warning_quota, l.prohibit_send_quota, l.prohibit_send_receive_quota, l.total_item_bytes,
  l.mailboxes_no_warning, l.mailboxes_issue_warning, l.mailboxes_exceed_send_quota,
  l.mailboxes_exceed_send_receive_quota, l.deleted_mailboxes, l.content_date, 'legacy' AS source
FROM legacy_tenant_mailbox_usage AS l
CROSS JOIN (SELECT count(*) AS n FROM measured) AS c
WHERE c.n = 0
