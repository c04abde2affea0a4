CREATE TABLE features.people AS
SELECT p.tenant_key, p.person_key, p.segment, p.age / 10 * 10 AS age, left(p.postcode, 2) AS area, u.active_days, u.minutes
FROM staging.people AS p
JOIN staging.usage AS u ON u.person_key = p.person_key
