//! What every HTTP endpoint shares, once: who calls, what comes in, what goes out, and what is refused.
//!
//! An endpoint takes an [`Authorized`] caller (its permission is part of the type), parsed input ([`Valid`], [`ListQuery`],
//! [`RowQuery`], [`PathId`]), and hands the work to [`Authorized::write`], [`Authorized::read`] or [`Authorized::read_page`],
//! which see to the transaction, idempotency, the cache, entity tags, audit of the read, and rendering.

mod body;
mod caller;
mod context;
mod fields;
mod idempotency;
mod limits;
pub mod middleware;
pub mod openapi;
mod paging;
mod patch;
mod path;
pub mod permissions;
mod problem;
mod proxies;
mod query;
mod read;
mod reading;
mod reply;
mod rows;
mod state;
mod upload;
mod view;

pub use body::{OptionalBody, Valid, note_body};
pub use caller::{Authorized, Public};
pub use context::RequestContext;
pub use limits::{ExchangeError, LimitConfig, Limits, Quota};
pub use paging::{Page, PageInfo, Paging};
pub use patch::Patch;
pub use path::PathId;
pub use problem::Problem;
pub use proxies::{InvalidNetworks, TrustedProxies};
pub use query::{Include, ListParams, ListQuery, NoFilter, Query, RowQuery};
pub use read::ReadPlan;
pub use reading::{ReadPatch, as_it_is, changed};
pub use reply::Reply;
pub use rows::{Resource, RowError, check_version};
pub use state::Rest;
pub use upload::{Upload, UploadError};
pub use view::View;

// What endpoints take from neighbours, so that a domain crate names one place.
pub use cache::TimeToLive;
pub use db::AuditRecord;
