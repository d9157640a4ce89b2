-- Every day from the first day of the year of the earliest evidence to the last day of next year.
WITH known AS (
  SELECT first_day AS day FROM earliest
  UNION ALL
  SELECT month FROM legacy_region_activity
  UNION ALL
  SELECT month FROM legacy_tenant_client_usage
  UNION ALL
  SELECT month FROM legacy_tenant_groups_usage
  UNION ALL
  SELECT month FROM legacy_tenant_mailbox_usage
  UNION ALL
  SELECT month FROM legacy_tenant_office_activation
  UNION ALL
  SELECT month FROM legacy_tenant_office_licenses
  UNION ALL
  SELECT month FROM legacy_tenant_onedrive_usage
  UNION ALL
  SELECT month FROM legacy_tenant_product_activity
  UNION ALL
  SELECT month FROM legacy_tenant_product_usage
  UNION ALL
  SELECT month FROM legacy_tenant_sharepoint_usage
  UNION ALL
  SELECT month FROM legacy_user_activity
  UNION ALL
  SELECT month FROM legacy_user_state
),
since AS (
  SELECT CAST(date_trunc('year', min(day)) AS DATE) AS day FROM known
),
dated AS (
  SELECT
    d.day,
    CAST(date_trunc('month', d.day) AS DATE) AS month_start,
    CAST(EXTRACT(YEAR FROM d.day) AS BIGINT) AS year,
    CAST(EXTRACT(MONTH FROM d.day) AS BIGINT) AS month_number,
    CAST(EXTRACT(YEAR FROM b.today) AS BIGINT) AS this_year,
    -- 2000-01-03 was a Monday, and the list of days begins on 2000-01-01.
    (CAST(row_number() OVER (ORDER BY d.day ASC NULLS FIRST) AS BIGINT) + 4) % 7 + 1 AS day_of_week_number
  FROM days AS d
  CROSS JOIN build AS b
),
named AS (
  SELECT
    d.*,
    CASE
      WHEN month_number <= 3 THEN 1 WHEN month_number <= 6 THEN 2 WHEN month_number <= 9 THEN 3 ELSE 4
    END AS quarter_number,
    CASE month_number
      WHEN 1 THEN 'January' WHEN 2 THEN 'February' WHEN 3 THEN 'March' WHEN 4 THEN 'April' WHEN 5 THEN 'May' WHEN 6 THEN 'June'
      WHEN 7 THEN 'July' WHEN 8 THEN 'August' WHEN 9 THEN 'September' WHEN 10 THEN 'October' WHEN 11 THEN 'November'
      WHEN 12 THEN 'December'
    END AS month_name,
    CASE day_of_week_number
      WHEN 1 THEN 'Monday' WHEN 2 THEN 'Tuesday' WHEN 3 THEN 'Wednesday' WHEN 4 THEN 'Thursday' WHEN 5 THEN 'Friday'
      WHEN 6 THEN 'Saturday' WHEN 7 THEN 'Sunday'
    END AS day_of_week
  FROM dated AS d
)
SELECT
  n.day AS date, n.month_start, n.year, n.month_number, n.month_name, 'Q' || CAST(n.quarter_number AS STRING) AS quarter,
  CASE WHEN n.quarter_number <= 2 THEN 'H1' ELSE 'H2' END AS semester,
  CAST(n.year AS STRING) || ' Q' || CAST(n.quarter_number AS STRING) AS year_quarter,
  n.day_of_week, n.day_of_week_number,
  n.year = n.this_year AS is_in_current_year,
  n.year = n.this_year - 1 AS is_in_previous_year,
  n.year = n.this_year OR n.year = n.this_year - 1 AS is_in_previous_or_current_year
FROM named AS n
JOIN since AS e ON n.day >= e.day
