//! What a clinic is in each table, column by column.

use kernel::Timestamp;
use serde_json::json;

use crate::copy::CopyRows;
use crate::vitoria::layout::MINUTES;
use crate::vitoria::plan::{Appointment, Clinic, Plan, Practitioner};
use crate::vitoria::record::Sex;

/// A table that is filled by COPY.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static str,
    pub(super) rows: fn(&Clinic, &mut CopyRows),
}

/// The tables, those that are pointed at before those that point.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "practitioners",
        columns: "clinic_id, id, name, council, council_number, council_state, specialty",
        rows: practitioners,
    },
    Table {
        name: "rooms",
        columns: "clinic_id, id, name",
        rows: rooms,
    },
    Table {
        name: "services",
        columns: "clinic_id, id, name, duration_minutes, slot_step_minutes",
        rows: services,
    },
    Table {
        name: "practitioner_services",
        columns: "clinic_id, practitioner_id, service_id",
        rows: practitioner_services,
    },
    Table {
        name: "opening_hours",
        columns: "clinic_id, id, weekday, opens_at, closes_at",
        rows: opening_hours,
    },
    Table {
        name: "contacts",
        columns: "clinic_id, id, kind, name, birth_date, sex, cpf, tags, custom_fields, source, created_at, updated_at",
        rows: contacts,
    },
    Table {
        name: "contact_phones",
        columns: "clinic_id, contact_id, position, number, match_key, kind, is_primary",
        rows: contact_phones,
    },
    Table {
        name: "appointments",
        columns: "clinic_id, id, contact_id, practitioner_id, room_id, service_id, starts_at, ends_at, status, notes, source, \
                  created_at, updated_at",
        rows: appointments,
    },
    Table {
        name: "occupancies",
        columns: "clinic_id, id, appointment_id, practitioner_id, room_id, busy_from, busy_until",
        rows: occupancies,
    },
];

/// How many rows all tables of `plan` will have, for the progress bar.
pub(super) fn total(plan: &Plan) -> u64 {
    let mut rows = CopyRows::new();
    let mut total = 0_u64;
    for (table, clinic) in TABLES
        .iter()
        .flat_map(|table| plan.clinics.iter().map(move |clinic| (table, clinic)))
    {
        (table.rows)(clinic, &mut rows);
        total = total.saturating_add(rows.rows());
        rows.take();
    }
    total
}

fn practitioners(clinic: &Clinic, rows: &mut CopyRows) {
    for practitioner in &clinic.practitioners {
        rows.column(clinic.id)
            .column(practitioner.id)
            .column(&practitioner.name);
        rows.column("CRM")
            .column(&practitioner.council_number)
            .column("ES")
            .column("Clínica geral")
            .end();
    }
}

fn rooms(clinic: &Clinic, rows: &mut CopyRows) {
    for practitioner in &clinic.practitioners {
        rows.column(clinic.id)
            .column(practitioner.room)
            .column(&practitioner.room_name)
            .end();
    }
}

fn services(clinic: &Clinic, rows: &mut CopyRows) {
    rows.column(clinic.id)
        .column(clinic.service)
        .column("Consulta")
        .column(MINUTES)
        .column(MINUTES)
        .end();
}

fn practitioner_services(clinic: &Clinic, rows: &mut CopyRows) {
    for practitioner in &clinic.practitioners {
        rows.column(clinic.id)
            .column(practitioner.id)
            .column(clinic.service)
            .end();
    }
}

fn opening_hours(clinic: &Clinic, rows: &mut CopyRows) {
    for hours in &clinic.hours {
        rows.column(clinic.id).column(hours.id).column(hours.weekday);
        rows.column(format_args!("{:02}:00", hours.opens))
            .column(format_args!("{:02}:00", hours.closes))
            .end();
    }
}

fn contacts(clinic: &Clinic, rows: &mut CopyRows) {
    for person in &clinic.people {
        let mut custom_fields = json!({ "paciente": person.patient.to_string() });
        if person.handicaps > 0
            && let Some(fields) = custom_fields.as_object_mut()
        {
            fields.insert("deficiencias".to_owned(), person.handicaps.into());
        }
        let sex = match person.sex {
            Sex::Female => "female",
            Sex::Male => "male",
        };
        rows.column(clinic.id)
            .column(person.id)
            .column("patient")
            .column(&person.name);
        rows.column(person.birth_date)
            .column(sex)
            .nullable(person.cpf.as_ref().map(|cpf| cpf.as_str()));
        rows.array(&person.tags).column(custom_fields).column("vitoria-2016");
        rows.column(person.created_at).column(person.created_at).end();
    }
}

fn contact_phones(clinic: &Clinic, rows: &mut CopyRows) {
    for person in &clinic.people {
        if let Some((number, kind)) = &person.phone {
            rows.column(clinic.id)
                .column(person.id)
                .column(0)
                .column(number)
                .column(number)
                .column(kind)
                .column(true)
                .end();
        }
    }
}

fn appointments(clinic: &Clinic, rows: &mut CopyRows) {
    for (appointment, practitioner) in with_practitioners(clinic) {
        let status = if appointment.no_show { "no_show" } else { "completed" };
        let reminder = if appointment.sms {
            ". Lembrete por SMS enviado"
        } else {
            ""
        };
        rows.column(clinic.id)
            .column(appointment.id)
            .column(appointment.contact);
        rows.column(practitioner.id)
            .column(practitioner.room)
            .column(clinic.service);
        rows.column(appointment.slot.starts_at())
            .column(appointment.slot.ends_at())
            .column(status);
        rows.column(format_args!("Registro {}{reminder}", appointment.number))
            .column("import");
        rows.column(appointment.created_at)
            .column(outcome_at(appointment))
            .end();
    }
}

/// Those who stayed away keep nobody busy.
fn occupancies(clinic: &Clinic, rows: &mut CopyRows) {
    for (appointment, practitioner) in with_practitioners(clinic).filter(|(appointment, _)| !appointment.no_show) {
        rows.column(clinic.id).column(appointment.id).column(appointment.id);
        rows.column(practitioner.id).column(practitioner.room);
        rows.column(appointment.slot.starts_at())
            .column(appointment.slot.ends_at())
            .end();
    }
}

fn with_practitioners(clinic: &Clinic) -> impl Iterator<Item = (&Appointment, &Practitioner)> {
    clinic
        .appointments
        .iter()
        .filter_map(|appointment| Some((appointment, clinic.practitioners.get(appointment.practitioner)?)))
}

/// When it was known who came. The file has appointments that were written down after the time which they are given here.
fn outcome_at(appointment: &Appointment) -> Timestamp {
    appointment.slot.ends_at().max(appointment.created_at)
}
