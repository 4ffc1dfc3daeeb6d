//! An invitation, how it stands, and what joining takes.

use chrono::TimeDelta;
use db::schema::invitations;
use diesel::prelude::*;
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{InvitationId, MembershipId, Role, Timestamp, Version, text_enum};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::authority::parse_roles;

/// How long an invitation is good.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::days(7);

text_enum! {
    /// How an invitation stands.
    pub enum InvitationStatus {
        /// It can be accepted.
        Open = "open",
        /// The person has joined.
        Accepted = "accepted",
        /// It was taken back.
        Archived = "archived",
        /// Its time is over.
        Expired = "expired",
    }
    error = InvalidInvitationStatus, code = "unknown_status";
}

text_enum! {
    /// What became of the mail with an invitation.
    pub enum MailState {
        /// It is on its way to the mail server.
        Queued = "queued",
        /// The mail server has taken it.
        Sent = "sent",
        /// The mail server does not take it: the address may be wrong.
        Refused = "refused",
    }
    error = InvalidMailState, code = "unknown_mail_state";
}

/// How long after a mail was asked for the next one may be: who cannot find the first has looked for it.
pub(crate) const MAIL_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// An invitation to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewInvitation {
    pub(crate) email: EmailAddress,
    pub(crate) name: PersonName,
    pub(crate) roles: Vec<Role>,
}

/// An invitation as it is stored, without its secret.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invitations, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Invitation {
    pub(crate) id: InvitationId,
    pub(crate) email: EmailAddress,
    pub(crate) name: PersonName,
    #[diesel(column_name = roles)]
    role_names: Vec<String>,
    pub(crate) invited_by: Option<MembershipId>,
    pub(crate) expires_at: Timestamp,
    pub(crate) accepted_at: Option<Timestamp>,
    pub(crate) archived_at: Option<Timestamp>,
    pub(crate) version: Version,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) mail_state: Option<MailState>,
    pub(crate) mail_asked_at: Option<Timestamp>,
}

impl Invitation {
    /// The roles that the person gets.
    pub(crate) fn roles(&self) -> Vec<Role> {
        parse_roles(&self.role_names)
    }

    /// How it stands at `now`.
    pub(crate) fn status(&self, now: Timestamp) -> InvitationStatus {
        if self.accepted_at.is_some() {
            InvitationStatus::Accepted
        } else if self.archived_at.is_some() {
            InvitationStatus::Archived
        } else if self.expires_at <= now {
            InvitationStatus::Expired
        } else {
            InvitationStatus::Open
        }
    }

    /// From when on it may be mailed anew; nothing when it may at `now`.
    pub(crate) fn mail_wait(&self, now: Timestamp) -> Option<TimeDelta> {
        let free_at = self.mail_asked_at?.saturating_add(MAIL_PAUSE);
        (now < free_at).then(|| free_at.since(now))
    }

    /// Where this row stands in the list.
    pub(crate) const fn position(&self) -> InvitationPosition {
        InvitationPosition { id: self.id }
    }
}

/// Where a page of the list ends. Ids sort by creation, so the newest comes first.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct InvitationPosition {
    pub(crate) id: InvitationId,
}

/// What the invited person brings.
#[derive(Debug)]
pub(crate) struct Acceptance {
    pub(crate) password: Option<SecretString>,
    pub(crate) name: Option<PersonName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn invitation() -> Invitation {
        Invitation {
            id: InvitationId::from_uuid(Uuid::from_u128(1)),
            email: EmailAddress::parse("ana@example.com").unwrap(),
            name: PersonName::parse("Ana").unwrap(),
            role_names: vec!["receptionist".to_owned()],
            invited_by: None,
            expires_at: at("2026-11-27T12:00:00Z"),
            accepted_at: None,
            archived_at: None,
            version: Version::FIRST,
            created_at: at("2026-11-20T12:00:00Z"),
            updated_at: at("2026-11-20T12:00:00Z"),
            mail_state: None,
            mail_asked_at: None,
        }
    }

    #[test]
    fn a_mail_is_asked_for_again_after_a_pause() {
        let mailed = Invitation {
            mail_asked_at: Some(at("2026-11-20T12:00:00Z")),
            ..invitation()
        };
        let wait = mailed.mail_wait(at("2026-11-20T12:04:00Z"));
        assert_eq!(wait, Some(TimeDelta::minutes(1)));
        assert_eq!(mailed.mail_wait(at("2026-11-20T12:05:00Z")), None);
        assert_eq!(invitation().mail_wait(at("2026-11-20T12:00:00Z")), None);
    }

    #[test]
    fn an_invitation_is_open_until_something_closes_it() {
        let now = at("2026-11-21T12:00:00Z");
        let done = Some(now);
        assert_eq!(invitation().status(now), InvitationStatus::Open);
        assert_eq!(
            invitation().status(at("2026-11-27T12:00:00Z")),
            InvitationStatus::Expired
        );
        let accepted = Invitation {
            accepted_at: done,
            ..invitation()
        };
        assert_eq!(accepted.status(at("2026-12-27T12:00:00Z")), InvitationStatus::Accepted);
        assert_eq!(
            Invitation {
                archived_at: done,
                ..invitation()
            }
            .status(now),
            InvitationStatus::Archived
        );
    }
}
