//! A gateway for one test: its own database, clock and address, in this process, gone with the test.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cache::CacheConfig;
use conversations::channels::{Channels, WhatsappApi};
use db::PoolConfig;
use fetch::OutwardRules;
use gateway::config::{Config, Environment, Redis, ServerConfig};
use gateway::realtime::RealtimeConfig;
use gateway::server;
use gateway::shared::Shared;
use integrations::WebhookSettings;
use kernel::{ManualClock, PermissionSet};
use rest::{LimitConfig, Quota};
use test_support::{Actor, Answer, Api, Credentials, Role, TestDatabase, TestRedis, keys, make_api_key, world};
use tokio::sync::oneshot;

/// A gateway with a database of its own, and perhaps neighbours on it, that runs as long as this does.
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
    running: Running,
    /// What carries messages; `None` for what the settings name.
    channels: Option<Channels>,
}

/// Another gateway on the same database, with the same clock and keys.
pub(crate) struct Neighbour {
    /// Where it is called.
    pub api: Api,
    /// Its parts.
    pub shared: Shared,
    credentials: Credentials,
    running: Running,
}

/// The thread that a gateway runs on.
struct Running {
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
            upload: Duration::from_secs(600),
            shutdown: Duration::from_secs(30),
            drain: Duration::ZERO,
            server_timing: true,
            trusted_proxies: rest::TrustedProxies::default(),
            limits: LimitConfig {
                address: plenty(),
                sign_in: plenty(),
                hook: plenty(),
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
        realtime: RealtimeConfig::default(),
        webhooks: WebhookSettings {
            deadline: Duration::from_secs(10),
        },
        // Servers of tests listen on loopback; that nothing is sent there otherwise is tested where these rules are changed.
        outward: OutwardRules {
            networks: "127.0.0.0/8".parse().expect("a network"),
            ..OutwardRules::default()
        },
        // Nobody listens there; tests of WhatsApp name a server of theirs.
        whatsapp: WhatsappApi::at("http://127.0.0.1:9/", WhatsappApi::USUAL_VERSION).expect("an address on loopback"),
        mail: None,
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
        Self::start_by(change, Some(channels)).await
    }

    /// As [`Self::start_with`], with the channels that the settings name.
    pub(crate) async fn start_connected(change: impl FnOnce(&mut Config)) -> Option<Self> {
        Self::start_by(change, None).await
    }

    async fn start_by(change: impl FnOnce(&mut Config), channels: Option<Channels>) -> Option<Self> {
        let database = TestDatabase::create().await?;
        let mut config = config_for(&database);
        change(&mut config);
        let clock = Arc::new(ManualClock::at(world::now()));
        let credentials = Credentials::new(&config.auth, clock.clone());
        let (shared, running, [address, admin]) = launch(config, &clock, channels.clone()).await;
        Some(Self {
            api: Api::at(address),
            clock,
            database,
            shared,
            admin: Api::at(admin),
            credentials,
            running,
            channels,
        })
    }

    /// Stops the gateway and starts another one over the same database, clock and files.
    pub(crate) async fn start_again(&mut self) {
        self.start_again_with(|_config| {}).await;
    }

    /// As [`Self::start_again`], with other settings.
    pub(crate) async fn start_again_with(&mut self, change: impl FnOnce(&mut Config)) {
        self.start_again_by(change, Some(Channels::new())).await;
    }

    /// As [`Self::start_again`], with the channels that the settings name.
    pub(crate) async fn start_again_connected(&mut self) {
        self.start_again_connected_with(|_config| {}).await;
    }

    /// As [`Self::start_again_connected`], with other settings.
    pub(crate) async fn start_again_connected_with(&mut self, change: impl FnOnce(&mut Config)) {
        self.start_again_by(change, None).await;
    }

    async fn start_again_by(&mut self, change: impl FnOnce(&mut Config), channels: Option<Channels>) {
        self.ended();
        let mut config = config_for(&self.database);
        change(&mut config);
        let (shared, running, [address, admin]) = launch(config, &self.clock, channels).await;
        (self.shared, self.running) = (shared, running);
        (self.api, self.admin) = (Api::at(address), Api::at(admin));
    }

    /// How many files of clinics are kept.
    pub(crate) fn kept_files(&self) -> usize {
        fn count(directory: &std::path::Path) -> usize {
            std::fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        count(&files_of(&self.database))
    }

    /// Another gateway on this one's database and channels, with settings of its own.
    pub(crate) async fn neighbour(&self, change: impl FnOnce(&mut Config)) -> Neighbour {
        let mut config = config_for(&self.database);
        change(&mut config);
        let credentials = Credentials::new(&config.auth, self.clock.clone());
        let (shared, running, [address, _admin]) = launch(config, &self.clock, self.channels.clone()).await;
        Neighbour {
            api: Api::at(address),
            shared,
            credentials,
            running,
        }
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
        self.running.begin_stop();
    }

    /// Returns when the gateway is gone.
    pub(crate) fn ended(&mut self) {
        self.running.ended();
    }
}

impl Neighbour {
    /// A member such as `reception@aurora`, signed in now, who calls this gateway.
    pub(crate) fn actor(&self, member: &str) -> Actor {
        self.api.bearer(self.credentials.access_token(member))
    }

    /// Stops the gateway, and returns when it is gone.
    pub(crate) fn stop(mut self) {
        self.running.ended();
    }
}

/// Starts a gateway of `config` on a thread of its own; where it and its health are called.
async fn launch(
    config: Config,
    clock: &Arc<ManualClock>,
    channels: Option<Channels>,
) -> (Shared, Running, [SocketAddr; 2]) {
    let shared = match channels {
        Some(channels) => Shared::with_channels(config, clock.clone(), channels),
        None => Shared::new(config, clock.clone()),
    };
    let shared = shared.expect("the parts fit together");
    let (stop, stopped) = oneshot::channel();
    let (started, addresses) = oneshot::channel();
    let for_server = shared.clone();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let running = server::start(for_server).await.expect("the gateway starts");
            let _test_gone = started.send([running.address, running.admin_address]);
            let _test_gone = stopped.await;
            running.stop().await;
        });
    });
    let running = Running {
        stop: Some(stop),
        thread: Some(thread),
    };
    (shared, running, addresses.await.expect("the gateway starts"))
}

/// The setting of a gateway that uses `redis`.
pub(crate) fn through(redis: &TestRedis) -> Option<Redis> {
    Some(Redis::at(&redis.url()).expect("a URL of Redis"))
}

impl Running {
    fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _already_gone = stop.send(());
        }
    }

    fn ended(&mut self) {
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
        if let Err(error) = std::fs::remove_dir_all(files_of(&self.database))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            eprintln!("the files of a test were left behind: {error}");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ended();
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
