//! The bodies in which services come in, and how they are read.

use kernel::money::{Currency, Money};
use kernel::text::Label;
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{
    BufferMinutes, DurationMinutes, FollowUpDays, NewService, RowChanges, ServiceChanges, SlotStepMinutes, check_rooms,
};
use kernel::{Coded, FieldErrors, PractitionerId, RoomId, ServiceId};
use rest::{Patch, ReadPatch, as_it_is};

/// A price: not negative.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount_cents": 25000, "currency": "BRL"}))]
pub(super) struct PriceInput {
    #[schema(minimum = 0)]
    amount_cents: i64,
    #[schema(value_type = Currency)]
    currency: String,
}

/// An amount below nothing.
#[derive(Debug, thiserror::Error)]
#[error("a price is not negative")]
struct NegativePrice;

impl Coded for NegativePrice {
    fn code(&self) -> &'static str {
        "negative"
    }
}

impl TryFrom<PriceInput> for Money {
    type Error = FieldErrors;

    fn try_from(PriceInput { amount_cents, currency }: PriceInput) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let amount = if amount_cents < 0 {
            Err(NegativePrice)
        } else {
            Ok(amount_cents)
        };
        let amount = errors.read("/amount_cents", amount);
        let currency = errors.read("/currency", Currency::parse(&currency));
        let assemble = || Some(Self::new(amount?, currency?));
        errors.finish(assemble())
    }
}

fn read_price(errors: &mut FieldErrors, input: PriceInput) -> Option<Money> {
    input.try_into().map_err(|inner| errors.nest("/price", inner)).ok()
}

/// A service to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Consulta", "duration_minutes": 30, "buffer_after_minutes": 5, "online_bookable": true,
    "price": {"amount_cents": 25000, "currency": "BRL"}, "needs_room": true, "follow_up_days": 30
}))]
pub(super) struct CreateService {
    /// Made by the server when not given.
    id: Option<ServiceId>,
    #[schema(value_type = Label)]
    name: String,
    #[schema(value_type = DurationMinutes, inline)]
    duration_minutes: i32,
    /// How long practitioner and room are taken before it; not at all when not given.
    #[schema(value_type = Option<BufferMinutes>, inline)]
    buffer_before_minutes: Option<i32>,
    /// How long practitioner and room are taken after it; not at all when not given.
    #[schema(value_type = Option<BufferMinutes>, inline)]
    buffer_after_minutes: Option<i32>,
    /// How far apart its slots start; the clinic's step when not given.
    #[schema(value_type = Option<SlotStepMinutes>, inline)]
    slot_step_minutes: Option<i32>,
    price: PriceInput,
    /// Whether patients may book it themselves.
    #[serde(default)]
    online_bookable: bool,
    /// Whether it takes a room.
    #[serde(default)]
    needs_room: bool,
    /// Within how many days after it a follow-up costs nothing.
    #[schema(value_type = Option<FollowUpDays>, inline)]
    follow_up_days: Option<i32>,
    /// Who offers it.
    #[serde(default)]
    practitioner_ids: Vec<PractitionerId>,
    /// Where it may take place; any room when it needs one and none is named.
    #[serde(default)]
    room_ids: Vec<RoomId>,
}

impl TryFrom<CreateService> for NewService {
    type Error = FieldErrors;

    fn try_from(body: CreateService) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", Label::parse(&body.name));
        let duration = errors.read("/duration_minutes", DurationMinutes::new(body.duration_minutes));
        let before = BufferMinutes::new(body.buffer_before_minutes.unwrap_or_default());
        let before = errors.read("/buffer_before_minutes", before);
        let after = BufferMinutes::new(body.buffer_after_minutes.unwrap_or_default());
        let after = errors.read("/buffer_after_minutes", after);
        let step = errors.read_optional("/slot_step_minutes", body.slot_step_minutes, SlotStepMinutes::new);
        let price = read_price(&mut errors, body.price);
        let follow_up_days = errors.read_optional("/follow_up_days", body.follow_up_days, FollowUpDays::new);
        if let Err(contradiction) = check_rooms(body.needs_room, &body.room_ids) {
            errors.nest("", contradiction);
        }
        let assemble = || {
            Some(Self {
                id: body.id,
                name: name?,
                duration_minutes: duration?,
                buffer_before_minutes: before?,
                buffer_after_minutes: after?,
                slot_step_minutes: step?,
                price: price?,
                online_bookable: body.online_bookable,
                needs_room: body.needs_room,
                follow_up_days: follow_up_days?,
                practitioner_ids: body.practitioner_ids,
                room_ids: body.room_ids,
            })
        };
        errors.finish(assemble())
    }
}

/// What changes about a service; what is absent stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"price": {"amount_cents": 28000, "currency": "BRL"}, "slot_step_minutes": null}))]
pub(super) struct PatchService {
    #[serde(default)]
    #[schema(value_type = Option<Label>)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<DurationMinutes>, inline)]
    duration_minutes: Patch<i32>,
    /// How long practitioner and room are taken before it.
    #[serde(default)]
    #[schema(value_type = Option<BufferMinutes>, inline)]
    buffer_before_minutes: Patch<i32>,
    /// How long practitioner and room are taken after it.
    #[serde(default)]
    #[schema(value_type = Option<BufferMinutes>, inline)]
    buffer_after_minutes: Patch<i32>,
    /// How far apart its slots start; null for the clinic's step.
    #[serde(default)]
    #[schema(value_type = Option<SlotStepMinutes>, inline)]
    slot_step_minutes: Patch<i32>,
    #[serde(default)]
    #[schema(value_type = Option<PriceInput>)]
    price: Patch<PriceInput>,
    /// Whether patients may book it themselves.
    #[serde(default)]
    online_bookable: Patch<bool>,
    /// Whether it takes a room.
    #[serde(default)]
    needs_room: Patch<bool>,
    /// Within how many days after it a follow-up costs nothing; null for none.
    #[serde(default)]
    #[schema(value_type = Option<FollowUpDays>, inline)]
    follow_up_days: Patch<i32>,
    /// Who offers it from now on.
    #[serde(default)]
    practitioner_ids: Patch<Vec<PractitionerId>>,
    /// Where it may take place from now on.
    #[serde(default)]
    room_ids: Patch<Vec<RoomId>>,
}

impl TryFrom<PatchService> for ServiceChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchService) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut row = RowChanges {
            name: errors.read_change("/name", body.name, |text| Label::parse(&text)),
            duration_minutes: errors.read_change("/duration_minutes", body.duration_minutes, DurationMinutes::new),
            buffer_before_minutes: errors.read_change(
                "/buffer_before_minutes",
                body.buffer_before_minutes,
                BufferMinutes::new,
            ),
            buffer_after_minutes: errors.read_change(
                "/buffer_after_minutes",
                body.buffer_after_minutes,
                BufferMinutes::new,
            ),
            slot_step_minutes: errors.read_clearable(
                "/slot_step_minutes",
                body.slot_step_minutes,
                SlotStepMinutes::new,
            ),
            online_bookable: errors.read_change("/online_bookable", body.online_bookable, as_it_is),
            needs_room: errors.read_change("/needs_room", body.needs_room, as_it_is),
            follow_up_days: errors.read_clearable("/follow_up_days", body.follow_up_days, FollowUpDays::new),
            ..RowChanges::default()
        };
        let price = errors.read_change("/price", body.price, as_it_is);
        if let Some(price) = price.and_then(|input| read_price(&mut errors, input)) {
            row.price_cents = Some(price.amount_cents);
            row.currency = Some(price.currency);
        }
        let practitioner_ids = errors.read_change("/practitioner_ids", body.practitioner_ids, as_it_is);
        let room_ids = errors.read_change("/room_ids", body.room_ids, as_it_is);
        errors.finish(Some(Self {
            row,
            practitioner_ids,
            room_ids,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_wrong_is_told_at_once() {
        let body: CreateService = serde_json::from_value(json!({
            "name": "", "duration_minutes": 0, "buffer_before_minutes": -1, "slot_step_minutes": 241,
            "price": {"amount_cents": -1, "currency": "real"}, "follow_up_days": 0,
            "room_ids": ["0192f0c1-2a3b-7c4d-8e5f-60718293a4b5"]
        }))
        .unwrap();
        let errors = NewService::try_from(body).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/name",
                "/duration_minutes",
                "/buffer_before_minutes",
                "/slot_step_minutes",
                "/price/amount_cents",
                "/price/currency",
                "/follow_up_days",
                "/room_ids"
            ]
        );
    }

    #[test]
    fn what_is_not_said_is_nothing_or_the_clinics() {
        let body: CreateService = serde_json::from_value(
            json!({"name": "Retorno", "duration_minutes": 20, "price": {"amount_cents": 0, "currency": "BRL"}}),
        )
        .unwrap();
        let new = NewService::try_from(body).unwrap();
        assert_eq!(new.buffer_after_minutes.get(), 0);
        assert_eq!(new.slot_step_minutes, None);
        assert!(!new.needs_room && !new.online_bookable);
    }

    #[test]
    fn null_clears_what_may_be_clear_only() {
        let body: PatchService =
            serde_json::from_value(json!({"slot_step_minutes": null, "follow_up_days": 30, "needs_room": null}))
                .unwrap();
        let errors = ServiceChanges::try_from(body).unwrap_err();
        assert_eq!(errors.into_vec().len(), 1);
        let body: PatchService =
            serde_json::from_value(json!({"slot_step_minutes": null, "price": {"amount_cents": 1, "currency": "BRL"}}))
                .unwrap();
        let changes = ServiceChanges::try_from(body).unwrap();
        assert_eq!(changes.row.slot_step_minutes, Some(None));
        assert_eq!(changes.fields(), ["slot_step_minutes", "price"]);
    }
}
