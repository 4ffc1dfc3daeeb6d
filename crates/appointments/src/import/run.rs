//! The run: line after line, each in a part of a transaction that may fail alone.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeDelta};
use db::{Db, DbError, TenantTx};
use kernel::{AppointmentId, Caller, ClinicId, ContactId, FieldErrors, PractitionerId, TimeSlot, Timestamp};
use tabular::{BadRecord, ColumnChoice, Mapping, MappingError, Progress, Record, Report, RowOutcome, RowReport, Table};

use super::directory::{self, Directory, Match, ServiceRow};
use super::ends::{Done, LineEnd, PartEnd, rejected};
use super::layout::{Day, Layout, Shape};
use super::options::{ImportError, ImportOptions};
use super::person::{NewContacts, Person};
use super::resolve::{id_of, slot_of, whole_day};
use super::row::{Draft, FIELDS, Length, When};
use crate::availability::{self, Verdict};
use crate::booking::{self, AppointmentStatus, BookingRequest, Terms};

/// Lines per transaction: few enough that bookings of the day do not wait long for its locks.
pub const LINES_AT_ONCE: usize = 50;

/// Imports the appointments of `table` for `caller`'s clinic; makes contacts of unknown people by `contacts`; tells `progress`
/// after each part. Lines that came in before are found again and left out, so a run that was cut off is simply repeated.
///
/// # Errors
/// [`ImportError`]; a bad line is none, but a row of the report.
pub async fn run(
    db: &Db,
    caller: &impl Caller,
    table: &Table,
    options: &ImportOptions,
    contacts: &impl NewContacts,
    mut progress: impl FnMut(Progress),
) -> Result<Report, ImportError> {
    let mapping = mapping(&table.headings, &options.choices).map_err(ImportError::Mapping)?;
    let mut run = Run::start(db, caller, &mapping, options, contacts).await?;
    let lines: Vec<_> = table.records.iter().filter(|record| run.concerns(record)).collect();
    let total = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let mut report = Report::new(options.dry_run);
    progress(Progress { done: 0, total });
    let at_once = if options.dry_run {
        lines.len().max(1)
    } else {
        LINES_AT_ONCE
    };
    for part in lines.chunks(at_once) {
        let done = db
            .write(caller, async |tx| run.bring_in(tx, part.iter().copied()).await)
            .await?;
        run.keep(done).into_iter().for_each(|row| report.push(row));
        progress(Progress {
            done: report.seen(),
            total,
        });
    }
    Ok(report)
}

/// Which column holds which field of an appointment, by the headings and the `choices` of a user.
///
/// # Errors
/// Everything that does not fit.
pub fn mapping(headings: &[String], choices: &[ColumnChoice]) -> Result<Mapping, Vec<MappingError>> {
    Mapping::new(headings, FIELDS, None, choices)
}

/// One run: who and what the clinic has, and what was laid out so far.
pub struct Run<'r, C> {
    clinic: ClinicId,
    mapping: &'r Mapping,
    options: &'r ImportOptions,
    contacts: &'r C,
    directory: Directory,
    layout: Layout,
    practitioners: Vec<PractitionerId>,
}

/// A line that is in.
struct Booked {
    id: AppointmentId,
    /// The contact that was made for it.
    new_contact: Option<ContactId>,
    notes: Vec<String>,
}

/// A line on its way in.
struct Line<'d> {
    draft: &'d Draft,
    practitioners: Vec<PractitionerId>,
    service: Option<&'d ServiceRow>,
    overbook: bool,
}

impl<'r, C: NewContacts> Run<'r, C> {
    /// Reads who and what `caller`'s clinic has. A run that was cut off is started anew, for the lines that are left.
    ///
    /// # Errors
    /// [`ImportError`] when the options name what is not there, or the database fails.
    pub async fn start(
        db: &Db,
        caller: &impl Caller,
        mapping: &'r Mapping,
        options: &'r ImportOptions,
        contacts: &'r C,
    ) -> Result<Self, ImportError> {
        let directory = db
            .read(caller, async |tx| Directory::load(tx, &options.external_id_field).await)
            .await?;
        Self::new(caller.clinic(), mapping, options, contacts, directory)
    }

    /// Brings the lines of a part in, within the caller's transaction; a rehearsal tries it and takes it back. Once the transaction
    /// has committed, [`Self::keep`] is told what it came to.
    ///
    /// # Errors
    /// The database's failure; a line that does not go in is none.
    pub async fn bring_in<'l>(
        &self,
        tx: &mut TenantTx<'_>,
        lines: impl Iterator<Item = &'l Result<Record, BadRecord>>,
    ) -> Result<Done, DbError> {
        let lines: Vec<_> = lines.collect();
        if !self.options.dry_run {
            return self.part(tx, &lines).await;
        }
        let rehearsed = tx
            .savepoint(async |tx| match self.part(tx, &lines).await {
                Ok(done) => Err::<Done, _>(PartEnd::Rehearsed(Box::new(done))),
                Err(error) => Err(PartEnd::Database(error)),
            })
            .await;
        match rehearsed {
            Ok(done) => Ok(done),
            Err(PartEnd::Rehearsed(done)) => Ok(*done),
            Err(PartEnd::Database(error)) => Err(error),
        }
    }

    /// Goes on from what a part came to; gives its rows' reports.
    pub fn keep(&mut self, done: Done) -> Vec<RowReport> {
        let Done { rows, layout, made } = done;
        self.layout = layout;
        self.directory.remember(made);
        rows
    }

    fn new(
        clinic: ClinicId,
        mapping: &'r Mapping,
        options: &'r ImportOptions,
        contacts: &'r C,
        directory: Directory,
    ) -> Result<Self, ImportError> {
        let named = options.practitioners.iter().map(|key| {
            directory
                .practitioner(key)
                .ok_or_else(|| ImportError::UnknownPractitioner(key.clone()))
        });
        let practitioners = named.collect::<Result<Vec<_>, _>>()?;
        if let Some(key) = options
            .service
            .as_deref()
            .filter(|key| directory.service(key).is_none())
        {
            return Err(ImportError::UnknownService(key.to_owned()));
        }
        Ok(Self {
            clinic,
            mapping,
            options,
            contacts,
            directory,
            layout: Layout::default(),
            practitioners,
        })
    }

    /// Whether the line is of the unit that is imported; one that cannot be read is reported.
    pub fn concerns(&self, record: &Result<Record, BadRecord>) -> bool {
        match (&self.options.only_unit, record) {
            (Some(unit), Ok(record)) => self
                .mapping
                .get(record, "unit")
                .is_some_and(|of_line| kernel::fold::fold(of_line) == kernel::fold::fold(unit)),
            _ => true,
        }
    }

    /// Brings the lines of a part in.
    async fn part(&self, tx: &mut TenantTx<'_>, lines: &[&Result<Record, BadRecord>]) -> Result<Done, DbError> {
        // A part may be run again after a deadlock, so it starts from the state before it each time.
        let mut done = Done {
            rows: Vec::with_capacity(lines.len()),
            layout: self.layout.clone(),
            made: HashMap::new(),
        };
        for line in lines {
            let row = match line {
                Err(bad) => {
                    let faults = FieldErrors::one("", bad.code(), bad).into_vec();
                    RowReport {
                        line: bad.line(),
                        outcome: RowOutcome::Rejected { faults },
                    }
                }
                Ok(record) => {
                    let outcome = Box::pin(self.line(tx, &mut done, record)).await?;
                    RowReport {
                        line: record.line,
                        outcome,
                    }
                }
            };
            done.rows.push(row);
        }
        Ok(done)
    }

    /// Brings one line in, or says why not.
    async fn line(&self, tx: &mut TenantTx<'_>, done: &mut Done, record: &Record) -> Result<RowOutcome, DbError> {
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

    /// The time that the line gives.
    async fn given(
        &self,
        tx: &TenantTx<'_>,
        line: &Line<'_>,
        contact: ContactId,
        notes: &mut Vec<String>,
    ) -> Result<(PractitionerId, TimeSlot), LineEnd> {
        let [practitioner] = line.practitioners.as_slice() else {
            return Err(rejected("practitioner", "missing", "the line does not say with whom"));
        };
        let zone = self.directory.zone;
        let slot = slot_of(line.draft, self.shape(line).map(|shape| shape.duration), zone)?;
        if let Some(same) = directory::same(tx, contact, *practitioner, slot.starts_at()).await? {
            return Err(LineEnd::Duplicate {
                of: Some(same.into()),
                reason: "contact, practitioner and time",
            });
        }
        if let Verdict::Closed(_) = availability::service::check(tx, zone, *practitioner, &slot).await? {
            notes.push("outside opening hours, which imports pass over".to_owned());
        }
        Ok((*practitioner, slot))
    }

    /// A time for a line that gives a day only.
    async fn lay_out(
        &self,
        tx: &TenantTx<'_>,
        layout: &mut Layout,
        line: &Line<'_>,
        date: NaiveDate,
        notes: &mut Vec<String>,
    ) -> Result<(PractitionerId, TimeSlot), LineEnd> {
        let zone = self.directory.zone;
        let shape = self.shape(line).ok_or_else(|| {
            rejected(
                "duration_minutes",
                "missing",
                "neither the line nor the options say how long it lasts",
            )
        })?;
        let unknown = layout.unknown(&line.practitioners, date);
        if !unknown.is_empty() {
            let whole =
                whole_day(date, zone).ok_or_else(|| rejected("starts_at", "invalid_time", "there is no such day"))?;
            for (practitioner, open, busy) in availability::service::open_and_busy(tx, zone, &unknown, whole).await? {
                layout.insert(practitioner, date, Day { whole, open, busy });
            }
        }
        let place = layout.find(&line.practitioners, date, shape).ok_or_else(|| {
            rejected(
                "starts_at",
                "no_free_time",
                "no practitioner has free time left on that day",
            )
        })?;
        layout.take(&place, date, shape);
        if !place.in_hours {
            notes.push("laid out outside opening hours, which imports pass over".to_owned());
        }
        Ok((place.practitioner, place.slot))
    }

    /// The time that the line takes, buffers included, as far as it is known without an end.
    fn shape(&self, line: &Line<'_>) -> Option<Shape> {
        let of_service = line.service.map(ServiceRow::shape);
        let told = match line.draft.length {
            Some(Length::For(duration)) => Some(duration),
            _ => None,
        };
        let duration = told
            .or(of_service.map(|shape| shape.duration))
            .or(self.options.duration)?;
        let bare = Shape {
            duration,
            before: TimeDelta::zero(),
            after: TimeDelta::zero(),
        };
        Some(of_service.map_or(bare, |shape| Shape { duration, ..shape }))
    }
}
