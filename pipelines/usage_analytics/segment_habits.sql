-- What the people of a segment do, as campaigns need it: sums over the month.
WITH sums AS (
  SELECT
    identity, person_id,
    sum(CASE WHEN product = 'exchange' AND activity = 'send' THEN actions ELSE 0 END) AS mails,
    sum(CASE
      WHEN product IN ('onedrive', 'sharepoint') AND activity IN ('shared_internally', 'shared_externally') THEN actions ELSE 0
    END) AS shared,
    sum(CASE WHEN product = 'teams' AND activity = 'meeting' THEN actions ELSE 0 END) AS meetings,
    sum(CASE WHEN product = 'teams' AND activity IN ('private_chat', 'team_chat') THEN actions ELSE 0 END) AS messages,
    sum(CASE WHEN product = 'viva_engage' AND activity = 'read' THEN actions ELSE 0 END) AS reads,
    sum(CASE WHEN product = 'viva_engage' AND activity IN ('posted', 'liked') THEN actions ELSE 0 END) AS posts
  FROM daily_counts
  WHERE kind = 'act'
  GROUP BY identity, person_id
),
activated AS (
  SELECT DISTINCT
    a.identity, CASE WHEN a.identity = 'concealed' THEN a.address ELSE coalesce(h.person_id, a.address) END AS person_id
  FROM (
    SELECT
      CASE WHEN regexp_like(user_principal_name, '^[0-9A-F]{32}$') THEN 'concealed' ELSE 'named' END AS identity,
      lower(user_principal_name) AS address, day
    FROM office365_activations_user_detail
    WHERE last_activated_date IS NOT NULL AND user_principal_name IS NOT NULL
  ) AS a
  LEFT JOIN holders AS h ON h.address = a.address AND a.day >= h.from_day AND a.day < h.until_day
),
read_activations AS (
  SELECT count(*) > 0 AS there FROM office365_activations_user_detail
),
people AS (
  SELECT
    u.identity, u.person_id,
    bool_or(u.product = 'exchange' AND u.active) AS mails_active,
    bool_or(u.product = 'teams' AND u.active) AS teams_active,
    bool_or(u.product = 'microsoft365_apps' AND u.enabled) AS has_apps
  FROM user_product AS u
  GROUP BY u.identity, u.person_id
)
SELECT
  s.attribute, s.value,
  sum(coalesce(d.mails, 0)) AS mails,
  sum(coalesce(d.shared, 0)) AS shared,
  sum(coalesce(d.meetings, 0)) AS meetings,
  sum(coalesce(d.messages, 0)) AS messages,
  sum(coalesce(d.reads, 0)) AS reads,
  sum(coalesce(d.posts, 0)) AS posts,
  count(*) FILTER (WHERE p.mails_active) AS exchange_active,
  count(*) FILTER (WHERE p.teams_active) AS teams_active,
  CASE WHEN bool_or(r.there) THEN count(*) FILTER (WHERE p.has_apps AND a.person_id IS NULL) END AS never_activated
FROM people AS p
CROSS JOIN read_activations AS r
JOIN person_segments AS s ON s.identity = p.identity AND s.person_id = p.person_id
LEFT JOIN sums AS d ON d.identity = p.identity AND d.person_id = p.person_id
LEFT JOIN activated AS a ON a.identity = p.identity AND a.person_id = p.person_id
GROUP BY s.attribute, s.value
