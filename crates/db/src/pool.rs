//! The pool of one worker, and the units of work done on its connections.

use std::sync::Arc;

use bb8::{ManageConnection, Pool, PooledConnection, RunError};
use kernel::{Caller, ClinicId, Clock};
use tracing::Instrument as _;

use crate::accounting;
use crate::config::{DatabaseConfig, PoolConfig};
use crate::connection::{ConnectError, TenantConnection};
use crate::error::{DbError, TxError};
use crate::listener::{Commit, CommitListener};
use crate::pipeline::ahead_of;
use crate::tenant::{TenantRead, TenantTx, Told};

/// How often a write is run again after losing against another transaction.
const MOST_ATTEMPTS: u32 = 5;

/// Makes and judges connections for the pool.
#[derive(Debug)]
pub(crate) struct Manager {
    config: DatabaseConfig,
}

impl ManageConnection for Manager {
    type Connection = TenantConnection;
    type Error = ConnectError;

    async fn connect(&self) -> Result<Self::Connection, Self::Error> {
        TenantConnection::open(&self.config).await
    }

    /// Whether the connection is still open, as far as is known here: the database is not asked, which would cost a round trip.
    async fn is_valid(&self, connection: &mut Self::Connection) -> Result<(), Self::Error> {
        if self.has_broken(connection) {
            Err(ConnectError::Closed)
        } else {
            Ok(())
        }
    }

    fn has_broken(&self, connection: &mut Self::Connection) -> bool {
        use diesel_async::pooled_connection::PoolableConnection;
        connection.under_way || connection.inner.is_broken()
    }
}

/// Tells the log why connections cannot be made; the callers are told by time-out.
#[derive(Debug, Clone, Copy)]
struct LogConnectErrors;

impl bb8::ErrorSink<ConnectError> for LogConnectErrors {
    fn sink(&self, error: ConnectError) {
        tracing::error!(%error, "a database connection could not be had");
    }

    fn boxed_clone(&self) -> Box<dyn bb8::ErrorSink<ConnectError>> {
        Box::new(*self)
    }
}

/// The database as one worker sees it. Cheap to clone; connections belong to the runtime of the thread that made them, so each
/// worker thread makes its own.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Manager>,
    clock: Arc<dyn Clock>,
    listeners: Arc<[Arc<dyn CommitListener>]>,
    /// The kind of the job that tells what is stale, where the listeners of this process reach nobody.
    told_by: Option<&'static str>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Db")
            .field("state", &self.pool.state())
            .finish_non_exhaustive()
    }
}

impl Db {
    /// A pool that connects when it is first used. `listeners` hear of each commit.
    #[must_use]
    pub fn new(
        config: DatabaseConfig,
        pool: PoolConfig,
        clock: Arc<dyn Clock>,
        listeners: Arc<[Arc<dyn CommitListener>]>,
    ) -> Self {
        let pool = Pool::builder()
            .max_size(pool.max_connections)
            .min_idle(Some(0))
            .test_on_check_out(true)
            .connection_timeout(pool.wait)
            .idle_timeout(Some(std::time::Duration::from_secs(600)))
            .error_sink(Box::new(LogConnectErrors))
            .build_unchecked(Manager { config });
        Self {
            pool,
            clock,
            listeners,
            told_by: None,
        }
    }

    /// The same, for a process whose listeners reach nobody, such as a command: every unit of work that makes something stale also
    /// queues a job of `kind`, in its own transaction, that says what. Its payload is [`crate::StaleJob`]; the server that takes it makes
    /// the tags stale where answers are kept.
    #[must_use]
    pub const fn telling_by_queue(mut self, kind: &'static str) -> Self {
        self.told_by = Some(kind);
        self
    }

    /// Where this database's units of work take the time from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Whether the database answers, for readiness.
    ///
    /// # Errors
    /// [`DbError`] when it does not.
    pub async fn ping(&self) -> Result<(), DbError> {
        let mut connection = self.checkout().await?;
        connection.under_way = true;
        connection.send("SELECT 1").await?;
        connection.under_way = false;
        Ok(())
    }

    /// Reads for `caller` by one statement, or by few that need no common snapshot.
    ///
    /// No transaction: the clinic is set for the session by a message that travels with the first statement, or not at all when
    /// the connection serves that clinic already.
    ///
    /// # Errors
    /// What `work` ends with, or the database's failure.
    pub async fn read<T, E: TxError>(
        &self,
        caller: &impl Caller,
        work: impl AsyncFnOnce(&TenantRead<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let clinic = caller.clinic();
        let mut connection = self.checkout().await?;
        let serves_clinic = connection.clinic == Some(clinic);
        connection.under_way = true;
        connection.clinic = None;
        let read = TenantRead::new(&connection.inner, caller, self.clock.now());
        let result = if serves_clinic {
            work(&read).await
        } else {
            let clinic_text = clinic.to_string();
            ahead_of(connection.set_session_clinic(&clinic_text), work(&read))
                .await
                .map_err(DbError::from)?
        };
        connection.clinic = Some(clinic);
        connection.under_way = false;
        result
    }

    /// Reads for `caller` by several statements that see one snapshot of the data.
    ///
    /// # Errors
    /// What `work` ends with, or the database's failure.
    pub async fn read_snapshot<T, E: TxError>(
        &self,
        caller: &impl Caller,
        work: impl AsyncFnOnce(&TenantRead<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.checkout().await?;
        connection.under_way = true;
        let read = TenantRead::new(&connection.inner, caller, self.clock.now());
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT set_config('app.clinic_id', '{}', true)",
            caller.clinic()
        );
        let result = ahead_of(connection.send(&begin), work(&read))
            .await
            .map_err(DbError::from)?;
        connection.send("COMMIT").await.map_err(DbError::from)?;
        connection.under_way = false;
        result
    }

    /// Writes for `caller` in one transaction: what `work` does, its audit rows and its events are all there or none of it.
    ///
    /// `work` is run again after a deadlock or a serialization failure, so it must be repeatable. After the commit, and before
    /// this returns, the listeners hear which tags are stale.
    ///
    /// # Errors
    /// What `work` ends with, or the database's failure.
    pub async fn write<T, E: TxError>(
        &self,
        caller: &impl Caller,
        work: impl AsyncFn(&mut TenantTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut attempt = 1;
        loop {
            let result = self.write_once(caller, &work).await;
            match &result {
                Err(error) if attempt < MOST_ATTEMPTS && error.db_error().is_some_and(DbError::is_transient) => {
                    attempt += 1;
                }
                _ => return result,
            }
        }
    }

    async fn write_once<T, E: TxError>(
        &self,
        caller: &impl Caller,
        work: &impl AsyncFn(&mut TenantTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let clinic = caller.clinic();
        let mut connection = self.pool.get_owned().await.map_err(unavailable)?;
        connection.under_way = true;
        let begin = format!("BEGIN; SELECT set_config('app.clinic_id', '{clinic}', true)");
        let (result, told) = {
            let mut tx = TenantTx::new(TenantRead::new(&connection.inner, caller, self.clock.now()));
            let whole_work = async {
                let result = work(&mut tx).await?;
                if let Some(kind) = self.told_by {
                    tx.tell_by_queue(kind);
                }
                tx.write_riders().await?;
                Ok(result)
            };
            let result: Result<T, E> = ahead_of(connection.send(&begin), whole_work)
                .await
                .map_err(DbError::from)?;
            (result, tx.into_told())
        };
        match result {
            Ok(value) => {
                accounting::count();
                let finish = commit(connection, Arc::clone(&self.listeners), clinic, told);
                match tokio::spawn(finish.in_current_span()).await {
                    Ok(committed) => committed.map(|()| value).map_err(E::from),
                    Err(ended) => match ended.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_stopping) => Err(E::from(DbError::Unavailable {
                            reason: "the server stopped during a commit".to_owned(),
                        })),
                    },
                }
            }
            Err(error) => {
                connection.send("ROLLBACK").await.map_err(DbError::from)?;
                connection.under_way = false;
                Err(error)
            }
        }
    }

    /// A free connection, after a wait that is bounded.
    pub(crate) async fn checkout(&self) -> Result<PooledConnection<'_, Manager>, DbError> {
        self.pool.get().await.map_err(unavailable)
    }
}

/// Commits, and tells the listeners. A task of its own: once the commit is on its way it may take effect whether or not
/// somebody still waits for it, and what it made stale must be told.
async fn commit(
    mut connection: PooledConnection<'static, Manager>,
    listeners: Arc<[Arc<dyn CommitListener>]>,
    clinic: ClinicId,
    told: Told,
) -> Result<(), DbError> {
    // In a transaction in which a statement has failed, COMMIT would roll back and say nothing; SELECT fails, and says so.
    let committed = connection.send("SELECT; COMMIT").await.map_err(commit_failure);
    connection.under_way = committed.is_err();
    drop(connection);
    let Told { tags, events, enqueued } = told;
    let anything = enqueued || !tags.is_empty();
    if matches!(committed, Ok(()) | Err(DbError::CommitUnknown(_))) && anything {
        // An event whose commit may not have happened is not told: who missed it reads it from the outbox.
        let events = if committed.is_ok() { events.as_slice() } else { &[] };
        let commit = Commit {
            clinic,
            tags: &tags,
            events,
            enqueued,
        };
        for listener in listeners.iter() {
            listener.committed(commit).await;
        }
    }
    committed
}

fn unavailable(error: RunError<ConnectError>) -> DbError {
    DbError::Unavailable {
        reason: match error {
            RunError::User(error) => error.to_string(),
            RunError::TimedOut => "all connections were busy, or none could be made, for too long".to_owned(),
        },
    }
}

/// A commit that failed for a reason the server gave did not happen; one whose answer never came may have.
fn commit_failure(error: diesel::result::Error) -> DbError {
    use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    match error {
        diesel::result::Error::DatabaseError(UnableToSendCommand | ClosedConnection, _) => {
            DbError::CommitUnknown(error)
        }
        refused => DbError::from(refused),
    }
}
