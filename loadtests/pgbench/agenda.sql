-- A practitioner's day with the names of contacts and the practitioner, as crates/appointments asks for it.
SELECT a.id, a.contact_id, a.practitioner_id, a.room_id, a.service_id, a.starts_at, a.ends_at, a.status, a.overbooked,
       a.notes, a.cancelled_by, a.cancellation_reason, a.follow_up_of_id, a.price_cents, a.price_currency, a.source,
       a.sequence, a.version, a.created_at, a.updated_at,
       c.name, c.social_name, p.name
FROM appointments a
LEFT JOIN contacts c ON c.clinic_id = a.clinic_id AND c.id = a.contact_id
LEFT JOIN practitioners p ON p.clinic_id = a.clinic_id AND p.id = a.practitioner_id
WHERE a.clinic_id = '@clinic@'
  AND a.practitioner_id = '@practitioner@'
  AND a.starts_at >= (SELECT timezone(z.zone, '@day@'::timestamp) FROM clinics z WHERE z.id = '@clinic@')
  AND a.starts_at < (SELECT timezone(z.zone, '@day@'::timestamp + interval '1 day') FROM clinics z WHERE z.id = '@clinic@')
ORDER BY a.starts_at, a.id
LIMIT 101;
