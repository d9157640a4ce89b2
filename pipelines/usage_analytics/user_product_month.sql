-- One row a person and product where the person was enabled or active.
SELECT
  u.product, u.person_id, u.identity, u.enabled, u.enabled_at_end, u.active, u.days_active, u.first_day, u.last_day, u.actions,
  u.was_active_before, u.active_last_month, u.first_ever_day, u.first_is_exact, u.first_time, u.returning_user,
  p.user_principal_name, p.display_name, p.country, p.usage_location, p.state, p.city, p.department, p.company, p.office,
  p.job_title, p.employee_type, p.manager_id
FROM user_product AS u
LEFT JOIN people AS p ON p.person_id = u.person_id AND u.identity = 'named'
WHERE u.enabled OR u.active
