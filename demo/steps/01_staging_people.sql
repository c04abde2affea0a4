CREATE TABLE staging.people AS
SELECT c.tenant_key, c.person_key, a.segment, 2026 - c.birth_year AS age, c.postcode
FROM crm.contacts AS c
JOIN crm.accounts AS a ON a.tenant_key = c.tenant_key
