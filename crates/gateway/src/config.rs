//! Every setting of the server: one struct a concern, read from the environment and an optional file, all faults told at once.

mod files;
mod mail;

use std::fmt::Display;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ::files::FilesConfig;
use auth::{AuthConfig, AuthSettings};
use cache::CacheConfig;
use conversations::channels::WhatsappApi;
use db::{DatabaseConfig, PoolConfig};
use deadpool_redis::Runtime;
use deadpool_redis::redis::{Client, RedisError};
use fetch::AllowedNetworks;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use integrations::WebhookSettings;
use integrations::target::{Networks, TargetRules};
use rest::{InvalidNetworks, LimitConfig, Quota, TrustedProxies};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use telemetry::TelemetryConfig;
use whatsapp::InvalidSettings;

pub use self::mail::{InvalidPublicUrl, MailConfig, PublicUrl};
use crate::realtime::RealtimeConfig;

const PREFIX: &str = "TASKMED_";

/// What this installation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// A developer's machine: demo data may be seeded, logs are for eyes.
    Development,
    /// Real people's data.
    Production,
}

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
    /// Where webhooks may go.
    pub webhooks: WebhookSettings,
    /// Networks that are not public and that addresses named by users may lead into all the same.
    pub allowed_networks: AllowedNetworks,
    /// Where WhatsApp is.
    pub whatsapp: WhatsappApi,
    /// What live connections may cost.
    pub realtime: RealtimeConfig,
    /// How mails about accounts travel; without it, people hand on links themselves.
    pub mail: Option<MailConfig>,
}

/// The ways to Redis.
#[derive(Clone)]
pub struct Redis {
    /// Connections for questions.
    pub pool: deadpool_redis::Pool,
    /// What makes connections for listening.
    pub client: Client,
}

impl Redis {
    /// The Redis at `url`, such as `redis://:password@host:port/number`. Does not connect yet.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn at(url: &str) -> Result<Self, InvalidRedisUrl> {
        let client = Client::open(url).map_err(InvalidRedisUrl)?;
        let pool = deadpool_redis::Config::from_url(url)
            .create_pool(Some(Runtime::Tokio1))
            .or(Err(InvalidRedisUrl(RedisError::from((
                deadpool_redis::redis::ErrorKind::InvalidClientConfig,
                "no pool",
            )))))?;
        Ok(Self { pool, client })
    }
}

/// Text that is no URL of Redis.
#[derive(Debug, thiserror::Error)]
#[error("is no Redis URL: write redis://:password@host:port/number")]
pub struct InvalidRedisUrl(#[source] RedisError);

/// Every setting that cannot be used, one a line.
#[derive(Debug, thiserror::Error)]
#[error("these settings cannot be used:\n{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

/// Reads settings one by one and gathers what is wrong with them.
struct Reader {
    figment: Figment,
    faults: Vec<String>,
}

impl Reader {
    /// The environment over the file that `TASKMED_CONFIG_FILE` names, when it names one.
    fn new() -> Self {
        let mut faults = Vec::new();
        let mut figment = Figment::new();
        if let Some(file) = std::env::var_os("TASKMED_CONFIG_FILE").map(PathBuf::from) {
            if file.is_file() {
                figment = figment.merge(Toml::file(file));
            } else {
                faults.push(format!("  TASKMED_CONFIG_FILE: there is no file {}", file.display()));
            }
        }
        // An empty variable is one that was not set: files of settings list them all.
        let env = Env::prefixed(PREFIX).ignore(&["config_file"]).filter(|name| {
            std::env::var(format!("{PREFIX}{}", name.as_str().to_uppercase())).is_ok_and(|value| !value.is_empty())
        });
        Self {
            figment: figment.merge(env),
            faults,
        }
    }

    fn fault(&mut self, setting: &str, problem: impl Display) {
        self.faults
            .push(format!("  {PREFIX}{}: {problem}", setting.to_uppercase()));
    }

    /// The setting, or `None` when it was not set or is at fault.
    fn optional<T: DeserializeOwned>(&mut self, setting: &str) -> Option<T> {
        if self.figment.find_value(setting).is_err() {
            return None;
        }
        match self.figment.extract_inner(setting) {
            Ok(value) => Some(value),
            Err(error) => {
                // figment's message may quote the value, which may be a secret; its kind says enough.
                let kind = match error.kind {
                    figment::error::Kind::InvalidType(_, wanted) => format!("this is not {wanted}"),
                    figment::error::Kind::UnknownVariant(_, known) => format!("known are {}", known.join(", ")),
                    _ => "the value has the wrong form".to_owned(),
                };
                self.fault(setting, kind);
                None
            }
        }
    }

    fn or<T: DeserializeOwned>(&mut self, setting: &str, default: T) -> T {
        self.optional(setting).unwrap_or(default)
    }

    /// A URL or another text that must be there.
    fn required(&mut self, setting: &str, what: &str) -> SecretString {
        match self.optional::<SecretString>(setting) {
            Some(value) => value,
            None => {
                self.fault(setting, format_args!("must be set: {what}"));
                SecretString::default()
            }
        }
    }

    fn seconds(&mut self, setting: &str, default: u64, allowed: RangeInclusive<u64>) -> Duration {
        let seconds = self.or(setting, default);
        if !allowed.contains(&seconds) {
            let (least, most) = allowed.into_inner();
            self.fault(
                setting,
                format_args!("{seconds} seconds are not from {least} to {most}"),
            );
        }
        Duration::from_secs(seconds)
    }

    fn quota(&mut self, name: &str, per_second: u32, burst: u32) -> Quota {
        let mut part = |setting: String, default: u32| {
            NonZeroU32::new(self.or(&setting, default)).unwrap_or_else(|| {
                self.fault(&setting, "must be at least 1");
                NonZeroU32::MIN
            })
        };
        Quota {
            per_second: part(format!("rate_limit_{name}_per_second"), per_second),
            burst: part(format!("rate_limit_{name}_burst"), burst),
        }
    }

    /// `value`, or every fault.
    fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(ConfigError(self.faults))
        }
    }
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
            Err(ConfigError(reader.faults))
        }
    }
}

/// The environment; production when nothing is said, so that nobody is careless by accident.
fn environment(reader: &mut Reader) -> Environment {
    reader.or("environment", Environment::Production)
}

/// The database as the owner of the tables, for migrations.
///
/// # Errors
/// [`ConfigError`] when it is not set.
pub fn owner_database() -> Result<DatabaseConfig, ConfigError> {
    let mut reader = Reader::new();
    let url = reader.required(
        "database_owner_url",
        "the owner's role makes the tables: postgres://taskmed_owner:…@host:port/taskmed",
    );
    reader.finish(DatabaseConfig::for_requests(url))
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
        let database_url = reader.required(
            "database_url",
            "the server's role: postgres://taskmed_app:…@host:port/taskmed",
        );
        let worker_url = reader.required(
            "database_worker_url",
            "the worker's role: postgres://taskmed_worker:…@host:port/taskmed",
        );
        check_password(&mut reader, environment, "database_url", &database_url);
        check_password(&mut reader, environment, "database_worker_url", &worker_url);
        let database = DatabaseConfig {
            statement_timeout: reader.seconds("statement_timeout_seconds", 5, 0..=300),
            ..DatabaseConfig::for_requests(database_url)
        };
        let pool = PoolConfig {
            max_connections: reader.or("database_connections_per_worker", PoolConfig::default().max_connections),
            wait: Duration::from_millis(reader.or("database_wait_milliseconds", 2000)),
        };
        if !(1..=200).contains(&pool.max_connections) {
            reader.fault("database_connections_per_worker", "must be between 1 and 200");
        }
        let redis_url: Option<SecretString> = reader.optional("redis_url");
        let redis = redis_url.and_then(|url| match Redis::at(url.expose_secret()) {
            Ok(redis) => Some(redis),
            Err(error) => {
                reader.fault("redis_url", error);
                None
            }
        });
        let cache = CacheConfig {
            total_bytes: reader.or("cache_megabytes", 32_u64) << 20,
            clinic_bytes: reader.or("cache_clinic_megabytes", 8_u64) << 20,
            ..CacheConfig::default()
        };
        let files = files::read(&mut reader);
        let allowed_networks = allowed_networks(&mut reader);
        let realtime = realtime(&mut reader);
        let whatsapp = whatsapp(&mut reader);
        let mail = mail::read(&mut reader);
        let cursor_secret = cursor_secret(&mut reader);
        let webhooks = webhooks(&mut reader);
        match (load_auth(&mut reader), whatsapp) {
            (Some(auth), Some(whatsapp)) => reader.finish(Self {
                environment,
                server,
                database,
                pool,
                worker_database: DatabaseConfig::for_requests(worker_url),
                redis,
                files,
                auth,
                cursor_secret,
                cache,
                webhooks,
                allowed_networks,
                whatsapp,
                realtime,
                mail,
            }),
            _ => Err(ConfigError(reader.faults)),
        }
    }
}

impl ServerConfig {
    fn read(reader: &mut Reader, environment: Environment) -> Self {
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

/// Where webhooks may go; over HTTPS and to public addresses alone unless something else is said.
fn webhooks(reader: &mut Reader) -> WebhookSettings {
    let networks: Option<String> = reader.optional("webhook_allowed_networks");
    let allowed_networks = networks.map_or_else(Networks::default, |networks| {
        networks.parse().unwrap_or_else(|error| {
            reader.fault("webhook_allowed_networks", error);
            Networks::default()
        })
    });
    WebhookSettings {
        rules: TargetRules {
            allowed_networks,
            allow_http: reader.or("webhook_allow_http", false),
        },
        deadline: reader.seconds("webhook_deadline_seconds", 15, 1..=30),
    }
}

/// Inner networks that addresses named by users may lead into; none unless the operator says so.
fn allowed_networks(reader: &mut Reader) -> AllowedNetworks {
    let networks: Option<String> = reader.optional("allowed_private_networks");
    networks.map_or_else(AllowedNetworks::default, |networks| {
        networks.parse().unwrap_or_else(|error: fetch::InvalidNetworks| {
            reader.fault("allowed_private_networks", error);
            AllowedNetworks::default()
        })
    })
}

/// Where WhatsApp is, and which version of its API is spoken: Meta's own address unless something else is said.
fn whatsapp(reader: &mut Reader) -> Option<WhatsappApi> {
    let url: String = reader.or("whatsapp_url", WhatsappApi::USUAL_URL.to_owned());
    let version: String = reader.or("whatsapp_version", WhatsappApi::USUAL_VERSION.to_owned());
    match WhatsappApi::at(&url, &version) {
        Ok(api) => Some(api),
        Err(error @ InvalidSettings::Version) => {
            reader.fault("whatsapp_version", error);
            None
        }
        Err(error) => {
            reader.fault("whatsapp_url", error);
            None
        }
    }
}

/// What live connections may cost.
fn realtime(reader: &mut Reader) -> RealtimeConfig {
    let defaults = RealtimeConfig::default();
    let ticket = reader.seconds("realtime_ticket_seconds", 30, 5..=300);
    let origins: Option<String> = reader.optional("realtime_origins");
    let origins = origins.unwrap_or_default();
    RealtimeConfig {
        ticket: chrono::TimeDelta::from_std(ticket).unwrap_or(defaults.ticket),
        sockets: reader.or("realtime_sockets", defaults.sockets),
        sockets_per_principal: reader.or("realtime_sockets_per_principal", defaults.sockets_per_principal),
        queue: reader.or("realtime_queue", defaults.queue).clamp(1, 1 << 16),
        heartbeat: reader.seconds("realtime_heartbeat_seconds", defaults.heartbeat.as_secs(), 1..=300),
        origins: origins
            .split(',')
            .map(|origin| origin.trim().to_owned())
            .filter(|origin| !origin.is_empty())
            .collect(),
    }
}

/// Refuses a password that stands in a public file.
fn check_password(reader: &mut Reader, environment: Environment, setting: &str, url: &SecretString) {
    let default = ["taskmed", "postgres", "password", "changeme"]
        .iter()
        .any(|password| url.expose_secret().contains(&format!(":{password}@")));
    if environment == Environment::Production && default {
        reader.fault(
            setting,
            "carries a password that everybody knows; production does not start with it",
        );
    }
}

/// Cursors are signed by a key of their own, made from the master key so that there is one secret less to keep.
fn cursor_secret(reader: &mut Reader) -> SecretString {
    use aws_lc_rs::hmac;
    let master: SecretString = reader.optional("master_key").unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, master.expose_secret().as_bytes());
    let derived = hmac::sign(&key, b"taskmed cursors");
    derived
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

fn load_auth(reader: &mut Reader) -> Option<AuthConfig> {
    let defaults = AuthSettings::default();
    let settings = AuthSettings {
        token_issuer: reader.or("token_issuer", defaults.token_issuer),
        token_audience: reader.or("token_audience", defaults.token_audience),
        access_token_minutes: reader.or("access_token_minutes", defaults.access_token_minutes),
        session_days: reader.or("session_days", defaults.session_days),
        signing_keys_dir: reader.optional("signing_keys_dir"),
        signing_keys_pem: reader.optional("signing_keys_pem"),
        master_key: reader.optional("master_key"),
        password_memory_kib: reader.or("password_memory_kib", defaults.password_memory_kib),
        password_passes: reader.or("password_passes", defaults.password_passes),
        password_lanes: reader.or("password_lanes", defaults.password_lanes),
        password_at_once: reader.or("password_at_once", defaults.password_at_once),
    };
    match settings.load() {
        Ok(config) => Some(config),
        Err(faults) => {
            reader.faults.extend(
                faults
                    .0
                    .iter()
                    .map(|fault| format!("  {}: {}", fault.setting, fault.problem)),
            );
            None
        }
    }
}
