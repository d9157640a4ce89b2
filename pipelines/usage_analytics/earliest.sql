-- The earliest evidence up to the end of the month.
SELECT min(first_day) AS first_day FROM person_product
