//! The settings of the server itself: where it listens, what a request may cost, and who may call how often.

use std::net::SocketAddr;
use std::time::Duration;

use rest::{InvalidNetworks, LimitConfig, TrustedProxies};

use super::Environment;
use super::reader::Reader;

/// How the server listens, and what one request may cost.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// Where health is served as well.
    pub admin_listen: SocketAddr,
    /// The balancers in front, whose word about a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// Worker threads, each with its own pool.
    pub workers: usize,
    /// How long a request may take.
    pub deadline: Duration,
    /// How long a file may take to come, as long as it goes on coming.
    pub upload: Duration,
    /// How long requests in flight may go on after a stop was asked for.
    pub shutdown: Duration,
    /// How long the server still takes requests after it has said that it is not ready, so that balancers notice.
    pub drain: Duration,
    /// Whether answers say how many statements they cost.
    pub server_timing: bool,
    /// How often who may call.
    pub limits: LimitConfig,
    /// How many reads may wait for the audit log.
    pub read_audit_buffer: usize,
}

impl ServerConfig {
    pub(super) fn read(reader: &mut Reader, environment: Environment) -> Self {
        let development = environment == Environment::Development;
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let workers = reader.or("workers", cores);
        if !(1..=256).contains(&workers) {
            reader.fault("workers", "must be between 1 and 256");
        }
        Self {
            listen: reader.or("listen", SocketAddr::from(([127, 0, 0, 1], 8080))),
            admin_listen: reader.or("admin_listen", SocketAddr::from(([127, 0, 0, 1], 9090))),
            trusted_proxies: trusted_proxies(reader),
            workers,
            deadline: reader.seconds("request_deadline_seconds", 15, 1..=60),
            upload: reader.seconds("upload_deadline_seconds", 600, 10..=3600),
            shutdown: reader.seconds("shutdown_seconds", 30, 0..=600),
            drain: reader.seconds("drain_seconds", if development { 0 } else { 5 }, 0..=120),
            server_timing: reader.or("server_timing", development),
            limits: LimitConfig {
                address: reader.quota("address", 10, 50),
                sign_in: reader.quota("sign_in", 2, 10),
                hook: reader.quota("hook", 200, 1000),
                principal: reader.quota("principal", 50, 200),
                clinic: reader.quota("clinic", 1000, 3000),
            },
            read_audit_buffer: reader.or("read_audit_buffer", 100_000),
        }
    }
}

/// The balancers in front; without any, the address of a client is that of its connection.
fn trusted_proxies(reader: &mut Reader) -> TrustedProxies {
    let networks: Option<String> = reader.optional("trusted_proxies");
    networks.map_or_else(TrustedProxies::default, |networks| {
        networks.parse().unwrap_or_else(|error: InvalidNetworks| {
            reader.fault("trusted_proxies", error);
            TrustedProxies::default()
        })
    })
}
