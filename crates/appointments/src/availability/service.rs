//! Free slots, why a slot is not free, and what booking needs to know of working time; for HTTP and bookings alike.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use db::{DbError, TenantRead};
use kernel::{PractitionerId, RoomId, ServiceId, TimeSlot, Timestamp, Zone};

use super::error::AvailabilityError;
use super::explain::{Reason, ReasonCode, RoomQuestion, why_closed, why_not_offered};
use super::model::{Explanation, OfferedRoom, OfferedSlot, Reach, SlotQuestion, SlotSearch, Subject, Verdict};
use super::plan::{self, PractitionerAgenda};
use super::slots::{self, Room, RoomNeed, SlotShape};
use super::spans::{Span, SpanSet};
use super::store::{self, Practice, PractitionerRow, RoomRow};
use super::working_time::WorkingTime;

/// Slots are computed for so many days at a time, so that a page does not pay for the pages after it.
const DAYS_AT_ONCE: i64 = 7;
/// How far before and after a slot others are looked for that may take its place.
const NEAR: TimeDelta = TimeDelta::days(21);
/// How far around a slot hours are looked at, to say when they end and begin again.
const AROUND: TimeDelta = TimeDelta::days(8);

/// The slot after which a page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct After {
    pub(super) starts_at: Timestamp,
    pub(super) practitioner: PractitionerId,
}

/// The first `most` free slots that `search` asks for, after `after`; by start, then by the practitioner's id.
///
/// # Errors
/// [`AvailabilityError::Invalid`] for a window that is none or too long.
pub(super) async fn slots(
    tx: &TenantRead<'_>,
    search: &SlotSearch,
    after: Option<After>,
    most: usize,
) -> Result<Vec<OfferedSlot>, AvailabilityError> {
    let practice = store::practice(tx, search.practitioner, search.subject.service()).await?;
    let Some(starts) = plan::window(search.from, search.to, practice.clinic.zone, tx.now())? else {
        return Ok(Vec::new());
    };
    let starts = match after {
        Some(after) => Span::new(after.starts_at.max(starts.starts_at()), starts.ends_at()),
        None => Some(starts),
    };
    let Some(starts) = starts else {
        return Ok(Vec::new());
    };
    let is_after = |slot: &OfferedSlot| {
        after.is_none_or(|after| (slot.slot.starts_at(), slot.practitioner_id) > (after.starts_at, after.practitioner))
    };
    Ok(search_in(tx, &practice, search.subject, starts, is_after, most).await?)
}

/// The first `most` free slots for `service` that start in `starts`: with `practitioner`, or with anybody who offers it. By start,
/// then by the practitioner's id. Nine statements at most.
///
/// # Errors
/// The database's failure.
pub(crate) async fn free_slots(
    tx: &TenantRead<'_>,
    practitioner: Option<PractitionerId>,
    service: ServiceId,
    starts: Span,
    most: usize,
) -> Result<Vec<OfferedSlot>, DbError> {
    let practice = store::practice(tx, practitioner, Some(service)).await?;
    search_in(tx, &practice, Subject::Service(service), starts, |_| true, most).await
}

/// The first `most` free slots for `subject` that start in `starts` and are `wanted`.
async fn search_in(
    tx: &TenantRead<'_>,
    practice: &Practice,
    subject: Subject,
    starts: Span,
    wanted: impl Fn(&OfferedSlot) -> bool,
    most: usize,
) -> Result<Vec<OfferedSlot>, DbError> {
    if practice.service.is_some_and(|service| service.archived) {
        return Ok(Vec::new());
    }
    let offers = |practitioner: &&PractitionerRow| subject.service().is_none() || practitioner.offers.is_some();
    let practitioners: Vec<&PractitionerRow> = practice.practitioners.iter().filter(offers).collect();
    let Some(shape) = plan::shape(&practice.clinic, practice.service.as_ref(), subject) else {
        return Ok(Vec::new());
    };
    let Some(finder) = Finder::load(tx, practice, shape, &practitioners, starts).await? else {
        return Ok(Vec::new());
    };
    let mut found: Vec<OfferedSlot> = Vec::new();
    for part in parts(starts) {
        found.extend(finder.find(part).into_iter().filter(&wanted));
        if found.len() >= most {
            break;
        }
    }
    found.truncate(most);
    Ok(found)
}

/// `window` cut into parts of some days.
fn parts(window: Span) -> impl Iterator<Item = Span> {
    let end_of = move |from: Timestamp| from.saturating_add(TimeDelta::days(DAYS_AT_ONCE)).min(window.ends_at());
    std::iter::successors(Span::new(window.starts_at(), end_of(window.starts_at())), move |part| {
        Span::new(part.ends_at(), end_of(part.ends_at()))
    })
}

/// Everything that slots of some practitioners follow from.
struct Finder<'p> {
    zone: Zone,
    shape: SlotShape,
    holidays: BTreeSet<NaiveDate>,
    practitioners: Vec<(&'p PractitionerRow, PractitionerAgenda)>,
    /// The rooms to choose from, when one is needed.
    rooms: Option<Vec<Room>>,
    room_rows: Vec<&'p RoomRow>,
}

impl<'p> Finder<'p> {
    /// Reads what slots of `shape` with `practitioners` that start in `starts` follow from; none when there cannot be any.
    async fn load(
        tx: &TenantRead<'_>,
        practice: &'p Practice,
        shape: SlotShape,
        practitioners: &[&'p PractitionerRow],
        starts: Span,
    ) -> Result<Option<Self>, DbError> {
        let Some(reach) = plan::reach(starts, &shape).filter(|_| !practitioners.is_empty()) else {
            return Ok(None);
        };
        let needs_room = practice.service.is_some_and(|service| service.needs_room);
        let room_rows = if needs_room {
            plan::suitable_rooms(&practice.rooms)
        } else {
            Vec::new()
        };
        let room_ids: Vec<RoomId> = room_rows.iter().map(|room| room.id).collect();
        let ids: Vec<PractitionerId> = practitioners.iter().map(|practitioner| practitioner.id).collect();
        let (work, busy) = store::agenda(tx, &ids, &room_ids, &reach).await?;
        let mut agendas = plan::agendas(&ids, &work, &busy.practitioners);
        Ok(Some(Self {
            zone: practice.clinic.zone,
            shape,
            holidays: work.holidays,
            practitioners: practitioners
                .iter()
                .map(|practitioner| (*practitioner, agendas.remove(&practitioner.id).unwrap_or_default()))
                .collect(),
            rooms: needs_room.then(|| plan::rooms_with_agendas(&room_ids, &busy)),
            room_rows,
        }))
    }

    /// The free slots that start in `starts`, by start and then by the practitioner's id.
    fn find(&self, starts: Span) -> Vec<OfferedSlot> {
        let need = self.rooms.as_deref().map_or(RoomNeed::None, RoomNeed::AnyOf);
        let Some(reach) = plan::reach(starts, &self.shape) else {
            return Vec::new();
        };
        let mut found: Vec<OfferedSlot> = Vec::new();
        for (practitioner, agenda) in &self.practitioners {
            let working = agenda.working_time(reach.work, self.zone, &self.holidays);
            let free = slots::find(starts, self.zone, &working, &agenda.busy, need, &self.shape);
            found.extend(free.into_iter().map(|free| OfferedSlot {
                slot: free.slot,
                practitioner_id: practitioner.id,
                practitioner_name: practitioner.name.clone(),
                room: free.room.and_then(|room| self.room(room)),
            }));
        }
        found.sort_unstable_by_key(|offered| (offered.slot, offered.practitioner_id));
        found
    }

    fn room(&self, id: RoomId) -> Option<OfferedRoom> {
        let row = self.room_rows.iter().find(|row| row.id == id)?;
        Some(OfferedRoom {
            id,
            name: row.name.clone(),
        })
    }
}

/// Whether the slot that `question` asks about is offered now, and if not, why.
///
/// # Errors
/// [`AvailabilityError::Invalid`] for a time at the edge of the years that are known.
pub(super) async fn explain(tx: &TenantRead<'_>, question: &SlotQuestion) -> Result<Explanation, AvailabilityError> {
    let practice = store::practice(tx, Some(question.practitioner), question.subject.service()).await?;
    let mut reasons = why_not_known(&practice, question);
    let shape = plan::shape(&practice.clinic, practice.service.as_ref(), question.subject);
    let slot = shape.and_then(|shape| shape.slot_at(question.at));
    let (Some(shape), Some(slot)) = (shape, slot) else {
        return Ok(Explanation { slot: None, reasons });
    };
    let Some(practitioner) = practice.practitioners.first() else {
        return Ok(Explanation {
            slot: Some(slot),
            reasons,
        });
    };
    let zone = practice.clinic.zone;
    let needs_room = practice.service.is_some_and(|service| service.needs_room);
    let room_ids: Vec<RoomId> = match question.room {
        Some(room) => practice
            .rooms
            .iter()
            .map(|row| row.id)
            .filter(|id| *id == room)
            .collect(),
        None if needs_room => plan::suitable_rooms(&practice.rooms)
            .iter()
            .map(|room| room.id)
            .collect(),
        None => Vec::new(),
    };
    let around = Span::new(
        slot.starts_at().saturating_add(-AROUND),
        slot.ends_at().saturating_add(AROUND),
    );
    let Some(reach) = around.and_then(|around| plan::reach(around, &shape)) else {
        return Ok(Explanation {
            slot: Some(slot),
            reasons,
        });
    };
    let (work, busy) = store::agenda(tx, &[practitioner.id], &room_ids, &reach).await?;
    let agenda = plan::agendas(&[practitioner.id], &work, &busy.practitioners)
        .remove(&practitioner.id)
        .unwrap_or_default();
    let rooms = plan::rooms_with_agendas(&room_ids, &busy);
    let room_question = match (question.room, rooms.first()) {
        (Some(_), Some(room)) => RoomQuestion::This(room),
        (None, _) if needs_room => RoomQuestion::Any(RoomNeed::AnyOf(&rooms)),
        _ => RoomQuestion::Any(RoomNeed::None),
    };
    let working = agenda.working_time(reach.work, zone, &work.holidays);
    reasons.extend(why_not_offered(
        &slot,
        tx.now(),
        zone,
        &working,
        &agenda.time_off,
        &agenda.external,
        &agenda.busy,
        room_question,
        &shape,
    ));
    Ok(Explanation {
        slot: Some(slot),
        reasons,
    })
}

/// Which parts of the question name nothing that can be booked.
fn why_not_known(practice: &Practice, question: &SlotQuestion) -> Vec<Reason> {
    let mut codes = Vec::new();
    let practitioner = practice.practitioners.first();
    if practitioner.is_none() {
        codes.push(ReasonCode::PractitionerNotActive);
    }
    if question.subject.service().is_some() {
        if practice.service.is_none_or(|service| service.archived) {
            codes.push(ReasonCode::ServiceNotActive);
        } else if practitioner.is_some_and(|practitioner| practitioner.offers.is_none()) {
            codes.push(ReasonCode::ServiceNotOffered);
        }
    }
    if let Some(room) = question.room {
        let row = practice.rooms.iter().find(|row| row.id == room);
        if row.is_none_or(|row| row.archived) {
            codes.push(ReasonCode::RoomNotActive);
        } else if !plan::suitable_rooms(&practice.rooms).iter().any(|row| row.id == room) {
            codes.push(ReasonCode::RoomNotSuitable);
        }
    }
    codes.into_iter().map(Reason::timeless).collect()
}

/// When one practitioner works, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Hours {
    working: WorkingTime,
    time_off: SpanSet,
    external: SpanSet,
}

impl Hours {
    /// Why `slot` is no working time; empty when it is.
    pub(crate) fn why_closed(&self, slot: &TimeSlot) -> Vec<Reason> {
        why_closed(slot, &self.working, &self.time_off, &self.external)
    }

    /// The working time.
    pub(crate) const fn working(&self) -> &WorkingTime {
        &self.working
    }
}

/// When `practitioner` works within `span` and some days around it, in the clinic's `zone`. Three statements, sent together.
///
/// # Errors
/// The database's failure.
pub(crate) async fn hours(
    tx: &TenantRead<'_>,
    zone: Zone,
    practitioner: PractitionerId,
    span: Span,
) -> Result<Hours, DbError> {
    let around = Span::new(
        span.starts_at().saturating_add(-AROUND),
        span.ends_at().saturating_add(AROUND),
    );
    let around = around.unwrap_or(span);
    let work = store::work(tx, &[practitioner], around).await?;
    let agenda = plan::agendas(&[practitioner], &work, &[])
        .remove(&practitioner)
        .unwrap_or_default();
    Ok(Hours {
        working: agenda.working_time(around, zone, &work.holidays),
        time_off: agenda.time_off,
        external: agenda.external,
    })
}

/// Whether `practitioner` works during `slot`: hours, holidays, time off and calendars kept elsewhere, in the clinic's `zone`.
/// Whether the time is taken is for the database's constraints to say. Three statements, sent together.
///
/// # Errors
/// The database's failure.
pub async fn check(
    tx: &TenantRead<'_>,
    zone: Zone,
    practitioner: PractitionerId,
    slot: &TimeSlot,
) -> Result<Verdict, DbError> {
    let reasons = hours(tx, zone, practitioner, Span::from(*slot)).await?.why_closed(slot);
    Ok(if reasons.is_empty() {
        Verdict::Open
    } else {
        Verdict::Closed(reasons)
    })
}

/// The `count` free slots of `practitioner` that start nearest to `wanted`, in order of time: as long as `wanted`, with the
/// buffers, the step and the rooms of `service`, not in the past, and within three weeks. Nine statements at most.
///
/// # Errors
/// The database's failure.
pub async fn nearest_slots(
    tx: &TenantRead<'_>,
    practitioner: PractitionerId,
    service: Option<ServiceId>,
    wanted: &TimeSlot,
    count: usize,
) -> Result<Vec<OfferedSlot>, DbError> {
    let middle = wanted.starts_at();
    let Some(starts) = Span::new(middle.saturating_add(-NEAR).max(tx.now()), middle.saturating_add(NEAR)) else {
        return Ok(Vec::new());
    };
    let practice = store::practice(tx, Some(practitioner), service).await?;
    let practitioners: Vec<&PractitionerRow> = practice.practitioners.iter().collect();
    let subject = service.map_or(Subject::Duration(wanted.duration()), Subject::Service);
    let Some(shape) = plan::shape(&practice.clinic, practice.service.as_ref(), subject) else {
        return Ok(Vec::new());
    };
    let shape = SlotShape {
        duration: wanted.duration(),
        ..shape
    };
    let Some(finder) = Finder::load(tx, &practice, shape, &practitioners, starts).await? else {
        return Ok(Vec::new());
    };
    let mut found = finder.find(starts);
    found.sort_by_key(|offered| offered.slot.starts_at().since(middle).abs());
    found.truncate(count);
    found.sort_by_key(|offered| offered.slot);
    Ok(found)
}

/// When each of `practitioners` works within `window`, and when they are busy: open time first, busy time second.
///
/// # Errors
/// The database's failure.
pub(crate) async fn open_and_busy(
    tx: &TenantRead<'_>,
    zone: Zone,
    practitioners: &[PractitionerId],
    window: Span,
) -> Result<Vec<(PractitionerId, SpanSet, SpanSet)>, DbError> {
    let reach = Reach {
        work: window,
        busy: window,
    };
    let (work, busy) = store::agenda(tx, practitioners, &[], &reach).await?;
    Ok(plan::agendas(practitioners, &work, &busy.practitioners)
        .into_iter()
        .map(|(practitioner, agenda)| {
            let working = agenda.working_time(window, zone, &work.holidays);
            let within = |open: &Span| {
                Span::new(
                    open.starts_at().max(window.starts_at()),
                    open.ends_at().min(window.ends_at()),
                )
            };
            (
                practitioner,
                working.open().iter().filter_map(within).collect(),
                agenda.busy,
            )
        })
        .collect())
}
