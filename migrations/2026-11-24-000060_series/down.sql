DROP TABLE external_busy, external_calendars;
ALTER TABLE appointments
    DROP CONSTRAINT appointments_occurrence,
    DROP CONSTRAINT appointments_series_fkey,
    DROP COLUMN series_exception,
    DROP COLUMN occurrence_at,
    DROP COLUMN series_id;
DROP TABLE appointment_series;
