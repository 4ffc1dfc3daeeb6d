//! A gateway for one test: its own database, clock and address, in this process, gone with the test.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cache::CacheConfig;
use conversations::channels::Channels;
use db::PoolConfig;
use gateway::config::{Config, Environment, ServerConfig};
use gateway::server;
use gateway::shared::Shared;
use kernel::{ManualClock, PermissionSet};
use rest::{LimitConfig, Quota};
use test_support::{Actor, Answer, Api, Credentials, Role, TestDatabase, keys, make_api_key, world};
use tokio::sync::oneshot;

/// A gateway that runs as long as this does.
pub(crate) struct TestApp {
    /// Where it is called.
    pub api: Api,
    /// Its time, which stands still until it is moved.
    pub clock: Arc<ManualClock>,
    /// Its database.
    pub database: TestDatabase,
    /// Its parts.
    pub shared: Shared,
    /// Where it answers for its health.
    pub admin: Api,
    credentials: Credentials,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// So much that no test meets it by accident.
fn plenty() -> Quota {
    let plenty = NonZeroU32::new(1_000_000).expect("not zero");
    Quota {
        per_second: plenty,
        burst: plenty,
    }
}

/// The folder of the files of a test, named as its database is.
fn files_of(database: &TestDatabase) -> PathBuf {
    std::env::temp_dir().join(database.name())
}

fn config_for(database: &TestDatabase) -> Config {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        environment: Environment::Development,
        server: ServerConfig {
            listen: anywhere,
            admin_listen: anywhere,
            workers: 1,
            deadline: Duration::from_secs(60),
            shutdown: Duration::from_secs(30),
            drain: Duration::ZERO,
            server_timing: true,
            trusted_proxies: rest::TrustedProxies::default(),
            limits: LimitConfig {
                address: plenty(),
                sign_in: plenty(),
                principal: plenty(),
                clinic: plenty(),
            },
            read_audit_buffer: 10_000,
        },
        database: database.config(Role::App),
        pool: PoolConfig {
            max_connections: 4,
            wait: Duration::from_secs(20),
        },
        worker_database: database.config(Role::Worker),
        redis: None,
        files: files::FilesConfig::Folder(files_of(database)),
        auth: keys::auth_config(),
        cursor_secret: "the cursors of tests are signed with this".into(),
        cache: CacheConfig::default(),
    }
}

impl TestApp {
    /// A gateway over a new database with the world in it; `None` when there are no test services.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(|_config| {}).await
    }

    /// As [`Self::start`], with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Option<Self> {
        Self::start_with_channels(change, Channels::new()).await
    }

    /// As [`Self::start_with`], with these channels.
    pub(crate) async fn start_with_channels(change: impl FnOnce(&mut Config), channels: Channels) -> Option<Self> {
        let database = TestDatabase::create().await?;
        let mut config = config_for(&database);
        change(&mut config);
        let clock = Arc::new(ManualClock::at(world::now()));
        let credentials = Credentials::new(&config.auth, clock.clone());
        let shared = Shared::with_channels(config, clock.clone(), channels).expect("the parts fit together");
        let (stop, stopped) = oneshot::channel();
        let (started, addresses) = oneshot::channel();
        let for_server = shared.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let running = server::start(for_server).await.expect("the gateway starts");
                let _test_gone = started.send((running.address, running.admin_address));
                let _test_gone = stopped.await;
                running.stop().await;
            });
        });
        let (address, admin_address) = addresses.await.expect("the gateway starts");
        Some(Self {
            api: Api::at(address),
            clock,
            database,
            shared,
            admin: Api::at(admin_address),
            credentials,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// A member such as `reception@aurora`, signed in now.
    pub(crate) fn actor(&self, member: &str) -> Actor {
        self.api.bearer(self.credentials.access_token(member))
    }

    /// An integration of a clinic such as `aurora`, which may do exactly `permissions`.
    pub(crate) async fn integration(&self, clinic: &str, permissions: PermissionSet) -> Actor {
        let maintenance = self.database.connect(Role::Maintenance).await;
        self.api
            .bearer(make_api_key(&maintenance, clinic, permissions, kernel::Clock::now(&*self.clock)).await)
    }

    /// GET as a member.
    pub(crate) async fn get(&self, member: &str, path: &str) -> Answer {
        self.actor(member).get(path).await
    }

    /// Asks the gateway to stop, as SIGTERM does, and goes on at once.
    pub(crate) fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _already_gone = stop.send(());
        }
    }
}

impl TestApp {
    /// Returns when the gateway is gone.
    pub(crate) fn ended(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the gateway of a test ended in a panic");
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.ended();
        if let Err(error) = std::fs::remove_dir_all(files_of(&self.database)) {
            eprintln!("the files of a test were left behind: {error}");
        }
    }
}

/// Waits until `seen`, asked again and again, is true; what it waits for happens by itself.
pub(crate) async fn until(what: &str, mut seen: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !seen().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(),
        "in vain: {what}"
    );
}
