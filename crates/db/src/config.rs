//! Settings of the database connections.

use std::time::Duration;

use secrecy::SecretString;
use uuid::Uuid;

/// How to reach the database as one role.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Who connects, for as long as the process lives: the name of its connections, by which others know that it is there.
    pub process: Uuid,
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
    pub fn for_requests(url: SecretString) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a name for a process and its lifetime, not for a row"
        )]
        let process = Uuid::new_v4();
        Self {
            process,
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
