//! What the whole process shares, and what each worker makes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::Data;
use auth::passwords::Passwords;
use auth::{AccessTokens, Authenticator, ClinicKeys, Verdicts};
use bus::Bus;
use cache::Cache;
use clinics::Accounts;
use conversations::channels::Channels;
use db::{Commit, CommitListener, DatabaseConfig, Db, PoolConfig, ReadAudit};
use files::{Files, FilesError};
use futures_util::future::BoxFuture;
use integrations::{Catalogue, Integrations};
use jobs::Wake;
use kernel::Clock;
use kernel::cursor::{CursorKey, WeakCursorKey};
use rest::middleware::GuardConfig;
use rest::{Limits, Rest};
use secrecy::ExposeSecret;

use crate::config::Config;
use crate::post::PostOffice;
use crate::realtime::{Announce, Live, Remote};
use crate::{channels, events};

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The cursor key is too weak.
    #[error(transparent)]
    CursorKey(#[from] WeakCursorKey),
    /// The files cannot be kept there.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Passwords cannot be hashed with these settings.
    #[error(transparent)]
    Passwords(#[from] auth::passwords::PasswordError),
    /// Mails cannot be sent with these settings.
    #[error("no mail can be sent: {0}")]
    Mail(#[from] mail::SendError),
}

/// What the whole process shares: keys, caches, buffers, counters. Cheap to clone.
#[derive(Clone)]
pub struct Shared(Arc<Parts>);

struct Parts {
    config: Config,
    clock: Arc<dyn Clock>,
    tokens: Arc<AccessTokens>,
    accounts: Accounts,
    verdicts: Verdicts,
    clinic_keys: ClinicKeys,
    cache: Cache,
    bus: Bus,
    live: Live,
    listeners: Arc<[Arc<dyn CommitListener>]>,
    channels: Channels,
    wake: Wake,
    read_audit: Arc<ReadAudit>,
    limits: Arc<Limits>,
    cursor_key: CursorKey,
    files: Files,
    post: Option<Arc<PostOffice>>,
    ready: AtomicBool,
}

/// Makes stale in the cache what a commit has changed.
struct BumpCache(Cache);

impl CommitListener for BumpCache {
    fn committed<'a>(&'a self, commit: Commit<'a>) -> BoxFuture<'a, ()> {
        Box::pin(self.0.bump(commit.clinic, commit.tags))
    }
}

impl Shared {
    /// Puts together what `config` describes.
    ///
    /// # Errors
    /// [`AssemblyError`].
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, AssemblyError> {
        let channels = channels::of_settings(&config, &Files::open(&config.files)?);
        Self::with_channels(config, clock, channels)
    }

    /// As [`Self::new`], with other channels than the settings name.
    ///
    /// # Errors
    /// [`AssemblyError`].
    pub fn with_channels(config: Config, clock: Arc<dyn Clock>, channels: Channels) -> Result<Self, AssemblyError> {
        let bus = config.redis.as_ref().map_or_else(Bus::alone, |redis| {
            Bus::through_redis(redis.client.clone(), config.database.process)
        });
        let cache = Cache::linked(config.cache, Arc::clone(&clock), bus.link().clone());
        let live = Live::new(config.realtime.clone(), bus.clone());
        let verdicts = Verdicts::new();
        let tokens = Arc::new(AccessTokens::new(
            Arc::clone(&config.auth.signing_keys),
            config.auth.tokens.clone(),
            Arc::clone(&clock),
        ));
        let accounts = Accounts::new(
            Arc::clone(&tokens),
            Passwords::new(&config.auth.password_cost)?,
            Arc::clone(&config.auth.master_keys),
            config.auth.tokens.session_lifetime,
        )
        .with_mail(config.mail.is_some());
        let post = config.mail.as_ref().map(PostOffice::open).transpose()?;
        let wake = Wake::new();
        // What is remembered here goes before anybody is told.
        let listeners: [Arc<dyn CommitListener>; 5] = [
            Arc::new(BumpCache(cache.clone())),
            Arc::new(verdicts.clone()),
            Arc::new(Announce::new(bus.clone(), live.clone())),
            Arc::new(live.clone()),
            Arc::new(wake.clone()),
        ];
        Ok(Self(Arc::new(Parts {
            clinic_keys: ClinicKeys::new(Arc::clone(&config.auth.master_keys)),
            read_audit: Arc::new(ReadAudit::new(config.server.read_audit_buffer)),
            limits: Arc::new(Limits::new(config.server.limits)),
            cursor_key: CursorKey::new(config.cursor_secret.expose_secret().as_bytes())?,
            files: Files::open(&config.files)?,
            post: post.map(Arc::new),
            ready: AtomicBool::new(true),
            config,
            clock,
            tokens,
            accounts,
            verdicts,
            cache,
            bus,
            live,
            listeners: Arc::from(listeners),
            channels,
            wake,
        })))
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Redis, where one is set.
    #[must_use]
    pub fn redis(&self) -> Option<&deadpool_redis::Pool> {
        self.0.config.redis.as_ref().map(|redis| &redis.pool)
    }

    /// What the processes tell one another.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// Live connections.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// What hears the news of other processes.
    pub(crate) fn bus_listeners(&self) -> Arc<[Arc<dyn bus::Listener>]> {
        let remote = Remote::new(self.0.cache.clone(), self.0.verdicts.clone(), self.0.live.clone());
        let listeners: [Arc<dyn bus::Listener>; 1] = [Arc::new(remote)];
        Arc::from(listeners)
    }

    /// The clinics' files.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.0.files
    }

    /// What sends mails about accounts, where that is set.
    #[must_use]
    pub fn post(&self) -> Option<&Arc<PostOffice>> {
        self.0.post.as_ref()
    }

    /// Where the time comes from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The keys, clocks and memories of sign-in.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// The clinics' data keys.
    #[must_use]
    pub fn clinic_keys(&self) -> &ClinicKeys {
        &self.0.clinic_keys
    }

    /// What carries messages to people.
    #[must_use]
    pub fn channels(&self) -> &Channels {
        &self.0.channels
    }

    /// Reads on their way into the audit log.
    #[must_use]
    pub fn read_audit(&self) -> &Arc<ReadAudit> {
        &self.0.read_audit
    }

    /// What tells the outbox's worker that there may be something to do.
    #[must_use]
    pub fn wake(&self) -> &Wake {
        &self.0.wake
    }

    /// The counters of calls.
    #[must_use]
    pub fn limits(&self) -> &Arc<Limits> {
        &self.0.limits
    }

    /// A database whose connections belong to the runtime of the thread that uses it; commits on it are heard by all.
    #[must_use]
    pub fn database(&self, config: DatabaseConfig, pool: PoolConfig) -> Db {
        Db::new(config, pool, Arc::clone(&self.0.clock), Arc::clone(&self.0.listeners))
    }

    /// The server's own role, with the pool of a worker.
    #[must_use]
    pub fn worker_db(&self) -> Db {
        self.database(self.0.config.database.clone(), self.0.config.pool)
    }

    /// Whether the server takes requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::SeqCst)
    }

    /// Says that the server is going: balancers should send no more.
    pub fn leave(&self) {
        self.0.ready.store(false, Ordering::SeqCst);
    }
}

/// What one worker's endpoints take from the application.
pub struct Worker {
    pub(crate) shared: Data<Shared>,
    pub(crate) rest: Data<Rest>,
    pub(crate) guard: Data<GuardConfig>,
    pub(crate) accounts: Data<Accounts>,
    pub(crate) clinic_keys: Data<ClinicKeys>,
    pub(crate) files: Data<Files>,
    pub(crate) integrations: Data<Integrations>,
    pub(crate) allowed_networks: Data<fetch::AllowedNetworks>,
    pub(crate) live: Data<Live>,
}

impl Worker {
    /// Made on the worker's own thread, since its pool belongs there.
    #[must_use]
    pub fn new(shared: &Shared) -> Self {
        let parts = &*shared.0;
        let db = shared.worker_db();
        Self {
            rest: Data::new(Rest {
                authenticator: Authenticator::new(db.clone(), Arc::clone(&parts.tokens), parts.verdicts.clone()),
                db,
                cache: parts.cache.clone(),
                read_audit: Arc::clone(&parts.read_audit),
                cursor_key: parts.cursor_key.clone(),
                clinic_keys: parts.clinic_keys.clone(),
                limits: Arc::clone(&parts.limits),
                trusted_proxies: parts.config.server.trusted_proxies.clone(),
                server_timing: parts.config.server.server_timing,
            }),
            guard: Data::new(GuardConfig {
                deadline: parts.config.server.deadline,
                upload: parts.config.server.upload,
            }),
            accounts: Data::new(parts.accounts.clone()),
            clinic_keys: Data::new(parts.clinic_keys.clone()),
            files: Data::new(parts.files.clone()),
            integrations: Data::new(Integrations::new(
                Catalogue::new(events::catalogue()),
                parts.config.outward.networks.clone(),
                parts.clinic_keys.clone(),
            )),
            allowed_networks: Data::new(parts.config.outward.networks.clone()),
            live: Data::new(parts.live.clone()),
            shared: Data::new(shared.clone()),
        }
    }
}
