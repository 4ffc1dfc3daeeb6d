//! What the endpoints of one worker share.

use std::sync::Arc;

use auth::{Authenticator, ClinicKeys};
use cache::Cache;
use db::{Db, ReadAudit};
use kernel::cursor::CursorKey;

use crate::limits::Limits;
use crate::proxies::TrustedProxies;

/// What the endpoints of one worker share; part of the application's data.
pub struct Rest {
    /// The worker's database.
    pub db: Db,
    /// Says who a caller is.
    pub authenticator: Authenticator,
    /// The process-wide cache.
    pub cache: Cache,
    /// Reads on their way into the audit log.
    pub read_audit: Arc<ReadAudit>,
    /// What cursors are signed with.
    pub cursor_key: CursorKey,
    /// What kept answers are sealed with.
    pub clinic_keys: ClinicKeys,
    /// How often who may call.
    pub limits: Arc<Limits>,
    /// Whose word about a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// Whether answers say how many statements they cost (`Server-Timing`).
    pub server_timing: bool,
}
