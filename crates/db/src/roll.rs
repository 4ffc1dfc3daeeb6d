//! Who is connected: the processes that may commit at this moment.

use std::collections::HashSet;

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::DbError;

/// What stands before a process's id in the name of its connections.
const PREFIX: &str = "taskmed ";

/// The name of the connections of `process`, as the database's administrators see it.
pub(crate) fn connection_name(process: Uuid) -> String {
    format!("{PREFIX}{process}")
}

/// The name of a connection.
#[derive(diesel::QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The processes that hold connections to this database as the same role. Whoever commits holds one, whether or not it can reach
/// anything else; when it is killed, the server sees it go.
///
/// # Errors
/// [`DbError`].
pub async fn processes_connected(connection: &AsyncPgConnection) -> Result<HashSet<Uuid>, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a view of the server itself, without rows of anybody's; asked about once a second"
    )]
    let statement = diesel::sql_query(
        "SELECT DISTINCT application_name AS name FROM pg_stat_activity
         WHERE datname = current_database() AND usename = current_user AND application_name LIKE $1 || '%'",
    );
    let named: Vec<Named> = statement.bind::<Text, _>(PREFIX).load(&mut &*connection).await?;
    let ids = named
        .iter()
        .filter_map(|Named { name }| name.strip_prefix(PREFIX)?.parse().ok());
    Ok(ids.collect())
}
