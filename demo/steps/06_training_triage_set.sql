CREATE TABLE training.triage_set AS
SELECT
    p.tenant_key, p.person_key, p.segment, p.age, p.area, t.text, t.usual_rating, p.active_days, p.minutes, t.unhappy
FROM features.tickets AS t
JOIN features.people AS p ON p.person_key = t.person_key
