//! The vocabulary every other crate speaks: typed ids, time, money, documents, phones, access.
//!
//! Pure by rule: no I/O, no async, nothing of ours imported. A value that exists is valid; parsing happens once, at the edge.

pub mod access;
pub mod cache_tag;
pub mod cursor;
pub mod documents;
pub mod email;
pub mod fields;
pub mod fold;
pub mod ids;
pub mod money;
pub mod pause;
pub mod phone;
pub mod queue;
pub mod text;
pub mod time;
pub mod version;
pub mod week;

pub use access::{Actor, Caller, Origin, Permission, PermissionSet, Principal, Role, System};
pub use cache_tag::Tag;
pub use fields::{Coded, FieldError, FieldErrors};
pub use ids::*;
pub use queue::{Lane, PublicEvent};
pub use time::{Clock, ManualClock, SystemClock, TimeSlot, Timestamp, Zone};
pub use version::Version;
pub use week::{InvalidWallTime, InvalidWeekday, IsoWeekday, WallTime};
