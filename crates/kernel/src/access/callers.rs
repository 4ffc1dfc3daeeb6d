//! Who acts, and in which clinic: the callers of everything else.

use std::net::IpAddr;

use uuid::Uuid;

use super::{Permission, PermissionSet};
use crate::ids::{ApiKeyId, ClinicId, MembershipId, RequestId, SessionId, UserId};

/// Who did something, as the audit log remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A signed-in person.
    User {
        /// The person.
        user: UserId,
        /// Their place in the clinic.
        membership: MembershipId,
        /// The sign-in they came by.
        session: SessionId,
    },
    /// An integration.
    ApiKey {
        /// The key it came with.
        key: ApiKeyId,
    },
    /// The system itself: a job, the command line, a public link.
    System {
        /// Which part of it, such as `import` or `calendar_feed`.
        component: &'static str,
    },
}

impl Actor {
    /// The kind of actor, as stored: `user`, `api_key` or `system`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::ApiKey { .. } => "api_key",
            Self::System { .. } => "system",
        }
    }

    /// The actor's id, where it has one.
    #[must_use]
    pub const fn id(&self) -> Option<&Uuid> {
        match self {
            Self::User { user, .. } => Some(user.as_uuid()),
            Self::ApiKey { key } => Some(key.as_uuid()),
            Self::System { .. } => None,
        }
    }
}

/// Where a call came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// The HTTP request, when there was one.
    pub request: Option<RequestId>,
    /// The client's address, when there was one.
    pub address: Option<IpAddr>,
}

/// One who may act inside one clinic. Sealed: only [`Principal`] and [`System`] are callers, so that there is no other way
/// to a clinic's rows.
pub trait Caller: sealed::Sealed {
    /// The clinic in which the caller acts.
    fn clinic(&self) -> ClinicId;
    /// Who the caller is.
    fn actor(&self) -> Actor;
    /// Where the call came from.
    fn origin(&self) -> Origin;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Principal {}
    impl Sealed for super::System {}
}

/// A person or API key, authenticated for one clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    clinic: ClinicId,
    actor: Actor,
    permissions: PermissionSet,
    origin: Origin,
}

impl Principal {
    /// Vouches that `actor` was authenticated for `clinic`. Only the `auth` crate (and tests) may do so: clippy bans it elsewhere.
    #[must_use]
    pub const fn vouch(clinic: ClinicId, actor: Actor, permissions: PermissionSet) -> Self {
        Self {
            clinic,
            actor,
            permissions,
            origin: Origin {
                request: None,
                address: None,
            },
        }
    }

    /// The same principal, seen in one request.
    #[must_use]
    pub const fn in_request(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// What the principal may do.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// Whether the principal may do `permission`.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// The signed-in person, when it is one.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::User { user, .. } => Some(user),
            Actor::ApiKey { .. } | Actor::System { .. } => None,
        }
    }

    /// The open sign-in, when it is a person.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self.actor {
            Actor::User { session, .. } => Some(session),
            Actor::ApiKey { .. } | Actor::System { .. } => None,
        }
    }
}

impl Caller for Principal {
    fn clinic(&self) -> ClinicId {
        self.clinic
    }

    fn actor(&self) -> Actor {
        self.actor
    }

    fn origin(&self) -> Origin {
        self.origin
    }
}

/// The system acting for one named clinic: a job, the command line, a public link whose secret was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    clinic: ClinicId,
    component: &'static str,
    origin: Origin,
}

impl System {
    /// The part `component` of the system, acting for `clinic`.
    #[must_use]
    pub const fn acting_for(clinic: ClinicId, component: &'static str) -> Self {
        Self {
            clinic,
            component,
            origin: Origin {
                request: None,
                address: None,
            },
        }
    }

    /// The same caller, seen in one request.
    #[must_use]
    pub const fn in_request(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }
}

impl Caller for System {
    fn clinic(&self) -> ClinicId {
        self.clinic
    }

    fn actor(&self) -> Actor {
        Actor::System {
            component: self.component,
        }
    }

    fn origin(&self) -> Origin {
        self.origin
    }
}
