//! Measures the queue: how many small jobs a worker does in a second, and how long an urgent job waits while bulk work floods it.
//!
//! The worker is the server's, with its usual settings, in this process; nobody else may work on the database meanwhile.

mod flood;
mod throughput;

use std::sync::Arc;
use std::time::Duration;

use db::{CommitListener, DatabaseConfig, Db, DbError, PoolConfig};
use jobs::{Handlers, JobsHandle, Schedules, Setup, Wake, WorkerConfig};
use kernel::{ClinicId, Lane, SystemClock};
use secrecy::SecretString;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::database::{connect, told};

pub use flood::Delays;

/// Where the database is, by role.
#[derive(Debug)]
pub struct Target {
    /// As the server.
    pub server: SecretString,
    /// As the worker.
    pub worker: SecretString,
    /// As a role that row-level security does not bind, to fill the queue and to empty it.
    pub maintenance: SecretString,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Amounts {
    /// Jobs to be done as fast as they can be.
    pub jobs: u32,
    /// Bulk jobs that wait while urgent ones come.
    pub flood: u32,
    /// Urgent jobs.
    pub urgent: u32,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// Jobs a second whose handlers do nothing: what the queue itself costs.
    pub idle_jobs_per_second: f64,
    /// Jobs a second whose handlers write one row in a transaction.
    pub writing_jobs_per_second: f64,
    /// From before the urgent job's transaction begins until its handler does, its commit included.
    pub urgent: Delays,
}

/// Why it could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The database refused.
    #[error("the database refused: {}", told(.0))]
    Database(#[from] tokio_postgres::Error),
    /// A job could not be queued.
    #[error("a job could not be queued: {0}")]
    Queue(#[from] DbError),
    /// The worker could not be started.
    #[error("the worker could not be started: {0}")]
    Start(#[from] std::io::Error),
    /// There is no clinic.
    #[error("there is no clinic to work in: load some first")]
    NoClinic,
    /// A worker ended, or took longer than it ever may.
    #[error("the jobs were not done")]
    NotDone,
}

/// What the measurements stand on.
struct Stage {
    target: Target,
    maintenance: Client,
    clinic: ClinicId,
    db: Db,
    wake: Wake,
}

/// How long a measurement may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures. Rows that it leaves in the queue are removed.
///
/// # Errors
/// [`JobsError`].
pub async fn measure(target: Target, amounts: Amounts) -> Result<Measured, JobsError> {
    let maintenance = connect(&target.maintenance).await?;
    let row = maintenance
        .query_opt(
            "SELECT id FROM clinics WHERE status = 'active' ORDER BY slug LIMIT 1",
            &[],
        )
        .await?
        .ok_or(JobsError::NoClinic)?;
    let wake = Wake::new();
    let listener: Arc<dyn CommitListener> = Arc::new(wake.clone());
    let server = DatabaseConfig::for_requests(target.server.clone());
    let stage = Stage {
        clinic: ClinicId::from_uuid(row.try_get::<_, Uuid>(0)?),
        db: Db::new(
            server,
            PoolConfig::default(),
            Arc::new(SystemClock),
            Arc::new([listener]),
        ),
        target,
        maintenance,
        wake,
    };
    stage.empty().await?;
    let measured = Measured {
        idle_jobs_per_second: throughput::measure(&stage, amounts.jobs, throughput::Work::None).await?,
        writing_jobs_per_second: throughput::measure(&stage, amounts.jobs, throughput::Work::Write).await?,
        urgent: flood::measure(&stage, amounts.flood, amounts.urgent).await?,
    };
    stage.empty().await?;
    Ok(measured)
}

impl Stage {
    /// Puts `count` jobs that are due into the queue, past everything that makes jobs.
    async fn fill(&self, kind: &str, lane: Lane, count: u32) -> Result<(), JobsError> {
        self.maintenance
            .execute(
                "INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
                 SELECT $1::uuid, gen_random_uuid(), 'job', $2::smallint, $3::text, '{}', now() FROM generate_series(1, $4::integer)",
                &[
                    self.clinic.as_uuid(),
                    &lane.number(),
                    &kind,
                    &i32::try_from(count).unwrap_or(i32::MAX),
                ],
            )
            .await?;
        Ok(())
    }

    /// Removes what is left of earlier measurements.
    async fn empty(&self) -> Result<(), JobsError> {
        self.maintenance
            .batch_execute("DELETE FROM outbox WHERE kind LIKE 'load.%'")
            .await?;
        Ok(())
    }

    /// Starts the worker as the server starts it.
    fn start(&self, handlers: Handlers) -> Result<JobsHandle, JobsError> {
        let config = WorkerConfig {
            grace: Duration::ZERO,
            ..WorkerConfig::default()
        };
        let setup = Setup {
            config,
            database: DatabaseConfig::for_requests(self.target.worker.clone()),
            clock: Arc::new(SystemClock),
            handlers,
            schedules: Schedules::new(),
            wake: self.wake.clone(),
        };
        let server = DatabaseConfig::for_requests(self.target.server.clone());
        let handle = jobs::spawn(setup, move |lane| {
            let pool = PoolConfig {
                max_connections: u32::from(config.places.of(lane)),
                wait: Duration::from_secs(10),
            };
            Db::new(server.clone(), pool, Arc::new(SystemClock), Arc::new([]))
        })?;
        Ok(handle)
    }
}
