//! What live connections may cost.

use std::time::Duration;

use chrono::TimeDelta;

/// The bounds of live connections, per process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealtimeConfig {
    /// How long a ticket may be used.
    pub ticket: TimeDelta,
    /// Sockets in all.
    pub sockets: usize,
    /// Sockets of one person or key.
    pub sockets_per_principal: usize,
    /// Frames that may wait for a socket that is slow to read; beyond it the socket is cut.
    pub queue: usize,
    /// How often a socket is told that the connection lives.
    pub heartbeat: Duration,
    /// Pages of other addresses from which browsers may connect, such as `https://app.clinic.example`.
    pub origins: Vec<String>,
}

impl Default for RealtimeConfig {
    fn default() -> Self {
        Self {
            ticket: TimeDelta::seconds(30),
            sockets: 10_000,
            sockets_per_principal: 20,
            queue: 1_024,
            heartbeat: Duration::from_secs(25),
            origins: Vec::new(),
        }
    }
}
