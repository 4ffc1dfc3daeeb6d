//! A sign-in as it is stored, and why it may have ended.

use db::schema::{memberships, sessions};
use diesel::prelude::*;
use kernel::{MembershipId, Role, SessionId, Timestamp, UserId, text_enum};
use serde::{Deserialize, Serialize};

use crate::authority::parse_roles;

text_enum! {
    /// Why a sign-in was ended before its time.
    pub(crate) enum EndReason {
        /// The person signed out.
        SignedOut = "signed_out",
        /// Ended from the list of sign-ins, by the person or by who manages staff.
        Revoked = "revoked",
        /// A refresh token came a second time: one of the two who sent it had stolen it.
        ReuseDetected = "reuse_detected",
        /// The password was changed.
        PasswordChanged = "password_changed",
    }
    error = UnknownEndReason, code = "unknown_end_reason";
}

/// A sign-in that is still open.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub(crate) struct OpenSession {
    pub(crate) id: SessionId,
    pub(crate) user_id: UserId,
    pub(crate) membership_id: MembershipId,
    pub(crate) user_agent: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// Whose sign-in it is.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub(crate) struct SessionHolder {
    pub(crate) user_id: UserId,
    #[diesel(select_expression = memberships::roles)]
    role_names: Vec<String>,
}

impl SessionHolder {
    /// The roles that the person holds in the clinic.
    pub(crate) fn roles(&self) -> Vec<Role> {
        parse_roles(&self.role_names)
    }
}

/// Whose open sign-ins are meant; both, where both are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) user: Option<UserId>,
    pub(crate) membership: Option<MembershipId>,
}

/// Where a page of the list ends. Ids sort by creation, so the newest comes first.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct SessionPosition {
    pub(crate) id: SessionId,
}

impl OpenSession {
    /// Where this row stands in the list.
    pub(crate) const fn position(&self) -> SessionPosition {
        SessionPosition { id: self.id }
    }
}
