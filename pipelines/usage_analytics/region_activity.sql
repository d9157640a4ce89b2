-- How much people did, with where they are: one row a person and product with activity.
SELECT product, person_id, identity, actions AS total_activity_count, city, country, state
FROM user_product_month
WHERE active AND product <> 'microsoft365'
