-- One person by id with phones and consents, as crates/contacts asks for it.
SELECT c.id, c.kind, c.status, c.name, c.social_name, c.birth_date, c.sex, c.cpf, c.cns, c.email, c.address, c.tags,
       c.custom_fields, c.guardian_id, c.guardian_name, c.insurer, c.insurance_card_number, c.source, c.merged_into_id,
       c.archived_at, c.version, c.created_at, c.updated_at,
       ARRAY(SELECT jsonb_build_array(p.number, p.kind, p.is_primary) FROM contact_phones p
             WHERE p.clinic_id = c.clinic_id AND p.contact_id = c.id ORDER BY p.position),
       ARRAY(SELECT DISTINCT ON (o.purpose) jsonb_build_array(o.purpose, o.granted, o.origin, o.recorded_at)
             FROM contact_consents o WHERE o.clinic_id = c.clinic_id AND o.contact_id = c.id
             ORDER BY o.purpose, o.recorded_at DESC, o.id DESC)
FROM contacts c
WHERE c.clinic_id = '@clinic@' AND c.id = '@contact@';
