//! Who acts, in which clinic, and what they may do: permissions, roles, and the callers of everything else.

mod callers;
mod permissions;
mod roles;

pub use callers::{Actor, Caller, Origin, Principal, System};
pub use permissions::{Permission, PermissionSet, UnknownPermission};
pub use roles::{Role, UnknownRole};
