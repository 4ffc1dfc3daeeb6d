//! Serves until it is told to stop, then stops in order: not ready, drained, jobs handed back, audit written, pools closed.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::rt;
use files::CheckError;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::shared::{AssemblyError, Shared, Worker};
use crate::{app, documents, realtime, roll, workflows};

/// Why the server could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The parts could not be put together.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The document could not be written.
    #[error("the API document could not be written: {0}")]
    Document(#[from] serde_json::Error),
    /// Files cannot be kept.
    #[error(transparent)]
    Files(#[from] CheckError),
    /// The address is not to be had.
    #[error("cannot listen on {address}: {cause}; stop what listens there, or set {setting} to another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The jobs' thread could not be started.
    #[error("the jobs could not be started: {0}")]
    Jobs(String),
    /// The threads of live connections could not be started.
    #[error("live connections could not be started: {0}")]
    Live(std::io::Error),
    /// The database cannot be served from.
    #[error("{0}")]
    Database(String),
    /// The server ended by a failure of the system.
    #[error("the server ended: {0}")]
    Io(#[from] std::io::Error),
}

/// How often housekeeping looks around.
const TICK: Duration = Duration::from_secs(1);

/// How often quotas are counted together with other gateways, and how long that rests after it has failed.
const EXCHANGE: Duration = Duration::from_millis(100);
const EXCHANGE_REST: Duration = Duration::from_secs(1);

/// A server that runs.
pub struct Running {
    /// Where the API is served.
    pub address: SocketAddr,
    /// Where health is served as well.
    pub admin_address: SocketAddr,
    shared: Shared,
    server: ServerHandle,
    admin: ServerHandle,
    jobs: jobs::JobsHandle,
    bus: bus::BusHandle,
    keeper: realtime::KeeperHandle,
    housekeeping: rt::task::JoinHandle<()>,
    exchange: rt::task::JoinHandle<()>,
    roll: rt::task::JoinHandle<()>,
    leave_house: oneshot::Sender<()>,
}

/// Binds, starts everything, and gives the server that runs. To be called on an actix runtime.
///
/// # Errors
/// [`ServeError`].
pub async fn start(shared: Shared) -> Result<Running, ServeError> {
    let catalogue = documents::Catalogue::new()?;
    check_files(&shared).await?;
    let config = shared.config().server.clone();
    let listener = bind(config.listen, "TASKMED_LISTEN")?;
    let admin_listener = bind(config.admin_listen, "TASKMED_ADMIN_LISTEN")?;
    let (address, admin_address) = (listener.local_addr()?, admin_listener.local_addr()?);

    let for_workers = shared.clone();
    let server = HttpServer::new(move || app::build(Worker::new(&for_workers), catalogue.clone()))
        .workers(config.workers)
        .shutdown_timeout(config.shutdown.as_secs())
        .client_request_timeout(Duration::from_secs(10))
        .keep_alive(Duration::from_secs(75))
        .disable_signals()
        .listen(listener)?
        .run();
    let for_admin = shared.clone();
    let admin = HttpServer::new(move || app::build_admin(Worker::new(&for_admin)))
        .workers(1)
        .disable_signals()
        .listen(admin_listener)?
        .run();
    let jobs = workflows::start_jobs(&shared).map_err(|error| ServeError::Jobs(error.to_string()))?;
    let bus = shared.bus().start(shared.bus_listeners()).map_err(ServeError::Live)?;
    let keeper = realtime::start_keeper(&shared).map_err(ServeError::Live)?;
    let (leave_house, left) = oneshot::channel();
    let running = Running {
        address,
        admin_address,
        server: server.handle(),
        admin: admin.handle(),
        jobs,
        bus,
        keeper,
        housekeeping: rt::spawn(keep_house(shared.clone(), left)),
        exchange: rt::spawn(share_limits(shared.clone())),
        roll: rt::spawn(roll::call(shared.bus().clone(), shared.config().database.clone())),
        leave_house,
        shared,
    };
    rt::spawn(server);
    rt::spawn(admin);
    tracing::info!(%address, %admin_address, workers = config.workers, "serving");
    Ok(running)
}

/// Sees that files can be kept, before anybody sends one. A store that cannot be reached may come back, and is told of only.
async fn check_files(shared: &Shared) -> Result<(), CheckError> {
    match shared.files().check(&shared.config().files).await {
        Err(error @ CheckError::Unavailable { .. }) => {
            tracing::warn!(%error, "files cannot be kept or read until this passes");
            Ok(())
        }
        checked => checked,
    }
}

fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ServeError> {
    let listener = TcpListener::bind(address).map_err(|cause| ServeError::Listen {
        address,
        setting,
        cause,
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Running {
    /// Stops in order; requests in flight finish.
    pub async fn stop(self) {
        self.shared.leave();
        let drain = self.shared.config().server.drain;
        tracing::info!(drain_seconds = drain.as_secs(), "stopping: not ready any more");
        tokio::time::sleep(drain).await;
        // They would hold up the stop: nothing else ends them.
        self.shared.live().leave();
        self.server.stop(true).await;
        self.jobs.stop().await;
        self.keeper.stop().await;
        self.bus.stop().await;
        self.exchange.abort();
        self.roll.abort();
        // Not aborted: what it is writing just now would be lost.
        drop(self.leave_house);
        if let Err(error) = self.housekeeping.await {
            tracing::error!(%error, "housekeeping ended badly");
        }
        if let Err(error) = self.shared.read_audit().flush(&self.shared.worker_db()).await {
            tracing::error!(%error, "the last reads could not be written to the audit log");
        }
        self.admin.stop(false).await;
        tracing::info!("stopped");
    }
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(shared: Shared) -> Result<(), ServeError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let running = start(shared).await?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.stop().await;
    Ok(())
}

/// Writes reads to the audit log, takes new signing keys, and forgets idle callers, for as long as the server runs.
async fn keep_house(shared: Shared, mut left: oneshot::Receiver<()>) {
    let db = shared.worker_db();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut tick: u32 = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = &mut left => return,
        }
        tick = tick.wrapping_add(1);
        if let Err(error) = shared.read_audit().flush(&db).await {
            tracing::error!(%error, "reads could not be written to the audit log; they wait on");
        }
        if tick.is_multiple_of(30) {
            if let Err(error) = shared.config().auth.signing_keys.reload() {
                tracing::error!(%error, "the signing keys could not be read anew; the old ones stay");
            }
            shared.limits().forget_the_idle();
        }
    }
}

/// Counts quotas together with other gateways, where there is Redis, for as long as the server runs.
async fn share_limits(shared: Shared) {
    let Some(redis) = shared.redis() else {
        return;
    };
    let mut worked = true;
    loop {
        let exchanged = shared.limits().exchange(redis).await;
        if let Err(error) = &exchanged
            && worked
        {
            tracing::warn!(%error, "quotas are counted by this gateway alone until Redis answers");
        }
        worked = exchanged.is_ok();
        tokio::time::sleep(if worked { EXCHANGE } else { EXCHANGE_REST }).await;
    }
}
