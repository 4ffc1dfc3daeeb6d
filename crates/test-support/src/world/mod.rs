//! The small fixed world in every test database: two clinics with their people, rooms, services, hours and agenda.
//!
//! `aurora` is in São Paulo (UTC−3), `horizonte` in Manaus (UTC−4). Every row has an id that never changes and a short key
//! that is unique over both clinics, so that a test names what it means: `world::contact("maria")`. The world's time is
//! Friday, 20 November 2026, nine in the morning in São Paulo.

mod cast;
mod ids;
mod seed;

use kernel::{
    AppointmentId, ClinicId, ContactId, MembershipId, PractitionerId, RoomId, ServiceId, SessionId, Timestamp, UserId,
};

pub use cast::PASSWORD;
pub(crate) use seed::seed;

use cast::Keyed;
use ids::Kind;

/// When the world's clock starts.
///
/// # Panics
/// Never.
#[must_use]
pub fn now() -> Timestamp {
    at("2026-11-20T12:00:00Z")
}

/// The instant that `text` writes (RFC 3339).
///
/// # Panics
/// When it writes none.
#[must_use]
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|_| panic!("{text} is no time"))
}

/// The place of `key` in `list`, which is part of its id.
fn place<T: Keyed>(list: &[T], key: &str) -> u16 {
    let place = list.iter().position(|item| item.key() == key);
    let place = place.unwrap_or_else(|| panic!("{key} is not in the world"));
    u16::try_from(place).expect("the world is small")
}

/// `aurora` or `horizonte`.
///
/// # Panics
/// When the key is not in the world; so do all below.
#[must_use]
pub fn clinic(key: &str) -> ClinicId {
    ClinicId::from_uuid(ids::uuid(Kind::Clinic, place(cast::CLINICS, key)))
}

/// The user behind a member such as `reception@aurora`.
#[must_use]
pub fn user(member: &str) -> UserId {
    UserId::from_uuid(ids::uuid(Kind::User, place(cast::MEMBERS, member)))
}

/// The place in the clinic of a member such as `reception@aurora`.
#[must_use]
pub fn membership(member: &str) -> MembershipId {
    MembershipId::from_uuid(ids::uuid(Kind::Membership, place(cast::MEMBERS, member)))
}

/// The open sign-in of a member such as `reception@aurora`.
#[must_use]
pub fn session(member: &str) -> SessionId {
    SessionId::from_uuid(ids::uuid(Kind::Session, place(cast::MEMBERS, member)))
}

/// The clinic of a member such as `reception@aurora`.
#[must_use]
pub fn clinic_of(member: &str) -> ClinicId {
    let (_, clinic_key) = member
        .split_once('@')
        .unwrap_or_else(|| panic!("{member} names no clinic"));
    clinic(clinic_key)
}

/// Every member there is, such as `reception@aurora`.
pub fn members() -> impl Iterator<Item = &'static str> {
    cast::MEMBERS.iter().map(|member| member.key)
}

/// A practitioner such as `dr-lima`.
#[must_use]
pub fn practitioner(key: &str) -> PractitionerId {
    PractitionerId::from_uuid(ids::uuid(Kind::Practitioner, place(cast::PRACTITIONERS, key)))
}

/// A room such as `consultorio-1`.
#[must_use]
pub fn room(key: &str) -> RoomId {
    RoomId::from_uuid(ids::uuid(Kind::Room, place(cast::ROOMS, key)))
}

/// A service such as `consulta`.
#[must_use]
pub fn service(key: &str) -> ServiceId {
    ServiceId::from_uuid(ids::uuid(Kind::Service, place(cast::SERVICES, key)))
}

/// A person such as `maria`.
#[must_use]
pub fn contact(key: &str) -> ContactId {
    ContactId::from_uuid(ids::uuid(Kind::Contact, place(cast::CONTACTS, key)))
}

/// An appointment such as `maria-monday`.
#[must_use]
pub fn appointment(key: &str) -> AppointmentId {
    AppointmentId::from_uuid(ids::uuid(Kind::Appointment, place(cast::APPOINTMENTS, key)))
}
