-- A booking: four inserts in one transaction, under the same constraints and indexes. Each client has slots of its own, far
-- beyond those that the server books; the events are never due, so that no worker is busy with them.
\set n :n + 1
\set milliseconds :began + :n
\set high random(0, 4095)
\set low random(0, 1152921504606846975)
\set minutes (:first + :client_id * :reach + :n) * 15
BEGIN;
INSERT INTO appointments (clinic_id, id, contact_id, practitioner_id, room_id, service_id, starts_at, ends_at, status,
                          overbooked, notes, cancelled_by, follow_up_of_id, price_cents, price_currency, source)
VALUES ('@clinic@',
        (lpad(to_hex(:milliseconds::bigint), 12, '0') || '7' || lpad(to_hex(:high::integer), 3, '0') || '8' || lpad(to_hex(:low::bigint), 15, '0'))::uuid,
        '@contact@', '@practitioner@', NULL, '@service@',
        '2040-01-01T00:00:00Z'::timestamptz + :minutes::integer * interval '1 minute',
        '2040-01-01T00:15:00Z'::timestamptz + :minutes::integer * interval '1 minute',
        'scheduled', false, NULL, NULL, NULL, 0, 'BRL', 'staff');
INSERT INTO occupancies (clinic_id, id, appointment_id, practitioner_id, busy_from, busy_until, exclusive)
VALUES ('@clinic@',
        (lpad(to_hex(:milliseconds::bigint), 12, '0') || '7' || lpad(to_hex(:high::integer), 3, '0') || '8' || lpad(to_hex(:low::bigint), 15, '0'))::uuid,
        (lpad(to_hex(:milliseconds::bigint), 12, '0') || '7' || lpad(to_hex(:high::integer), 3, '0') || '8' || lpad(to_hex(:low::bigint), 15, '0'))::uuid,
        '@practitioner@',
        '2040-01-01T00:00:00Z'::timestamptz + :minutes::integer * interval '1 minute',
        '2040-01-01T00:15:00Z'::timestamptz + :minutes::integer * interval '1 minute', true);
INSERT INTO audit_log (clinic_id, id, occurred_at, actor_kind, actor_id, action, resource, resource_id, request_id, address)
VALUES ('@clinic@',
        (lpad(to_hex(:milliseconds::bigint), 12, '0') || '7' || lpad(to_hex(:high::integer), 3, '0') || '8' || lpad(to_hex(:low::bigint), 15, '0'))::uuid,
        now(), 'user', '@contact@', 'appointments.book', 'appointment',
        (lpad(to_hex(:milliseconds::bigint), 12, '0') || '7' || lpad(to_hex(:high::integer), 3, '0') || '8' || lpad(to_hex(:low::bigint), 15, '0'))::uuid,
        '@contact@', '127.0.0.1');
INSERT INTO outbox (clinic_id, id, kind, payload, available_at)
VALUES ('@clinic@',
        (lpad(to_hex(:milliseconds::bigint), 12, '0') || '7' || lpad(to_hex(:high::integer), 3, '0') || '8' || lpad(to_hex(:low::bigint), 15, '0'))::uuid,
        'appointment.booked',
        '{"appointment_id": "@contact@", "contact_id": "@contact@", "practitioner_id": "@practitioner@"}',
        '9999-01-01T00:00:00Z');
END;
