//! Work whose future is dropped, at every point where it can wait.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use db::schema::{contacts, users};
use db::{AuditRecord, LookupBy};
use kernel::Caller as _;

use super::*;

/// When a future is dropped, after it was polled so many times.
#[derive(Debug, Clone, Copy)]
enum Drop {
    /// As soon as it waits.
    Waiting,
    /// When what it waited for has come.
    Woken,
}

/// Polls `work` at most `polls` times and drops it; its result, when it was done by then.
async fn give_up<T>(work: impl Future<Output = T>, polls: u32, when: Drop) -> Option<T> {
    let mut work = pin!(work);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if polled == polls && matches!(when, Drop::Waiting) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Gives up work of one clinic after one more poll each time, until it is done; after each time the other clinic, on the same
/// connection, must see its own rows.
async fn give_up_everywhere<T>(
    db: &Db,
    mut work: impl AsyncFnMut(&System) -> Result<T, DbError>,
    after: impl AsyncFn(bool),
) {
    let [first, second] = clinics();
    for when in [Drop::Waiting, Drop::Woken] {
        for polls in 1.. {
            let (caller, other) = if polls % 2 == 0 {
                (&first, &second)
            } else {
                (&second, &first)
            };
            let done = give_up(work(caller), polls, when).await;
            let seen = db.read(other, owners_of_rooms).await.unwrap();
            assert_eq!(seen, [other.clinic()], "after {polls} polls, dropped when {when:?}");
            after(done.is_some()).await;
            if let Some(result) = done {
                result.unwrap();
                assert!(polls > 2, "the work never waited");
                break;
            }
            assert!(polls < 200, "the work never ends");
        }
    }
    assert_walls_stand(db).await;
}

#[tokio::test]
async fn reads() {
    let Some((_database, db)) = one_connection().await else {
        return;
    };
    let read = async |caller: &System| {
        db.read(caller, async |tx| {
            owners_of_rooms(tx).await?;
            owners_of_rooms(tx).await
        })
        .await
    };
    give_up_everywhere(&db, read, async |_done| {}).await;
}

#[tokio::test]
async fn snapshots() {
    let Some((_database, db)) = one_connection().await else {
        return;
    };
    let read = async |caller: &System| {
        db.read_snapshot(caller, async |tx| {
            owners_of_rooms(tx).await?;
            owners_of_rooms(tx).await
        })
        .await
    };
    give_up_everywhere(&db, read, async |_done| {}).await;
}

#[tokio::test]
async fn look_ups() {
    let Some((_database, db)) = one_connection().await else {
        return;
    };
    let look_up = async |_caller: &System| {
        db.lookup(LookupBy::User(world::user("reception@aurora")), async |tx| {
            let names: Vec<String> = users::table.select(users::name).load(&mut tx.conn()).await?;
            assert_eq!(names, ["Tiago Reis"]);
            Ok::<_, DbError>(())
        })
        .await
    };
    let nobody_is_open = async |_done| {
        for caller in clinics() {
            let colleagues: Vec<String> = db
                .read(&caller, async |tx| {
                    Ok::<_, DbError>(users::table.select(users::name).load(&mut tx.conn()).await?)
                })
                .await
                .unwrap();
            assert_eq!(colleagues.len(), 7, "a look-up left its user open");
        }
    };
    give_up_everywhere(&db, look_up, nobody_is_open).await;
}

#[tokio::test]
async fn writes_are_whole_or_not_at_all_and_never_unheard() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let witness = Witness::of(&database).await;
    let db = database.db_heard_by(clock(), 1, vec![witness.clone()]);
    let maintenance = database.connect(Role::Maintenance).await;
    let write = async |caller: &System| {
        db.write(caller, async |tx: &mut TenantTx<'_>| {
            let id = add_room(tx, "Sala nova").await?;
            diesel::update(contacts::table.filter(contacts::clinic_id.eq(tx.clinic())))
                .set(contacts::insurer.eq("Novo"))
                .execute(&mut tx.conn())
                .await?;
            tx.savepoint(async |tx| add_room(tx, "Sala nova 2").await).await?;
            tx.audit(AuditRecord::new("rooms.create", "room", id.as_uuid()));
            tx.emit("room.created", &id);
            tx.touch(Tag::collection("rooms"));
            Ok::<_, DbError>(())
        })
        .await
    };
    let whole_or_not_at_all = async |done: bool| {
        let parts = maintenance
            .query_one(
                "SELECT (SELECT count(*) FROM rooms WHERE name = 'Sala nova'),
                        (SELECT count(*) FROM rooms WHERE name = 'Sala nova 2'),
                        (SELECT count(DISTINCT clinic_id) FROM contacts WHERE insurer = 'Novo'),
                        (SELECT count(*) FROM audit_log WHERE action = 'rooms.create'),
                        (SELECT count(*) FROM outbox WHERE kind = 'room.created')",
                &[],
            )
            .await
            .unwrap();
        let parts: Vec<i64> = (0..5).map(|part| parts.get(part)).collect();
        assert!(parts.iter().all(|part| *part == parts[0]), "half-written: {parts:?}");
        let written = parts[0];
        assert!(!done || written == 1, "the write was done and is not there");
        if written == 1 {
            // What was committed is told, even when nobody waits for the write any more.
            let told = async {
                while witness.heard.lock().await.is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            let told = tokio::time::timeout(std::time::Duration::from_secs(10), told).await;
            assert!(
                told.is_ok(),
                "committed, and the listeners never heard of it (done: {done})"
            );
        }
        witness.heard.lock().await.clear();
        maintenance
            .batch_execute(
                "DELETE FROM rooms WHERE name LIKE 'Sala nova%'; UPDATE contacts SET insurer = NULL;
                 DELETE FROM audit_log; DELETE FROM outbox",
            )
            .await
            .unwrap();
    };
    give_up_everywhere(&db, write, whole_or_not_at_all).await;
}
