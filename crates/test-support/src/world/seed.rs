//! Puts the world into a database, past row-level security and the server: once for each template.

use auth::ClinicKeys;
use auth::passwords::{NewPassword, Passwords};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use kernel::{ClinicId, Timestamp};
use secrecy::SecretString;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::cast::{
    APPOINTMENTS, Appointment, CLINICS, CONTACTS, Contact, MEMBERS, PASSWORD, PRACTITIONERS, ROOMS, SERVICES,
};
use super::ids::{Kind, uuid};
use super::{appointment, at, clinic, clinic_of, contact, membership, now, practitioner, room, service, session, user};
use crate::keys;

type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Writes rows as the maintenance role.
struct Seeder<'c> {
    client: &'c Client,
    /// When everything was made: the day before the world's now.
    made_at: DateTime<Utc>,
}

/// Seeds the whole world.
pub(crate) async fn seed(client: &Client) {
    let made_at = now().saturating_add(-TimeDelta::days(1)).as_datetime();
    let seeder = Seeder { client, made_at };
    seeder.clinics().await;
    seeder.members().await;
    seeder.practice().await;
    seeder.hours().await;
    for (number, person) in (0..).zip(CONTACTS) {
        seeder.contact(number, person).await;
    }
    for (number, booked) in (0..).zip(APPOINTMENTS) {
        seeder.appointment(number, booked).await;
    }
}

impl Seeder<'_> {
    async fn insert(&self, statement: &str, values: Values<'_>) {
        if let Err(error) = self.client.execute(statement, values).await {
            panic!("the world does not fit the schema: {statement}: {error:?}");
        }
    }

    async fn clinics(&self) {
        for each in CLINICS {
            self.insert(
                "INSERT INTO clinics (id, slug, legal_name, trade_name, cnpj, zone, created_at, updated_at)
                 VALUES ($1, $2, $3, $3, $4, $5, $6, $6)",
                &[
                    clinic(each.key).as_uuid(),
                    &each.key,
                    &each.name,
                    &each.cnpj,
                    &each.zone,
                    &self.made_at,
                ],
            )
            .await;
            self.data_key(clinic(each.key)).await;
        }
    }

    /// What the clinic's rows are sealed with, wrapped by the master key of tests.
    async fn data_key(&self, clinic: ClinicId) {
        let key = ClinicKeys::new(keys::auth_config().master_keys)
            .generate(clinic, now())
            .expect("there is randomness");
        self.insert(
            "INSERT INTO clinic_keys (clinic_id, id, master_key_id, wrapped, created_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                clinic.as_uuid(),
                key.id.as_uuid(),
                &key.master_key_id,
                &key.wrapped,
                &self.made_at,
            ],
        )
        .await;
    }

    async fn members(&self) {
        let passwords = Passwords::new(&keys::password_cost()).expect("the cost is allowed");
        for each in MEMBERS {
            let email = format!("{}.example", each.key);
            let address = email.parse().expect("members have addresses");
            let password =
                NewPassword::choose(&SecretString::from(PASSWORD), &address).expect("the password is allowed");
            let hash = passwords.hash(password).await.expect("the password can be hashed");
            let roles: Vec<&str> = each.roles.iter().map(|role| role.name()).collect();
            self.insert(
                "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
                &[user(each.key).as_uuid(), &email, &each.name, &hash, &self.made_at],
            )
            .await;
            self.insert(
                "INSERT INTO memberships (clinic_id, id, user_id, roles, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
                &[
                    clinic_of(each.key).as_uuid(),
                    membership(each.key).as_uuid(),
                    user(each.key).as_uuid(),
                    &roles,
                    &self.made_at,
                ],
            )
            .await;
            self.insert(
                "INSERT INTO sessions (clinic_id, id, user_id, membership_id, last_used_at, expires_at, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $5)",
                &[
                    clinic_of(each.key).as_uuid(),
                    session(each.key).as_uuid(),
                    user(each.key).as_uuid(),
                    membership(each.key).as_uuid(),
                    &self.made_at,
                    &(self.made_at + TimeDelta::days(365)),
                ],
            )
            .await;
        }
    }

    async fn practice(&self) {
        for each in ROOMS {
            self.insert(
                "INSERT INTO rooms (clinic_id, id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
                &[
                    clinic(each.clinic).as_uuid(),
                    room(each.key).as_uuid(),
                    &each.name,
                    &self.made_at,
                ],
            )
            .await;
        }
        for each in SERVICES {
            self.insert(
                "INSERT INTO services (clinic_id, id, name, duration_minutes, buffer_before_minutes, buffer_after_minutes,
                                       needs_room, price_cents, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
                &[
                    clinic(each.clinic).as_uuid(),
                    service(each.key).as_uuid(),
                    &each.name,
                    &each.minutes,
                    &each.buffers.0,
                    &each.buffers.1,
                    &each.needs_room,
                    &each.price_cents,
                    &self.made_at,
                ],
            )
            .await;
        }
        for each in PRACTITIONERS {
            let member: Option<Uuid> = each.member.map(|key| membership(key).into());
            self.insert(
                "INSERT INTO practitioners (clinic_id, id, membership_id, name, council, council_number, council_state,
                                            specialty, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, 'CRM', $5, $6, 'Clínica médica', $7, $7)",
                &[
                    clinic(each.clinic).as_uuid(),
                    practitioner(each.key).as_uuid(),
                    &member,
                    &each.name,
                    &each.council_number,
                    &each.council_state,
                    &self.made_at,
                ],
            )
            .await;
            for offered in each.services {
                self.insert(
                    "INSERT INTO practitioner_services (clinic_id, practitioner_id, service_id) VALUES ($1, $2, $3)",
                    &[
                        clinic(each.clinic).as_uuid(),
                        practitioner(each.key).as_uuid(),
                        service(offered).as_uuid(),
                    ],
                )
                .await;
            }
        }
    }

    /// Monday to Friday from eight to noon and from one to six, Christmas, and a day off for one practitioner of each clinic.
    async fn hours(&self) {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour of the day");
        let mut number = 0;
        for (place, each) in (0..).zip(CLINICS) {
            for weekday in 1..=5_i16 {
                for (opens_at, closes_at) in [(hour(8), hour(12)), (hour(13), hour(18))] {
                    self.insert(
                        "INSERT INTO opening_hours (clinic_id, id, weekday, opens_at, closes_at, created_at, updated_at)
                         VALUES ($1, $2, $3, $4, $5, $6, $6)",
                        &[clinic(each.key).as_uuid(), &uuid(Kind::OpeningHours, number), &weekday, &opens_at, &closes_at, &self.made_at],
                    )
                    .await;
                    number += 1;
                }
            }
            let christmas = NaiveDate::from_ymd_opt(2026, 12, 25).expect("a date");
            self.insert(
                "INSERT INTO holidays (clinic_id, id, date, name, scope, created_at, updated_at)
                 VALUES ($1, $2, $3, 'Natal', 'national', $4, $4)",
                &[
                    clinic(each.key).as_uuid(),
                    &uuid(Kind::Holiday, place),
                    &christmas,
                    &self.made_at,
                ],
            )
            .await;
            let away = PRACTITIONERS
                .iter()
                .rfind(|one| one.clinic == each.key)
                .expect("a practitioner");
            let (from, until) = (
                at("2026-12-01T03:00:00Z").as_datetime(),
                at("2026-12-02T04:00:00Z").as_datetime(),
            );
            self.insert(
                "INSERT INTO time_off (clinic_id, id, practitioner_id, starts_at, ends_at, reason, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, 'Congresso', $6, $6)",
                &[
                    clinic(each.key).as_uuid(),
                    &uuid(Kind::TimeOff, place),
                    practitioner(away.key).as_uuid(),
                    &from,
                    &until,
                    &self.made_at,
                ],
            )
            .await;
        }
    }

    async fn contact(&self, number: u16, person: &Contact) {
        let birth_date: Option<NaiveDate> = person.birth_date.map(|date| date.parse().expect("a date"));
        let made_at = self.made_at + TimeDelta::seconds(number.into());
        self.insert(
            "INSERT INTO contacts (clinic_id, id, kind, name, birth_date, cpf, email, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
            &[
                clinic(person.clinic).as_uuid(),
                contact(person.key).as_uuid(),
                &person.kind,
                &person.name,
                &birth_date,
                &person.cpf,
                &person.email,
                &made_at,
            ],
        )
        .await;
        if let Some((phone, match_key)) = person.phone {
            self.insert(
                "INSERT INTO contact_phones (clinic_id, contact_id, position, number, match_key, kind, is_primary)
                 VALUES ($1, $2, 0, $3, $4, 'mobile', true)",
                &[
                    clinic(person.clinic).as_uuid(),
                    contact(person.key).as_uuid(),
                    &phone,
                    &match_key,
                ],
            )
            .await;
        }
    }

    async fn appointment(&self, number: u16, booked: &Appointment) {
        let starts_at = at(booked.starts_at);
        let ends_at: Timestamp = starts_at.saturating_add(TimeDelta::minutes(booked.minutes));
        let (starts_at, ends_at) = (starts_at.as_datetime(), ends_at.as_datetime());
        let (clinic_id, id) = (clinic(booked.clinic), appointment(booked.key));
        self.insert(
            "INSERT INTO appointments (clinic_id, id, contact_id, practitioner_id, service_id, starts_at, ends_at, status,
                                       created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
            &[
                clinic_id.as_uuid(),
                id.as_uuid(),
                contact(booked.contact).as_uuid(),
                practitioner(booked.practitioner).as_uuid(),
                service(booked.service).as_uuid(),
                &starts_at,
                &ends_at,
                &booked.status,
                &self.made_at,
            ],
        )
        .await;
        self.insert(
            "INSERT INTO appointment_moves (clinic_id, id, appointment_id, appointment_version, action, to_status,
                                            to_starts_at, actor_kind, created_at)
             VALUES ($1, $2, $3, 1, 'book', $4, $5, 'system', $6)",
            &[
                clinic_id.as_uuid(),
                &uuid(Kind::Move, number),
                id.as_uuid(),
                &booked.status,
                &starts_at,
                &self.made_at,
            ],
        )
        .await;
        self.insert(
            "INSERT INTO occupancies (clinic_id, id, appointment_id, practitioner_id, busy_from, busy_until)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                clinic_id.as_uuid(),
                &uuid(Kind::Occupancy, number),
                id.as_uuid(),
                practitioner(booked.practitioner).as_uuid(),
                &starts_at,
                &ends_at,
            ],
        )
        .await;
    }
}
