//! Planning a booking: from what is wanted and what is so, to what to write or what to complain about. Pure.

use chrono::{Days, TimeDelta};
use kernel::money::Money;
use kernel::{ContactId, FieldErrors, PractitionerId, RoomId, ServiceId, TimeSlot, Timestamp, Zone};

use super::context::{Context, Found, References, ServiceFacts};
use super::terms::Terms;
use crate::occupancy::{BusySpan, RoomNeed};

/// How far back a walk-in may be entered.
const WALK_IN: TimeDelta = TimeDelta::hours(24);
/// How far ahead a booking may lie.
const HORIZON: TimeDelta = TimeDelta::days(3 * 365 + 1);

/// What is wanted: by a booking, a hold, or a rescheduling.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) practitioner: PractitionerId,
    pub(crate) service: Option<ServiceId>,
    /// Whether the service was chosen now: then it must be offered, by this practitioner.
    pub(crate) service_is_new: bool,
    /// Whom it is for, when that is chosen now.
    pub(crate) contact: Option<ContactId>,
    /// The room asked for.
    pub(crate) room: Option<RoomId>,
    /// The room to take when it is free and none is asked for.
    pub(crate) preferred_room: Option<RoomId>,
    pub(crate) starts_at: Timestamp,
    /// The end asked for; else the service's duration counts.
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) terms: Terms,
}

impl Wish {
    /// The rows it speaks of.
    pub(crate) const fn references(&self) -> References {
        References {
            practitioner: self.practitioner,
            service: self.service,
            contact: self.contact,
            room: self.room,
            starts_at: None,
        }
    }

    /// The rows it speaks of, when it is for something new that must find its time free.
    pub(crate) const fn references_of_new(&self) -> References {
        let starts_at = if self.terms.is_exclusive() {
            Some(self.starts_at)
        } else {
            None
        };
        References {
            starts_at,
            ..self.references()
        }
    }
}

/// A booking that makes sense; whether its time is free is the database's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Booking {
    pub(crate) slot: TimeSlot,
    pub(crate) busy: BusySpan,
    pub(crate) room: RoomNeed,
    pub(crate) price: Option<Money>,
    /// From when on a completed appointment of the same service makes this one free, where the service says so.
    pub(crate) free_since: Option<Timestamp>,
}

impl Booking {
    /// Plans `wish` at `now`, given the facts.
    ///
    /// # Errors
    /// Every value that makes no sense, together.
    pub(crate) fn plan(wish: &Wish, context: &Context, now: Timestamp) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        check_references(wish, context, &mut errors);
        if wish.terms.keeps_to_the_present() {
            check_dates(wish.starts_at, now, &mut errors);
        }
        let service = context.service.as_ref();
        let slot = slot_of(wish, service, &mut errors);
        let slot = errors.finish(slot)?;
        Ok(Self {
            slot,
            busy: busy_around(&slot, service),
            room: room_need(wish, service),
            price: service.map(|service| Money::new(service.price_cents, service.currency)),
            free_since: service.and_then(|service| free_since(&slot, service.follow_up_days?, context.zone)),
        })
    }
}

/// The time that `slot` keeps busy, given the service's buffers.
pub(crate) fn busy_around(slot: &TimeSlot, service: Option<&ServiceFacts>) -> BusySpan {
    let (before, after) = service.map_or((TimeDelta::zero(), TimeDelta::zero()), |service| {
        (service.buffer_before, service.buffer_after)
    });
    BusySpan::around(slot, before, after)
}

fn check_references(wish: &Wish, context: &Context, errors: &mut FieldErrors) {
    context.practitioner.check(errors, "/practitioner_id", "practitioner");
    if wish.contact.is_some() {
        context.contact.check(errors, "/contact_id", "contact");
    }
    if wish.room.is_some() {
        context.room.check(errors, "/room_id", "room");
    }
    if wish.service.is_some() {
        let service = match context.service {
            None => Found::Missing,
            Some(facts) if facts.archived && wish.service_is_new => Found::Archived,
            Some(_) => Found::Active,
        };
        service.check(errors, "/service_id", "service");
        if service == Found::Active && wish.service_is_new && context.practitioner == Found::Active && !context.offered
        {
            errors.push(
                "/service_id",
                "not_offered",
                "the practitioner does not offer this service",
            );
        }
        if service == Found::Active && wish.room.is_some() && context.room == Found::Active && !context.room_allowed {
            errors.push(
                "/room_id",
                "not_allowed",
                "the service does not take place in this room",
            );
        }
    }
}

fn check_dates(starts_at: Timestamp, now: Timestamp, errors: &mut FieldErrors) {
    if starts_at < now.saturating_add(-WALK_IN) {
        errors.push("/starts_at", "in_past", "the start lies more than 24 hours back");
    } else if starts_at > now.saturating_add(HORIZON) {
        errors.push(
            "/starts_at",
            "too_far_ahead",
            "the start lies more than three years ahead",
        );
    }
}

fn slot_of(wish: &Wish, service: Option<&ServiceFacts>, errors: &mut FieldErrors) -> Option<TimeSlot> {
    let ends_at = wish
        .ends_at
        .or_else(|| service.map(|service| wish.starts_at.saturating_add(service.duration)));
    let Some(ends_at) = ends_at else {
        // A service that was not found has been complained about already.
        if wish.service.is_none() {
            errors.push("/ends_at", "required", "without a service, the end must be given");
        }
        return None;
    };
    errors.take("/ends_at", "invalid_slot", TimeSlot::new(wish.starts_at, ends_at))
}

fn room_need(wish: &Wish, service: Option<&ServiceFacts>) -> RoomNeed {
    match wish.room {
        Some(room) => RoomNeed::Exactly(room),
        None if service.is_some_and(|service| service.needs_room) => RoomNeed::Any {
            preferred: wish.preferred_room,
        },
        None => wish.preferred_room.map_or(RoomNeed::None, RoomNeed::Exactly),
    }
}

/// The start of the day that lies `days` before the slot's, on the clinic's calendar.
fn free_since(slot: &TimeSlot, days: i32, zone: Zone) -> Option<Timestamp> {
    let days = Days::new(u64::try_from(days).ok()?);
    zone.start_of_day(slot.starts_at().date_in(zone).checked_sub_days(days)?)
}

#[cfg(test)]
mod tests {
    use kernel::money::Currency;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::booking::AppointmentStatus;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-11-20T12:00:00Z")
    }

    fn facts() -> ServiceFacts {
        ServiceFacts {
            archived: false,
            duration: TimeDelta::minutes(30),
            buffer_before: TimeDelta::minutes(5),
            buffer_after: TimeDelta::minutes(10),
            step: None,
            price_cents: 15_000,
            currency: Currency::BRL,
            needs_room: true,
            follow_up_days: Some(30),
        }
    }

    fn context() -> Context {
        Context {
            zone: "America/Sao_Paulo".parse().unwrap(),
            slot_step: TimeDelta::minutes(15),
            hold_minutes: 10,
            practitioner: Found::Active,
            contact: Found::Active,
            room: Found::Active,
            service: Some(facts()),
            offered: true,
            room_allowed: true,
            start_taken: false,
        }
    }

    fn wish() -> Wish {
        Wish {
            practitioner: PractitionerId::from_uuid(Uuid::from_u128(1)),
            service: Some(ServiceId::from_uuid(Uuid::from_u128(2))),
            service_is_new: true,
            contact: Some(ContactId::from_uuid(Uuid::from_u128(3))),
            room: None,
            preferred_room: None,
            starts_at: at("2026-11-23T17:00:00Z"),
            ends_at: None,
            terms: Terms::Regular,
        }
    }

    fn faults(wish: &Wish, context: &Context) -> Vec<(String, String)> {
        Booking::plan(wish, context, now())
            .unwrap_err()
            .into_vec()
            .into_iter()
            .map(|error| (error.pointer, error.code))
            .collect()
    }

    fn fault(pointer: &str, code: &str) -> (String, String) {
        (pointer.to_owned(), code.to_owned())
    }

    #[test]
    fn the_service_gives_duration_buffers_room_price_and_the_free_follow_up() {
        let booking = Booking::plan(&wish(), &context(), now()).unwrap();
        assert_eq!(booking.slot.ends_at(), at("2026-11-23T17:30:00Z"));
        assert_eq!(booking.busy.from(), at("2026-11-23T16:55:00Z"));
        assert_eq!(booking.busy.until(), at("2026-11-23T17:40:00Z"));
        assert_eq!(booking.room, RoomNeed::Any { preferred: None });
        assert_eq!(booking.price, Some(Money::new(15_000, Currency::BRL)));
        assert_eq!(booking.free_since, Some(at("2026-10-24T03:00:00Z")));
    }

    #[test]
    fn an_end_that_is_given_counts_and_a_room_that_is_named_is_taken() {
        let room = RoomId::from_uuid(Uuid::from_u128(4));
        let wish = Wish {
            ends_at: Some(at("2026-11-23T18:00:00Z")),
            room: Some(room),
            ..wish()
        };
        let booking = Booking::plan(&wish, &context(), now()).unwrap();
        assert_eq!(booking.slot.ends_at(), at("2026-11-23T18:00:00Z"));
        assert_eq!(booking.room, RoomNeed::Exactly(room));
    }

    #[test]
    fn without_a_service_the_end_is_needed_and_nothing_else() {
        let without = Wish {
            service: None,
            ..wish()
        };
        let context = Context {
            service: None,
            offered: false,
            ..context()
        };
        assert_eq!(faults(&without, &context), [fault("/ends_at", "required")]);
        let with_end = Wish {
            ends_at: Some(at("2026-11-23T17:20:00Z")),
            ..without
        };
        let booking = Booking::plan(&with_end, &context, now()).unwrap();
        assert_eq!(
            (booking.room, booking.price, booking.free_since),
            (RoomNeed::None, None, None)
        );
        assert_eq!(
            (booking.busy.from(), booking.busy.until()),
            (booking.slot.starts_at(), booking.slot.ends_at())
        );
    }

    #[test]
    fn all_faults_are_told_together() {
        let wish = Wish {
            room: Some(RoomId::from_uuid(Uuid::from_u128(4))),
            starts_at: at("2026-11-19T11:59:59Z"),
            ends_at: Some(at("2026-11-19T11:00:00Z")),
            ..wish()
        };
        let context = Context {
            practitioner: Found::Missing,
            contact: Found::Archived,
            room: Found::Missing,
            service: None,
            ..context()
        };
        assert_eq!(
            faults(&wish, &context),
            [
                fault("/practitioner_id", "unknown"),
                fault("/contact_id", "archived"),
                fault("/room_id", "unknown"),
                fault("/service_id", "unknown"),
                fault("/starts_at", "in_past"),
                fault("/ends_at", "invalid_slot"),
            ]
        );
    }

    #[test]
    fn service_practitioner_and_room_must_fit() {
        let context = Context {
            offered: false,
            room_allowed: false,
            ..context()
        };
        let wish = Wish {
            room: Some(RoomId::from_uuid(Uuid::from_u128(4))),
            ..wish()
        };
        assert_eq!(
            faults(&wish, &context),
            [fault("/service_id", "not_offered"), fault("/room_id", "not_allowed")]
        );
        let kept = Wish {
            service_is_new: false,
            room: None,
            ..wish
        };
        let archived = Context {
            service: Some(ServiceFacts {
                archived: true,
                ..facts()
            }),
            ..context
        };
        assert!(Booking::plan(&kept, &archived, now()).is_ok());
    }

    #[test]
    fn a_walk_in_is_entered_up_to_a_day_later_and_an_import_whenever() {
        let wish_at = |text: &str| Wish {
            starts_at: at(text),
            ..wish()
        };
        assert!(Booking::plan(&wish_at("2026-11-19T12:00:00Z"), &context(), now()).is_ok());
        assert_eq!(
            faults(&wish_at("2026-11-19T11:59:00Z"), &context()),
            [fault("/starts_at", "in_past")]
        );
        assert_eq!(
            faults(&wish_at("2029-12-01T12:00:00Z"), &context()),
            [fault("/starts_at", "too_far_ahead")]
        );
        let import = Terms::Imported {
            status: AppointmentStatus::NoShow,
            overbook: false,
        };
        let imported = Wish {
            terms: import,
            ..wish_at("2016-04-29T12:00:00Z")
        };
        assert!(Booking::plan(&imported, &context(), now()).is_ok());
    }

    proptest! {
        #[test]
        fn busy_time_covers_the_slot(minutes in 1_i64..1440, before in 0_i64..240, after in 0_i64..240) {
            let service = ServiceFacts {
                buffer_before: TimeDelta::minutes(before), buffer_after: TimeDelta::minutes(after), ..facts()
            };
            let context = Context { service: Some(service), ..context() };
            let wish = Wish { ends_at: Some(wish().starts_at.saturating_add(TimeDelta::minutes(minutes))), ..wish() };
            let booking = Booking::plan(&wish, &context, now()).unwrap();
            prop_assert_eq!(booking.slot.starts_at().since(booking.busy.from()), TimeDelta::minutes(before));
            prop_assert_eq!(booking.busy.until().since(booking.slot.ends_at()), TimeDelta::minutes(after));
            prop_assert!(booking.busy.until().since(booking.busy.from()) <= crate::occupancy::LONGEST);
        }
    }
}
