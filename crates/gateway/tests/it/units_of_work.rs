//! Units of work of `db` under every accident: given up at any point, panics, killed connections, lost races.
//!
//! Two clinics take turns on one connection, so that whatever one leaves behind the other meets.

mod accidents;
mod commits;
mod given_up;
mod order;

use std::sync::Arc;

use db::schema::rooms;
use db::{Commit, CommitListener, Db, DbError, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::BoxFuture;
use kernel::{ClinicId, Clock, ManualClock, RoomId, System, Tag};
use test_support::{Role, TestDatabase, world};
use tokio::sync::Mutex;
use tokio_postgres::Client;

diesel::define_sql_function! {
    /// The server process behind the session.
    fn pg_backend_pid() -> diesel::sql_types::Integer;
}

/// The two clinics, as callers.
fn clinics() -> [System; 2] {
    ["aurora", "horizonte"].map(|clinic| System::acting_for(world::clinic(clinic), "test"))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(world::now()))
}

/// A database, and the way to it over one connection.
async fn one_connection() -> Option<(TestDatabase, Db)> {
    let database = TestDatabase::create().await?;
    let db = database.db(clock(), 1);
    Some((database, db))
}

/// Whose rooms are seen when nothing but the security of rows chooses.
async fn owners_of_rooms(tx: &TenantRead<'_>) -> Result<Vec<ClinicId>, DbError> {
    Ok(rooms::table
        .select(rooms::clinic_id)
        .distinct()
        .load(&mut tx.conn())
        .await?)
}

/// Asserts that each clinic reads its own rows alone, by every kind of unit of work.
async fn assert_walls_stand(db: &Db) {
    for caller in clinics() {
        let own = vec![kernel::Caller::clinic(&caller)];
        assert_eq!(db.read(&caller, owners_of_rooms).await.unwrap(), own);
        assert_eq!(db.read_snapshot(&caller, owners_of_rooms).await.unwrap(), own);
        let seen = db
            .write(&caller, async |tx: &mut TenantTx<'_>| owners_of_rooms(tx).await)
            .await
            .unwrap();
        assert_eq!(seen, own);
    }
}

/// Adds a room; whoever looks for it looks for its name.
async fn add_room(tx: &TenantTx<'_>, name: &str) -> Result<RoomId, DbError> {
    let id = RoomId::new_at(tx.now());
    diesel::insert_into(rooms::table)
        .values((rooms::clinic_id.eq(tx.clinic()), rooms::id.eq(id), rooms::name.eq(name)))
        .execute(&mut tx.conn())
        .await?;
    Ok(id)
}

/// How many rooms of that name there are, whoever's.
async fn rooms_named(maintenance: &Client, name: &str) -> i64 {
    maintenance
        .query_one("SELECT count(*) FROM rooms WHERE name = $1", &[&name])
        .await
        .unwrap()
        .get(0)
}

/// Hears of commits, and looks at each whether what was written is there for others to see.
struct Witness {
    maintenance: Client,
    heard: Mutex<Vec<(ClinicId, Vec<Tag>, i64)>>,
}

impl Witness {
    async fn of(database: &TestDatabase) -> Arc<Self> {
        Arc::new(Self {
            maintenance: database.connect(Role::Maintenance).await,
            heard: Mutex::default(),
        })
    }
}

impl CommitListener for Witness {
    fn committed<'a>(&'a self, commit: Commit<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let seen = rooms_named(&self.maintenance, "Sala nova").await;
            self.heard
                .lock()
                .await
                .push((commit.clinic, commit.tags.to_vec(), seen));
        })
    }
}
