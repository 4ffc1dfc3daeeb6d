//! The worker's own connection to the database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use db::{DatabaseConfig, DbError};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::timeout;

/// The worker's statements go by the index, also before the database has counted the rows of a table that fills within seconds.
const BY_INDEX: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// How much longer than the server's own limit of a statement its answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// One connection as the worker's role, over which many statements may travel at a time: made when there is none, and forgotten
/// when it is lost.
pub(crate) struct Connection {
    database: DatabaseConfig,
    open: Mutex<Option<Arc<AsyncPgConnection>>>,
}

impl Connection {
    /// Not open yet.
    pub(crate) const fn to(database: DatabaseConfig) -> Self {
        Self {
            database,
            open: Mutex::new(None),
        }
    }

    /// Works on the connection.
    pub(crate) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let connection = self.get().await?;
        // The server ends a statement in its time; a server that is gone ends nothing, and the queue must not stand for it.
        let patience = self.database.statement_timeout + PATIENCE;
        let result = timeout(patience, work(&connection)).await.unwrap_or_else(|_elapsed| {
            Err(DbError::Unavailable {
                reason: "the database does not answer on this connection".to_owned(),
            })
        });
        if matches!(result, Err(DbError::Unavailable { .. })) {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            // Another statement may have made a new one already.
            if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, &connection)) {
                *open = None;
            }
        }
        result
    }

    /// Closes it, until it is used again.
    pub(crate) fn close(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn get(&self) -> Result<Arc<AsyncPgConnection>, DbError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = open {
            return Ok(connection);
        }
        let connection = db::connect(&self.database)
            .await
            .map_err(|error| DbError::Unavailable {
                reason: error.to_string(),
            })?;
        (&connection).batch_execute(BY_INDEX).await?;
        let connection = Arc::new(connection);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&connection));
        Ok(connection)
    }
}
