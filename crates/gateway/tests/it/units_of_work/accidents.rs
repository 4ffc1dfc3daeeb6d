//! Panics, killed connections, statements that take too long, and pools that are too small.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use diesel::sql_types::Double;
use futures_util::FutureExt;

use super::*;

diesel::define_sql_function! {
    /// Waits so many seconds.
    fn pg_sleep(seconds: Double) -> Text;
}

#[tokio::test]
async fn a_panic_leaves_nothing_behind() {
    let Some((database, db)) = one_connection().await else {
        return;
    };
    let [first, _] = clinics();
    let write = db.write(&first, async |tx: &mut TenantTx<'_>| {
        add_room(tx, "Sala nova").await?;
        if tx.clinic() == world::clinic("aurora") {
            panic!("an accident");
        }
        Ok::<_, DbError>(())
    });
    assert!(AssertUnwindSafe(write).catch_unwind().await.is_err());
    let read = db.read(&first, async |tx: &TenantRead<'_>| {
        owners_of_rooms(tx).await?;
        if tx.clinic() == world::clinic("aurora") {
            panic!("an accident");
        }
        Ok::<_, DbError>(())
    });
    assert!(AssertUnwindSafe(read).catch_unwind().await.is_err());
    assert_walls_stand(&db).await;
    assert_eq!(
        rooms_named(&database.connect(Role::Maintenance).await, "Sala nova").await,
        0
    );
}

#[tokio::test]
async fn a_killed_connection_is_replaced() {
    let Some((database, db)) = one_connection().await else {
        return;
    };
    let killer = database.connect(Role::App).await;
    let kill = async |tx: &TenantRead<'_>| {
        let process: i32 = diesel::select(pg_backend_pid()).get_result(&mut tx.conn()).await?;
        killer
            .query("SELECT pg_terminate_backend($1, 5000)", &[&process])
            .await
            .unwrap();
        Ok::<_, DbError>(())
    };
    let [first, _] = clinics();
    let in_a_write = db
        .write(&first, async |tx: &mut TenantTx<'_>| {
            add_room(tx, "Sala nova").await?;
            kill(tx).await?;
            add_room(tx, "Sala nova 2").await
        })
        .await;
    assert!(matches!(in_a_write, Err(DbError::Unavailable { .. })), "{in_a_write:?}");
    assert_walls_stand(&db).await;
    let before_the_commit = db
        .write(&first, async |tx: &mut TenantTx<'_>| {
            add_room(tx, "Sala nova").await?;
            kill(tx).await
        })
        .await;
    assert!(before_the_commit.is_err());
    assert_walls_stand(&db).await;
    let in_a_read = db
        .read(&first, async |tx: &TenantRead<'_>| {
            kill(tx).await?;
            owners_of_rooms(tx).await
        })
        .await;
    assert!(matches!(in_a_read, Err(DbError::Unavailable { .. })), "{in_a_read:?}");
    assert_walls_stand(&db).await;
    assert_eq!(
        rooms_named(&database.connect(Role::Maintenance).await, "Sala nova").await,
        0
    );
}

#[tokio::test]
async fn a_connection_killed_while_it_rests_costs_one_request_at_most() {
    let Some((database, db)) = one_connection().await else {
        return;
    };
    let [first, _] = clinics();
    let process: i32 = db
        .read(&first, async |tx: &TenantRead<'_>| {
            Ok::<_, DbError>(diesel::select(pg_backend_pid()).get_result(&mut tx.conn()).await?)
        })
        .await
        .unwrap();
    let killer = database.connect(Role::App).await;
    killer
        .query("SELECT pg_terminate_backend($1, 5000)", &[&process])
        .await
        .unwrap();
    let _may_fail = db.read(&first, owners_of_rooms).await;
    assert_walls_stand(&db).await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let config = db::DatabaseConfig {
        statement_timeout: Duration::from_millis(50),
        ..database.config(Role::App)
    };
    let pool = db::PoolConfig {
        max_connections: 1,
        wait: Duration::from_secs(20),
    };
    let db = Db::new(config, pool, clock(), Arc::from([]));
    let [first, _] = clinics();
    let read = db
        .read(&first, async |tx: &TenantRead<'_>| {
            diesel::select(pg_sleep(30.0)).execute(&mut tx.conn()).await?;
            Ok::<_, DbError>(())
        })
        .await;
    assert!(matches!(read, Err(DbError::TimedOut)), "{read:?}");
    let write = db
        .write(&first, async |tx: &mut TenantTx<'_>| {
            add_room(tx, "Sala nova").await?;
            diesel::select(pg_sleep(30.0)).execute(&mut tx.conn()).await?;
            Ok::<_, DbError>(())
        })
        .await;
    assert!(matches!(write, Err(DbError::TimedOut)), "{write:?}");
    assert_walls_stand(&db).await;
    assert_eq!(
        rooms_named(&database.connect(Role::Maintenance).await, "Sala nova").await,
        0
    );
}

#[tokio::test]
async fn who_finds_no_connection_in_time_is_told_to_come_again() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let pool = db::PoolConfig {
        max_connections: 1,
        wait: Duration::from_millis(20),
    };
    let db = Db::new(database.config(Role::App), pool, clock(), Arc::from([]));
    let [first, second] = clinics();
    // Opened before, so that the short wait is one for a connection in use, not for a new one.
    while db.ping().await.is_err() {}
    let inner = db
        .read(&first, async |_tx: &TenantRead<'_>| {
            Ok::<_, DbError>(db.read(&second, owners_of_rooms).await)
        })
        .await
        .unwrap();
    assert!(matches!(inner, Err(DbError::Unavailable { .. })), "{inner:?}");
    assert_walls_stand(&db).await;
}
