//! A connection that speaks SQL and COPY, past everything that makes rows.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::SinkExt;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Client, CopyInSink, NoTls, Transaction};

use crate::copy::CopyRows;

/// How many bytes go to the database at once.
const CHUNK: usize = 256 * 1024;

/// Connects to the database at `url`.
pub(crate) async fn connect(url: &SecretString) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls).await?;
    // Its end is seen by whoever uses the client.
    tokio::spawn(async move { connection.await.ok() });
    Ok(client)
}

/// The server's own words, which the error itself does not print.
pub(crate) fn told(error: &tokio_postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// The rows of one table on their way into it.
pub(crate) struct CopyIn {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    /// Rows that were not sent yet.
    pub(crate) rows: CopyRows,
}

impl CopyIn {
    /// Begins to write `columns` of `table`.
    pub(crate) async fn begin(
        transaction: &Transaction<'_>,
        table: &str,
        columns: &str,
    ) -> Result<Self, tokio_postgres::Error> {
        let statement = format!("COPY {table} ({columns}) FROM STDIN");
        Ok(Self {
            sink: Box::pin(transaction.copy_in(&statement).await?),
            rows: CopyRows::new(),
        })
    }

    /// Sends the rows there are, when they are many.
    pub(crate) async fn pass_on(&mut self) -> Result<(), tokio_postgres::Error> {
        if self.rows.len() >= CHUNK {
            self.sink.send(self.rows.take()).await?;
        }
        Ok(())
    }

    /// Sends what is left; says how many rows were written.
    pub(crate) async fn finish(mut self) -> Result<u64, tokio_postgres::Error> {
        self.sink.send(self.rows.take()).await?;
        self.sink.as_mut().finish().await
    }
}
