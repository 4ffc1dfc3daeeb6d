//! What a service is.

use db::schema::services;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::money::{Currency, Money};
use kernel::text::Label;
use kernel::{FieldErrors, PractitionerId, RoomId, ServiceId, Timestamp, Version};

use crate::resource::bounded::Bounded;
use rest::changed;

/// How long a service takes: 5 minutes to 12 hours.
pub type DurationMinutes = Bounded<5, 720>;
/// How long practitioner and room stay taken before or after: none to 4 hours.
pub type BufferMinutes = Bounded<0, 240>;
/// How far apart the starts of free slots are: 5 minutes to 4 hours.
pub type SlotStepMinutes = Bounded<5, 240>;
/// Within how many days after it a follow-up costs nothing: 1 to 365.
pub type FollowUpDays = Bounded<1, 365>;

/// A service as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = services, check_for_backend(Pg))]
pub struct ServiceRow {
    /// Its id.
    pub id: ServiceId,
    /// Its name, unique among the services in use.
    pub name: Label,
    /// How long it takes.
    pub duration_minutes: DurationMinutes,
    /// How long practitioner and room are taken before it.
    pub buffer_before_minutes: BufferMinutes,
    /// How long practitioner and room are taken after it.
    pub buffer_after_minutes: BufferMinutes,
    /// How far apart its slots start; the clinic's step when it has none of its own.
    pub slot_step_minutes: Option<SlotStepMinutes>,
    /// What it costs.
    #[diesel(embed)]
    pub price: PriceColumns,
    /// Whether patients may book it themselves.
    pub online_bookable: bool,
    /// Whether it takes a room.
    pub needs_room: bool,
    /// Within how many days a follow-up costs nothing.
    pub follow_up_days: Option<FollowUpDays>,
    /// When it was put away.
    pub archived_at: Option<Timestamp>,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A price in its two columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = services, check_for_backend(Pg))]
pub struct PriceColumns {
    /// How many minor units.
    pub price_cents: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl From<Money> for PriceColumns {
    fn from(Money { amount_cents, currency }: Money) -> Self {
        Self {
            price_cents: amount_cents,
            currency,
        }
    }
}

impl From<PriceColumns> for Money {
    fn from(PriceColumns { price_cents, currency }: PriceColumns) -> Self {
        Self::new(price_cents, currency)
    }
}

/// A service with who offers it and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The row.
    pub row: ServiceRow,
    /// The practitioners in use who offer it, in order of their ids.
    pub practitioner_ids: Vec<PractitionerId>,
    /// The rooms in use in which it may take place, in order of their ids; any room when it needs one and none is named.
    pub room_ids: Vec<RoomId>,
}

/// A service to be made.
#[derive(Debug, Clone)]
pub struct NewService {
    /// Its id, when the caller chose one.
    pub id: Option<ServiceId>,
    /// Its name.
    pub name: Label,
    /// How long it takes.
    pub duration_minutes: DurationMinutes,
    /// How long practitioner and room are taken before it.
    pub buffer_before_minutes: BufferMinutes,
    /// How long practitioner and room are taken after it.
    pub buffer_after_minutes: BufferMinutes,
    /// How far apart its slots start; the clinic's step when it has none of its own.
    pub slot_step_minutes: Option<SlotStepMinutes>,
    /// What it costs; not negative.
    pub price: Money,
    /// Whether patients may book it themselves.
    pub online_bookable: bool,
    /// Whether it takes a room.
    pub needs_room: bool,
    /// Within how many days a follow-up costs nothing.
    pub follow_up_days: Option<FollowUpDays>,
    /// Who offers it.
    pub practitioner_ids: Vec<PractitionerId>,
    /// Where it may take place.
    pub room_ids: Vec<RoomId>,
}

/// What changes about a service; `None` keeps, an inner `None` clears.
#[derive(Debug, Clone, Default)]
pub struct ServiceChanges {
    /// What changes in the row.
    pub row: RowChanges,
    /// Who offers it from now on.
    pub practitioner_ids: Option<Vec<PractitionerId>>,
    /// Where it may take place from now on.
    pub room_ids: Option<Vec<RoomId>>,
}

/// What changes in the row itself.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = services)]
pub struct RowChanges {
    /// Its name.
    pub name: Option<Label>,
    /// How long it takes.
    pub duration_minutes: Option<DurationMinutes>,
    /// How long practitioner and room are taken before it.
    pub buffer_before_minutes: Option<BufferMinutes>,
    /// How long practitioner and room are taken after it.
    pub buffer_after_minutes: Option<BufferMinutes>,
    /// How far apart its slots start.
    pub slot_step_minutes: Option<Option<SlotStepMinutes>>,
    /// How many minor units it costs.
    pub price_cents: Option<i64>,
    /// In which currency.
    pub currency: Option<Currency>,
    /// Whether patients may book it themselves.
    pub online_bookable: Option<bool>,
    /// Whether it takes a room.
    pub needs_room: Option<bool>,
    /// Within how many days a follow-up costs nothing.
    pub follow_up_days: Option<Option<FollowUpDays>>,
}

impl ServiceChanges {
    /// The names of the fields that change.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        let row = &self.row;
        changed([
            ("name", row.name.is_some()),
            ("duration_minutes", row.duration_minutes.is_some()),
            ("buffer_before_minutes", row.buffer_before_minutes.is_some()),
            ("buffer_after_minutes", row.buffer_after_minutes.is_some()),
            ("slot_step_minutes", row.slot_step_minutes.is_some()),
            ("price", row.price_cents.is_some()),
            ("online_bookable", row.online_bookable.is_some()),
            ("needs_room", row.needs_room.is_some()),
            ("follow_up_days", row.follow_up_days.is_some()),
            ("practitioner_ids", self.practitioner_ids.is_some()),
            ("room_ids", self.room_ids.is_some()),
        ])
    }
}

/// Rooms are named only for a service that takes one.
///
/// # Errors
/// The field that contradicts.
pub(super) fn check_rooms(needs_room: bool, room_ids: &[RoomId]) -> Result<(), FieldErrors> {
    if needs_room || room_ids.is_empty() {
        Ok(())
    } else {
        Err(FieldErrors::one(
            "/room_ids",
            "room_not_needed",
            "a service that needs no room names none",
        ))
    }
}
