//! What is committed, what is told of it, and what is done again.

use std::cell::Cell;

use db::AuditRecord;
use db::schema::practitioners;
use diesel_async::SimpleAsyncConnection;
use tokio::sync::Barrier;

use super::*;

/// Fails as `sqlstate` would, without anything having gone wrong.
async fn fail_with(tx: &TenantTx<'_>, sqlstate: &str, message: &str) -> Result<(), DbError> {
    let raise = format!("DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{sqlstate}'; END $$");
    Ok((&mut tx.conn()).batch_execute(&raise).await?)
}

#[tokio::test]
async fn listeners_hear_after_the_commit_and_only_of_commits() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let witness = Witness::of(&database).await;
    let db = database.db_heard_by(clock(), 1, vec![witness.clone()]);
    let [first, _] = clinics();
    let failed: Result<(), DbError> = db
        .write(&first, async |tx: &mut TenantTx<'_>| {
            add_room(tx, "Sala nova").await?;
            tx.touch(Tag::collection("rooms"));
            Err(DbError::TimedOut)
        })
        .await;
    assert!(failed.is_err());
    assert!(witness.heard.lock().await.is_empty());
    db.write(&first, async |tx: &mut TenantTx<'_>| {
        add_room(tx, "Sala nova").await?;
        tx.touch(Tag::collection("rooms"));
        tx.touch(Tag::collection("rooms"));
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    // Once, before `write` came back, and with the row there to be seen.
    assert_eq!(
        *witness.heard.lock().await,
        [(world::clinic("aurora"), vec![Tag::collection("rooms")], 1)]
    );
}

#[tokio::test]
async fn what_rides_along_is_written_with_the_work_or_not_at_all() {
    let Some((database, db)) = one_connection().await else {
        return;
    };
    let maintenance = database.connect(Role::Maintenance).await;
    let [first, _] = clinics();
    for (fails, rows) in [(true, 0), (false, 1)] {
        let result = db
            .write(&first, async |tx: &mut TenantTx<'_>| {
                let id = add_room(tx, "Sala nova").await?;
                tx.audit(AuditRecord::new("rooms.create", "room", id.as_uuid()));
                tx.emit("room.created", &id);
                if fails { Err(DbError::TimedOut) } else { Ok(()) }
            })
            .await;
        assert_eq!(result.is_err(), fails);
        for table in ["audit_log", "outbox"] {
            let query = format!("SELECT count(*) FROM {table} WHERE clinic_id = $1");
            let count: i64 = maintenance
                .query_one(&query, &[world::clinic("aurora").as_uuid()])
                .await
                .unwrap()
                .get(0);
            assert_eq!(count, rows, "{table}");
        }
    }
}

#[tokio::test]
async fn a_part_that_fails_takes_its_riders_along_and_nothing_else() {
    let Some((database, db)) = one_connection().await else {
        return;
    };
    let maintenance = database.connect(Role::Maintenance).await;
    let [first, _] = clinics();
    db.write(&first, async |tx: &mut TenantTx<'_>| {
        let id = add_room(tx, "Sala nova").await?;
        tx.emit("room.created", &id);
        let part = tx
            .savepoint(async |tx| {
                let id = add_room(tx, "Sala nova 2").await?;
                tx.emit("room.created", &id);
                add_room(tx, "Sala nova 2").await
            })
            .await;
        assert_eq!(part.unwrap_err().constraint(), Some("rooms_name_once"));
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    assert_eq!(rooms_named(&maintenance, "Sala nova").await, 1);
    assert_eq!(rooms_named(&maintenance, "Sala nova 2").await, 0);
    let events: i64 = maintenance
        .query_one("SELECT count(*) FROM outbox", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(events, 1);
}

#[tokio::test]
async fn work_that_overlooks_a_failed_statement_is_not_reported_as_done() {
    let Some((database, db)) = one_connection().await else {
        return;
    };
    let [first, _] = clinics();
    let result = db
        .write(&first, async |tx: &mut TenantTx<'_>| {
            add_room(tx, "Sala nova").await?;
            let _overlooked = add_room(tx, "Sala nova").await;
            Ok::<_, DbError>(())
        })
        .await;
    assert!(result.is_err(), "PostgreSQL has undone everything");
    assert_eq!(
        rooms_named(&database.connect(Role::Maintenance).await, "Sala nova").await,
        0
    );
    assert_walls_stand(&db).await;
}

#[tokio::test]
async fn work_that_lost_is_done_again_from_the_start() {
    let Some((database, db)) = one_connection().await else {
        return;
    };
    let maintenance = database.connect(Role::Maintenance).await;
    let [first, _] = clinics();
    for (sqlstate, message) in [("40001", "could not serialize access"), ("40P01", "deadlock detected")] {
        let attempts = Cell::new(0);
        db.write(&first, async |tx: &mut TenantTx<'_>| {
            attempts.set(attempts.get() + 1);
            let id = add_room(tx, "Sala nova").await?;
            tx.emit("room.created", &id);
            if attempts.get() < 3 {
                fail_with(tx, sqlstate, message).await?;
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        assert_eq!(attempts.get(), 3, "{message}");
        assert_eq!(rooms_named(&maintenance, "Sala nova").await, 1);
        let events = maintenance.query("DELETE FROM outbox RETURNING id", &[]).await.unwrap();
        assert_eq!(events.len(), 1, "the attempts that lost left events");
        maintenance
            .query("DELETE FROM rooms WHERE name = 'Sala nova'", &[])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn work_that_always_loses_is_given_up() {
    let Some((_database, db)) = one_connection().await else {
        return;
    };
    let [first, _] = clinics();
    let attempts = Cell::new(0);
    let result = db
        .write(&first, async |tx: &mut TenantTx<'_>| {
            attempts.set(attempts.get() + 1);
            fail_with(tx, "40001", "could not serialize access").await
        })
        .await;
    assert!(result.unwrap_err().is_transient());
    assert!((2..=10).contains(&attempts.get()), "{} attempts", attempts.get());
    assert_walls_stand(&db).await;
}

#[tokio::test]
async fn two_that_lock_each_other_out_both_succeed() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let db = database.db(clock(), 2);
    let [caller, _] = clinics();
    let both_hold_one = Barrier::new(2);
    let lock_both = async |one: &str, other: &str| {
        let first_attempt = Cell::new(true);
        db.write(&caller, async |tx: &mut TenantTx<'_>| {
            for (place, key) in [one, other].into_iter().enumerate() {
                diesel::update(practitioners::table.find((tx.clinic(), world::practitioner(key))))
                    .set(practitioners::specialty.eq("Outra"))
                    .execute(&mut tx.conn())
                    .await?;
                if place == 0 && first_attempt.replace(false) {
                    both_hold_one.wait().await;
                }
            }
            Ok::<_, DbError>(())
        })
        .await
    };
    let (one, other) = tokio::join!(lock_both("dr-lima", "dr-souza"), lock_both("dr-souza", "dr-lima"));
    one.unwrap();
    other.unwrap();
}
