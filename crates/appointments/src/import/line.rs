//! One line: who and what it means, and its booking, in a part of the transaction that may fail alone.

use std::collections::HashMap;

use db::{DbError, TenantTx};
use kernel::{AppointmentId, ContactId, FieldErrors, PractitionerId, TimeSlot, Timestamp};
use tabular::{Record, RowOutcome};

use super::directory::{self, Match, ServiceRow};
use super::ends::{Done, LineEnd, rejected};
use super::layout::Layout;
use super::person::{NewContacts, Person};
use super::resolve::id_of;
use super::row::{Draft, When};
use super::run::Run;
use crate::booking::{self, AppointmentStatus, BookingRequest, Terms};

/// A line that is in.
struct Booked {
    id: AppointmentId,
    /// The contact that was made for it.
    new_contact: Option<ContactId>,
    notes: Vec<String>,
}

/// A line on its way in.
pub(super) struct Line<'d> {
    pub(super) draft: &'d Draft,
    pub(super) practitioners: Vec<PractitionerId>,
    pub(super) service: Option<&'d ServiceRow>,
    overbook: bool,
}

impl<C: NewContacts> Run<'_, C> {
    /// Brings one line in, or says why not.
    pub(super) async fn line(
        &self,
        tx: &mut TenantTx<'_>,
        done: &mut Done,
        record: &Record,
    ) -> Result<RowOutcome, DbError> {
        let read = Draft::read(self.mapping, record, self.options.lay_out);
        let line = match &read {
            Ok(draft) => self.line_of(draft),
            Err(errors) => Err(LineEnd::Rejected(errors.clone())),
        };
        let mut end = match line {
            Ok(line) => self.attempt(tx, done, &line).await,
            Err(end) => Err(end),
        };
        let mut notes = Vec::new();
        if let (Err(LineEnd::Taken(taken)), true, Ok(draft)) = (&end, self.options.overbook, &read) {
            notes.push(format!("overbooked: the {} is taken at that time", taken.as_str()));
            if let Ok(line) = self.line_of(draft) {
                end = self.attempt(tx, done, &Line { overbook: true, ..line }).await;
            }
        }
        match end {
            Ok(Booked {
                id,
                new_contact,
                notes: said,
            }) => {
                notes.extend(said);
                // Ids of what is taken back lead nowhere.
                let is_kept = !self.options.dry_run;
                Ok(RowOutcome::Created {
                    id: is_kept.then(|| id.into()),
                    person: new_contact.filter(|_| is_kept).map(Into::into),
                    notes,
                })
            }
            Err(LineEnd::Duplicate { of, reason }) => Ok(RowOutcome::Duplicate {
                of,
                reason: reason.to_owned(),
            }),
            Err(LineEnd::Rejected(errors)) => Ok(RowOutcome::Rejected {
                faults: errors.into_vec(),
            }),
            Err(LineEnd::Taken(taken)) => {
                let message = format!("the {} is taken at that time", taken.as_str());
                Ok(RowOutcome::Rejected {
                    faults: FieldErrors::one("starts_at", "appointment_conflict", message).into_vec(),
                })
            }
            Err(LineEnd::Database(error)) => Err(error),
        }
    }

    /// Finds practitioners and service of a line.
    fn line_of<'d>(&'d self, draft: &'d Draft) -> Result<Line<'d>, LineEnd> {
        let practitioners = match &draft.practitioner {
            Some(key) => {
                let found = self.directory.practitioner(key);
                vec![found.ok_or_else(|| rejected("practitioner", "unknown", "the clinic has no such practitioner"))?]
            }
            None if self.practitioners.is_empty() && matches!(draft.when, When::Day(_)) => self.directory.everybody(),
            None => self.practitioners.clone(),
        };
        let key = draft.service.as_deref().or(self.options.service.as_deref());
        let service = key
            .map(|key| {
                let found = self.directory.service(key);
                found.ok_or_else(|| rejected("service", "unknown", "the clinic has no such service"))
            })
            .transpose()?;
        Ok(Line {
            draft,
            practitioners,
            service,
            overbook: false,
        })
    }

    /// Tries to book the line in a part of the transaction of its own.
    async fn attempt(&self, tx: &mut TenantTx<'_>, done: &mut Done, line: &Line<'_>) -> Result<Booked, LineEnd> {
        let Done { layout, made, .. } = done;
        let booked = tx
            .savepoint(async |tx| {
                let (contact, is_new) = self.contact(tx, made, &line.draft.person).await?;
                let (id, notes) = self.book(tx, layout, line, contact).await?;
                Ok::<_, LineEnd>(Booked {
                    id,
                    new_contact: is_new.then_some(contact),
                    notes,
                })
            })
            .await?;
        if let (Some(contact), Some(external_id)) = (booked.new_contact, &line.draft.person.external_id) {
            made.insert(external_id.clone(), contact);
        }
        Ok(booked)
    }

    /// The contact of `person`, made when there is none; whether it was made.
    async fn contact(
        &self,
        tx: &mut TenantTx<'_>,
        made: &HashMap<String, ContactId>,
        person: &Person,
    ) -> Result<(ContactId, bool), LineEnd> {
        let external_id = person.external_id.as_deref();
        let known = external_id.and_then(|id| made.get(id).copied().or_else(|| self.directory.contact(id)));
        if let Some(contact) = known {
            return Ok((contact, false));
        }
        match directory::find_contact(tx, person).await? {
            Match::One(contact) => Ok((contact, false)),
            Match::Several => Err(rejected(
                "contact",
                "ambiguous_contact",
                "several contacts answer to the line",
            )),
            Match::Nobody => Ok((self.contacts.create(tx, person).await?, true)),
        }
    }

    /// Books the line for `contact`.
    async fn book(
        &self,
        tx: &mut TenantTx<'_>,
        layout: &mut Layout,
        line: &Line<'_>,
        contact: ContactId,
    ) -> Result<(AppointmentId, Vec<String>), LineEnd> {
        let id = line
            .draft
            .external_id
            .as_deref()
            .map(|external_id| id_of(self.clinic, external_id));
        if let Some(id) = id
            && directory::is_there(tx, id).await?
        {
            return Err(LineEnd::Duplicate {
                of: Some(id.into()),
                reason: "external_id",
            });
        }
        let mut notes = Vec::new();
        let (practitioner, slot) = match line.draft.when {
            When::Day(date) => self.lay_out(tx, layout, line, date, &mut notes).await?,
            When::At(_) | When::Local(_) => self.given(tx, line, contact, &mut notes).await?,
        };
        let status = self.status(line, &slot, tx.now(), &mut notes);
        let request = BookingRequest {
            id,
            contact,
            practitioner,
            service: line.service.map(|service| service.id),
            room: None,
            starts_at: slot.starts_at(),
            ends_at: Some(slot.ends_at()),
            notes: line.draft.notes.clone(),
            hold: None,
            terms: Terms::Imported {
                status,
                overbook: line.overbook,
            },
        };
        let appointment = booking::book(tx, &request).await?;
        Ok((appointment.id, notes))
    }

    /// The status that the line tells, else the one that follows from its time.
    fn status(&self, line: &Line<'_>, slot: &TimeSlot, now: Timestamp, notes: &mut Vec<String>) -> AppointmentStatus {
        line.draft.status.unwrap_or_else(|| {
            let status = if slot.ends_at() <= now {
                AppointmentStatus::Completed
            } else {
                AppointmentStatus::Scheduled
            };
            notes.push(format!("the line has no status; it was taken for {status}"));
            status
        })
    }
}
