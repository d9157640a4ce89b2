-- Attributes of people as the directory stood at the month's end. People who are gone keep what they had; people who come later
-- have what they had at first.
WITH before AS (
  SELECT count(*) AS people FROM people_before
),
own AS (
  SELECT u.*
  FROM users AS u
  CROSS JOIN build AS b
  CROSS JOIN before AS p
  WHERE u.month <= b.month OR p.people = 0
),
first_later AS (
  SELECT *
  FROM users_after
  WHERE id NOT IN (SELECT id FROM own WHERE id IS NOT NULL)
    AND id NOT IN (SELECT person_id FROM people_before WHERE person_id IS NOT NULL)
)
SELECT
  id AS person_id, user_principal_name, display_name, user_type, country, usage_location, state, city, department,
  company_name AS company, office_location AS office, job_title, employee_type, manager_id, TRUE AS in_directory
FROM own
UNION ALL
SELECT
  id, user_principal_name, display_name, user_type, country, usage_location, state, city, department, company_name,
  office_location, job_title, employee_type, manager_id, FALSE
FROM first_later
UNION ALL
SELECT
  person_id, user_principal_name, display_name, user_type, country, usage_location, state, city, department, company,
  office, job_title, employee_type, manager_id, FALSE
FROM people_before
WHERE person_id NOT IN (SELECT id FROM own WHERE id IS NOT NULL)
