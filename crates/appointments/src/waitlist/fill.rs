//! Finding free time for those who wait, in their order.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeDelta};
use db::{TenantRead, TenantTx};
use kernel::{PractitionerId, ServiceId, Timestamp, WaitlistEntryId, WaitlistOfferId, Zone};

use super::error::WaitlistError;
use super::model::Entry;
use super::offers::{self, Proposal};
use super::{offer_store, store};
use crate::availability::spans::Span;
use crate::availability::{OfferedSlot, service as availability};
use crate::freed::FreedTime;
use crate::outreach;
use crate::outreach::model::OutreachHere;

/// How far ahead time is offered when nothing in particular became free.
const HORIZON: TimeDelta = TimeDelta::days(30);
/// The longest appointment: what uses freed time began at most this long before it.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// An offer stands at least this long, however short the lead that the clinic has set.
const SHORTEST_OFFER: TimeDelta = TimeDelta::minutes(5);
/// The most free slots that are looked at for one service.
const MOST_SLOTS: usize = 5000;
/// After so many looks at a slot others get their turn on the thread.
const LOOKS_AT_A_TIME: usize = 2_000;
/// How many proposals may fail, because others were quicker, before this run gives up.
const MOST_TRIES: usize = 20;

/// Where time is looked for, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What uses time that just became free, for whoever is first.
    Freed(FreedTime),
    /// Any time of the coming weeks, for whoever is first.
    Everything,
}

impl Scope {
    const fn practitioner(self) -> Option<PractitionerId> {
        match self {
            Self::Freed(freed) => Some(freed.practitioner_id),
            Self::Everything => None,
        }
    }

    /// When slots may start, none of them before `earliest`.
    fn starts(self, earliest: Timestamp) -> Option<Span> {
        match self {
            Self::Freed(freed) => Span::new(freed.from.saturating_add(-LONGEST).max(earliest), freed.until),
            Self::Everything => Span::new(earliest, earliest.saturating_add(HORIZON)),
        }
    }

    fn takes(self, slot: &OfferedSlot) -> bool {
        match self {
            Self::Freed(freed) => slot.slot.starts_at() < freed.until && freed.from < slot.slot.ends_at(),
            Self::Everything => true,
        }
    }
}

/// What became of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// An offer was made; there may be more to offer.
    Offered(WaitlistOfferId),
    /// Nobody who waits would take what is free.
    Nobody,
    /// Patients are not written to now; it is to be tried again at this time.
    Asleep(Timestamp),
}

/// Makes one offer: of the first free slot in `scope` that suits the first entry that any suits.
///
/// One to a transaction, so that the agenda is locked for a moment only.
///
/// # Errors
/// The database's failure.
pub async fn fill(tx: &mut TenantTx<'_>, scope: Scope) -> Result<Filled, WaitlistError> {
    offer_store::take_turn(tx).await?;
    offers::settle(tx).await?;
    let entries = store::candidates(tx, scope.practitioner()).await?;
    if entries.is_empty() {
        return Ok(Filled::Nobody);
    }
    let here = outreach::store::load(tx).await?;
    let awake_at = here.settings.awake().first_from(tx.now(), here.zone);
    if awake_at > tx.now() {
        return Ok(Filled::Asleep(awake_at));
    }
    let Some(starts) = scope.starts(earliest(tx.now(), &here)) else {
        return Ok(Filled::Nobody);
    };
    let refused = Refused::load(tx, &entries).await?;
    let mut search = Search::new(starts);
    let (mut tries, mut looks) = (0_usize, 0_usize);
    for entry in &entries {
        let practitioner = entry.practitioner_id.or(scope.practitioner());
        let days = search.days(tx, here.zone, entry.service_id, practitioner).await?;
        // One day after another, and only those on which a window of the entry may be open.
        for slot in days
            .iter()
            .filter(|day| entry.windows.touch(day.date))
            .flat_map(|day| &day.slots)
        {
            looks = looks.saturating_add(1);
            if looks.is_multiple_of(LOOKS_AT_A_TIME) {
                tokio::task::yield_now().await;
            }
            if !scope.takes(slot) || !suits(entry, slot, here.zone) || refused.by(entry.id, slot) {
                continue;
            }
            let proposal = Proposal {
                practitioner: slot.practitioner_id,
                room: None,
                starts_at: slot.slot.starts_at(),
                life: here.settings.offer_life(),
            };
            let made = tx
                .savepoint(async |tx| offers::make(tx, entry.id, &proposal).await)
                .await;
            match made {
                Ok(offer) => return Ok(Filled::Offered(offer.id)),
                Err(error) if offers::is_about_the_proposal(&error) && tries < MOST_TRIES => {
                    tries = tries.saturating_add(1);
                }
                Err(error) if offers::is_about_the_proposal(&error) => return Ok(Filled::Nobody),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Filled::Nobody)
}

/// From when on time is offered.
fn earliest(now: Timestamp, here: &OutreachHere) -> Timestamp {
    now.saturating_add(here.settings.offer_lead().max(SHORTEST_OFFER))
}

fn suits(entry: &Entry, slot: &OfferedSlot, zone: Zone) -> bool {
    entry
        .practitioner_id
        .is_none_or(|practitioner| practitioner == slot.practitioner_id)
        && entry.windows.fit(&slot.slot, zone)
}

/// The first `most` entries that would take time of `practitioner` between `from` and `until`, each with the first slot that suits.
/// Nothing is kept for anybody.
///
/// # Errors
/// The database's failure.
pub(super) async fn matches(
    tx: &TenantRead<'_>,
    practitioner: Option<PractitionerId>,
    window: Span,
    most: usize,
) -> Result<Vec<(Entry, OfferedSlot)>, WaitlistError> {
    let entries = store::candidates(tx, practitioner).await?;
    let Some(starts) = Span::new(window.starts_at().max(tx.now()), window.ends_at()).filter(|_| !entries.is_empty())
    else {
        return Ok(Vec::new());
    };
    let here = outreach::store::load(tx).await?;
    let mut search = Search::new(starts);
    let mut found = Vec::new();
    for entry in entries {
        let with = entry.practitioner_id.or(practitioner);
        let days = search.days(tx, here.zone, entry.service_id, with).await?;
        let fitting = days
            .iter()
            .filter(|day| entry.windows.touch(day.date))
            .flat_map(|day| &day.slots)
            .find(|slot| slot.slot.ends_at() <= window.ends_at() && suits(&entry, slot, here.zone));
        if let Some(slot) = fitting {
            let slot = slot.clone();
            found.push((entry, slot));
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

/// Free slots, each service's looked up once.
struct Search {
    starts: Span,
    found: HashMap<(ServiceId, Option<PractitionerId>), Vec<Day>>,
}

/// The free slots that begin on one date of the clinic.
struct Day {
    date: NaiveDate,
    slots: Vec<OfferedSlot>,
}

impl Search {
    fn new(starts: Span) -> Self {
        Self {
            starts,
            found: HashMap::new(),
        }
    }

    async fn days(
        &mut self,
        tx: &TenantRead<'_>,
        zone: Zone,
        service: ServiceId,
        practitioner: Option<PractitionerId>,
    ) -> Result<&[Day], WaitlistError> {
        let key = (service, practitioner);
        if !self.found.contains_key(&key) {
            let slots = availability::free_slots(tx, practitioner, service, self.starts, MOST_SLOTS).await?;
            let mut days: Vec<Day> = Vec::new();
            for slot in slots {
                let date = slot.slot.starts_at().date_in(zone);
                match days.last_mut() {
                    Some(day) if day.date == date => day.slots.push(slot),
                    _ => days.push(Day {
                        date,
                        slots: vec![slot],
                    }),
                }
            }
            self.found.insert(key, days);
        }
        Ok(self.found.get(&key).map_or(&[], Vec::as_slice))
    }
}

/// What was offered to entries before.
struct Refused(HashMap<WaitlistEntryId, Vec<(PractitionerId, Span)>>);

impl Refused {
    async fn load(tx: &TenantRead<'_>, entries: &[Entry]) -> Result<Self, WaitlistError> {
        let ids: Vec<WaitlistEntryId> = entries.iter().map(|entry| entry.id).collect();
        let mut refused: HashMap<_, Vec<_>> = HashMap::new();
        for (entry, practitioner, from, until) in offer_store::refused(tx, &ids).await? {
            if let Some(span) = Span::new(from, until) {
                refused.entry(entry).or_default().push((practitioner, span));
            }
        }
        Ok(Self(refused))
    }

    fn by(&self, entry: WaitlistEntryId, slot: &OfferedSlot) -> bool {
        let span = Span::from(slot.slot);
        self.0.get(&entry).is_some_and(|refused| {
            refused
                .iter()
                .any(|(practitioner, before)| *practitioner == slot.practitioner_id && before.overlaps(&span))
        })
    }
}
