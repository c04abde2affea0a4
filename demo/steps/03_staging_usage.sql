CREATE TABLE staging.usage AS
SELECT e.tenant_key, e.person_key, count(DISTINCT e.day) AS active_days, sum(e.seconds) / 60 AS minutes
FROM telemetry.events AS e
GROUP BY e.tenant_key, e.person_key
