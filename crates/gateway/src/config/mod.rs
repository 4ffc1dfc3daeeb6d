//! Every setting of the server: one file a concern, read from the environment and an optional file, all faults told at once.

mod database;
mod files;
mod keys;
mod mail;
mod outward;
mod reader;
mod realtime;
mod redis;
mod server;

use ::files::FilesConfig;
use auth::AuthConfig;
use cache::CacheConfig;
use conversations::channels::WhatsappApi;
use db::{DatabaseConfig, PoolConfig};
use fetch::OutwardRules;
use integrations::WebhookSettings;
use secrecy::SecretString;
use telemetry::TelemetryConfig;

pub use self::database::owner_database;
pub use self::mail::{InvalidPublicUrl, MailConfig, PublicUrl};
pub use self::reader::ConfigError;
use self::reader::Reader;
pub use self::redis::{InvalidRedisUrl, Redis};
pub use self::server::ServerConfig;
use crate::realtime::RealtimeConfig;

/// What this installation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// A developer's machine: demo data may be seeded, logs are for eyes.
    Development,
    /// Real people's data.
    Production,
}

/// Everything that `taskmed serve` needs.
#[derive(Clone)]
pub struct Config {
    /// What this installation is for.
    pub environment: Environment,
    /// The server.
    pub server: ServerConfig,
    /// The database as the server's role.
    pub database: DatabaseConfig,
    /// The size of each worker's pool.
    pub pool: PoolConfig,
    /// The database as the worker's role.
    pub worker_database: DatabaseConfig,
    /// Redis; one node does without. Connects when it is first used.
    pub redis: Option<Redis>,
    /// Where the clinics' files are kept.
    pub files: FilesConfig,
    /// Keys, tokens and passwords.
    pub auth: AuthConfig,
    /// What cursors are signed with; derived from the master key.
    pub cursor_secret: SecretString,
    /// The cache's bounds.
    pub cache: CacheConfig,
    /// How long a webhook may take.
    pub webhooks: WebhookSettings,
    /// Where addresses named by users may lead, and whose certificates are believed there.
    pub outward: OutwardRules,
    /// Where WhatsApp is.
    pub whatsapp: WhatsappApi,
    /// What live connections may cost.
    pub realtime: RealtimeConfig,
    /// How mails about accounts travel; without it, people hand on links themselves.
    pub mail: Option<MailConfig>,
}

/// The settings of logs, which are needed before all others.
///
/// # Errors
/// [`ConfigError`] with every fault.
pub fn telemetry() -> Result<TelemetryConfig, ConfigError> {
    let mut reader = Reader::new();
    let development = environment(&mut reader) == Environment::Development;
    let format = reader.or(
        "log_format",
        if development {
            telemetry::LogFormat::Text
        } else {
            telemetry::LogFormat::Json
        },
    );
    let filter: String = reader.or("log", "info".to_owned());
    match TelemetryConfig::new(format, &filter) {
        Ok(config) => reader.finish(config),
        Err(error) => {
            reader.fault("log", error);
            Err(reader.failed())
        }
    }
}

/// The environment; production when nothing is said, so that nobody is careless by accident.
fn environment(reader: &mut Reader) -> Environment {
    reader.or("environment", Environment::Production)
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn load() -> Result<Self, ConfigError> {
        let mut reader = Reader::new();
        let environment = environment(&mut reader);
        let server = ServerConfig::read(&mut reader, environment);
        let databases = database::read(&mut reader, environment);
        let redis = redis::read(&mut reader);
        let cache = CacheConfig {
            total_bytes: reader.or("cache_megabytes", 32_u64) << 20,
            clinic_bytes: reader.or("cache_clinic_megabytes", 8_u64) << 20,
            ..CacheConfig::default()
        };
        let files = files::read(&mut reader);
        let outward = outward::rules(&mut reader);
        let realtime = realtime::read(&mut reader);
        let whatsapp = outward::whatsapp(&mut reader);
        let mail = mail::read(&mut reader, &outward.roots);
        let cursor_secret = keys::cursor_secret(&mut reader);
        let webhooks = outward::webhooks(&mut reader);
        match (keys::read(&mut reader), whatsapp) {
            (Some(auth), Some(whatsapp)) => reader.finish(Self {
                environment,
                server,
                database: databases.requests,
                pool: databases.pool,
                worker_database: databases.worker,
                redis,
                files,
                auth,
                cursor_secret,
                cache,
                webhooks,
                outward,
                whatsapp,
                realtime,
                mail,
            }),
            _ => Err(reader.failed()),
        }
    }
}
