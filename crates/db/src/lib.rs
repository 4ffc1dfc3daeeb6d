//! The one way to PostgreSQL: every table, the pools, the tenant transaction, migrations, and the count of statements.
//!
//! There is no connection without a [`kernel::Caller`] or a narrow [`Lookup`]: [`Db::read`], [`Db::read_snapshot`] and
//! [`Db::write`] set the caller's clinic for row-level security before any statement of theirs runs, and a connection whose
//! unit of work was abandoned half-way (a dropped future, a panic) never goes back to the pool.

pub mod accounting;
pub mod audit;
mod config;
mod connection;
mod error;
mod listener;
mod literal;
mod lookup;
pub mod migrations;
mod pipeline;
mod pool;
mod queue;
mod roll;
pub mod schema;
mod tenant;

pub use audit::{AuditRecord, ReadAudit};
pub use config::{DatabaseConfig, PoolConfig};
pub use connection::{ConnectError, connect};
pub use error::{DbError, QueryResultExt, TxError};
pub use listener::{Commit, CommitListener, CommittedEvent};
pub use literal::Literal;
pub use lookup::{Lookup, LookupBy};
pub use pool::Db;
pub use queue::{Job, StaleJob};
pub use roll::processes_connected;
pub use tenant::{TenantRead, TenantTx};
