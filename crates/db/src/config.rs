//! Settings of the database connections.

use std::time::Duration;

use secrecy::SecretString;

/// How to reach the database as one role.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/database`; masked, since it carries a password.
    pub url: SecretString,
    /// How long one statement may run before the server ends it.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a transaction may stand idle before the server ends it: a net under abandoned work.
    pub idle_in_transaction_timeout: Duration,
}

impl DatabaseConfig {
    /// The role behind `url`, with the timeouts that fit a request.
    #[must_use]
    pub const fn for_requests(url: SecretString) -> Self {
        Self {
            url,
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(4),
            idle_in_transaction_timeout: Duration::from_secs(10),
        }
    }
}

/// The size of one pool. Every worker thread has its own, so the database sees workers × `max_connections`.
#[derive(Debug, Clone, Copy)]
pub struct PoolConfig {
    /// The most connections of one worker.
    pub max_connections: u32,
    /// How long a caller waits for a free connection before it is told to come again.
    pub wait: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            max_connections: 8,
            wait: Duration::from_secs(2),
        }
    }
}
