//! Typed identifiers: a UUIDv7 (RFC 9562) that cannot be mistaken for another kind's.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::{self, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::{serialize, sql_types};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::time::Timestamp;

/// Text that is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID such as 0192f0c1-2a3b-7c4d-8e5f-60718293a4b5")]
pub struct InvalidId;

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow, ToSchema)]
        #[diesel(sql_type = sql_types::Uuid)]
        #[serde(transparent)]
        #[schema(value_type = Uuid, format = Uuid, example = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5")]
        pub struct $name(Uuid);

        impl $name {
            /// A new id: UUIDv7 whose time part is `now`, the rest random, so that ids of one kind sort by creation.
            #[must_use]
            pub fn new_at(now: Timestamp) -> Self {
                Self(now.to_uuid_v7())
            }

            /// The id that `uuid` stands for, of whatever version (clients may send their own).
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).or(Err(InvalidId))
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl serialize::ToSql<sql_types::Uuid, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
                serialize::ToSql::<sql_types::Uuid, Pg>::to_sql(&self.0, out)
            }
        }

        impl deserialize::FromSql<sql_types::Uuid, Pg> for $name {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                deserialize::FromSql::<sql_types::Uuid, Pg>::from_sql(value).map(Self)
            }
        }
    )+};
}

typed_ids! {
    /// A tenant: one practice or network.
    ClinicId,
    /// A person with a sign-in; global, since one person may work in several clinics.
    UserId,
    /// A user's place in one clinic.
    MembershipId,
    /// A sign-in that is still open: one family of refresh tokens.
    SessionId,
    /// A key of an integration.
    ApiKeyId,
    /// An invitation to join a clinic.
    InvitationId,
    /// A clinic's data key.
    DataKeyId,
    /// A professional who sees patients.
    PractitionerId,
    /// A room that can be booked.
    RoomId,
    /// A bookable service.
    ServiceId,
    /// A weekly opening-hours entry.
    OpeningHoursId,
    /// A span in which a practitioner or the clinic does not work.
    TimeOffId,
    /// A holiday of a clinic.
    HolidayId,
    /// A patient or lead.
    ContactId,
    /// An appointment.
    AppointmentId,
    /// A move of an appointment between statuses or times.
    AppointmentMoveId,
    /// Appointments that recur.
    SeriesId,
    /// A calendar kept elsewhere.
    ExternalCalendarId,
    /// A slot reserved for some minutes.
    HoldId,
    /// A calendar feed.
    CalendarFeedId,
    /// Somebody's place on the waiting list.
    WaitlistEntryId,
    /// Free time offered to somebody who waits.
    WaitlistOfferId,
    /// How long before an appointment its patient is reminded.
    ReminderRuleId,
    /// A reminder of one appointment.
    ReminderId,
    /// An event in the outbox.
    EventId,
    /// A row of the audit log.
    AuditEntryId,
    /// An answer that a person gave about a purpose.
    ContactConsentId,
    /// A merge of two contacts.
    ContactMergeId,
    /// An address of an integration that is told of events.
    WebhookEndpointId,
    /// The telling of one event to one address.
    WebhookDeliveryId,
    /// A file that is imported.
    ImportId,
    /// A place where people write to the clinic.
    InboxId,
    /// By what a person is known on a channel.
    ChannelIdentityId,
    /// A thread with one person in one inbox.
    ConversationId,
    /// A message of a conversation.
    MessageId,
    /// A file of a message.
    MessageAttachmentId,
    /// A text that is written again and again.
    CannedResponseId,
    /// A message that a channel has to approve.
    MessageTemplateId,
    /// One HTTP request.
    RequestId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Clock, ManualClock};

    #[test]
    fn ids_sort_by_creation_and_survive_text() {
        let clock = ManualClock::at("2026-11-20T12:00:00Z".parse().unwrap());
        let earlier = ContactId::new_at(clock.now());
        clock.advance(chrono::TimeDelta::milliseconds(1));
        let later = ContactId::new_at(clock.now());
        assert!(earlier < later);
        assert_eq!(earlier.to_string().parse::<ContactId>(), Ok(earlier));
        assert_eq!("1".parse::<ContactId>(), Err(InvalidId));
    }
}
