CREATE TABLE staging.tickets AS
SELECT
    t.tenant_key, t.person_key, t.ticket_id, t.opened_on, lower(t.body) AS text, t.rating,
    avg(t.rating) OVER (PARTITION BY t.person_key ORDER BY t.opened_on, t.ticket_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS usual_rating
FROM support.tickets AS t
