CREATE TABLE features.tickets AS
SELECT t.tenant_key, t.person_key, t.text, coalesce(round(t.usual_rating), 3)::int AS usual_rating, (t.rating <= 2)::int AS unhappy
FROM staging.tickets AS t
