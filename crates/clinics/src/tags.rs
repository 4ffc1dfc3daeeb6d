//! The cache tags of this domain: which answers a write makes stale.

use kernel::{ApiKeyId, MembershipId, SessionId, Tag};

/// The clinic's settings.
#[must_use]
pub const fn clinic() -> Tag {
    Tag::collection("clinic")
}

/// The staff, and each of them.
#[must_use]
pub const fn staff() -> Tag {
    Tag::collection("staff")
}

/// What the sign-in knows of one member: forgotten at once when roles change or the member goes.
#[must_use]
pub fn membership(id: MembershipId) -> Tag {
    Tag::part("membership", id)
}

/// What the sign-in knows of one session: forgotten at once when it ends.
#[must_use]
pub fn session(id: SessionId) -> Tag {
    Tag::part("session", id)
}

/// What the sign-in knows of one API key: forgotten at once when it is revoked.
#[must_use]
pub fn api_key(id: ApiKeyId) -> Tag {
    Tag::part("api_key", id)
}

/// The practitioners, and each of them.
#[must_use]
pub const fn practitioners() -> Tag {
    Tag::collection("practitioners")
}

/// The rooms, and each of them.
#[must_use]
pub const fn rooms() -> Tag {
    Tag::collection("rooms")
}

/// The services, and each of them.
#[must_use]
pub const fn services() -> Tag {
    Tag::collection("services")
}

/// The weekly hours of the clinic and of all practitioners.
#[must_use]
pub const fn opening_hours() -> Tag {
    Tag::collection("opening_hours")
}

/// Spans without work, of the clinic and of all practitioners.
#[must_use]
pub const fn time_off() -> Tag {
    Tag::collection("time_off")
}

/// The holidays.
#[must_use]
pub const fn holidays() -> Tag {
    Tag::collection("holidays")
}
