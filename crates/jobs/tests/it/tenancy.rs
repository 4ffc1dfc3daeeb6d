//! What the worker and its handlers can reach.

use db::schema::{contacts, outbox};
use db::{Db, DbError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jobs::{Event, HandlerError, Handlers};
use kernel::{ClinicId, Lane, System};
use serde_json::json;
use test_support::{Role, world};
use tokio::sync::mpsc;

use crate::stage::Stage;

#[tokio::test]
async fn a_handler_sees_the_clinic_of_its_event_and_no_other() {
    let Some(stage) = Stage::set().await else { return };
    let clinics = [world::clinic("aurora"), world::clinic("horizonte")];
    for clinic in clinics {
        stage.emit_in(clinic, "test.look_around", json!({})).await;
    }
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let handlers = Handlers::new().on(
        "test.look_around",
        async move |db: &Db, system: System, event: Event| {
            let (of_contacts, of_events): (Vec<ClinicId>, Vec<ClinicId>) = db
                .read(&system, async |tx| {
                    // Without the clinic's name, which no query of ours may leave out: this is about what is left then.
                    let of_contacts = contacts::table
                        .select(contacts::clinic_id)
                        .distinct()
                        .load(&mut tx.conn())
                        .await?;
                    let of_events = outbox::table
                        .select(outbox::clinic_id)
                        .distinct()
                        .load(&mut tx.conn())
                        .await?;
                    Ok::<_, DbError>((of_contacts, of_events))
                })
                .await?;
            seen.send((event.clinic(), of_contacts, of_events)).unwrap();
            Ok::<_, HandlerError>(())
        },
    );
    assert_eq!(stage.worker(handlers).run_once().await.unwrap().handled, 2);
    for _ in clinics {
        let (clinic, of_contacts, of_events) = was_seen.try_recv().unwrap();
        assert_eq!(of_contacts, [clinic]);
        assert_eq!(of_events, [clinic]);
    }
}

#[tokio::test]
async fn the_workers_role_has_rights_on_what_it_works_off_alone() {
    let Some(stage) = Stage::set().await else { return };
    let worker = stage.database.connect(Role::Worker).await;
    let reachable: Vec<String> = worker
        .query(
            "SELECT c.relname::text FROM pg_class c
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
                 AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
                     OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE'))
             ORDER BY 1",
            &[],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(reachable, ["clinics", "idempotency_keys", "job_schedules", "outbox"]);
}

#[tokio::test]
async fn the_servers_role_cannot_say_that_an_event_was_handled() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.untouchable").await;
    let system = System::acting_for(world::clinic("aurora"), "test");
    stage
        .db
        .write(&system, async |tx| {
            diesel::update(outbox::table.filter(outbox::clinic_id.eq(tx.clinic())))
                .set(outbox::handled_at.eq(tx.now()))
                .execute(&mut tx.conn())
                .await?;
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    assert!(!stage.standing("test.untouchable").await.handled);
}

#[tokio::test]
async fn the_servers_role_takes_back_jobs_and_no_events() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.told").await;
    stage.enqueue_many(1, "test.job", Lane::Routine).await;
    let system = System::acting_for(world::clinic("aurora"), "test");
    let gone = stage
        .db
        .write(&system, async |tx| {
            let gone = diesel::delete(outbox::table.filter(outbox::clinic_id.eq(tx.clinic())))
                .execute(&mut tx.conn())
                .await?;
            Ok::<_, DbError>(gone)
        })
        .await
        .unwrap();
    assert_eq!(gone, 1);
    assert!(!stage.standing("test.told").await.handled);
}

#[tokio::test]
async fn the_workers_role_makes_jobs_and_no_events_and_rewrites_neither() {
    let Some(stage) = Stage::set().await else { return };
    stage.emit("test.told").await;
    let worker = stage.database.connect(Role::Worker).await;
    let insert = |class: &str| {
        format!(
            "INSERT INTO outbox (clinic_id, id, class, lane, kind, payload, available_at)
             SELECT id, gen_random_uuid(), '{class}', 2, 'test.made', '{{}}', now() FROM clinics"
        )
    };
    worker.batch_execute(&insert("job")).await.unwrap();
    assert_eq!(stage.standings("test.made").await.len(), 2);
    for refused in [
        insert("event"),
        "UPDATE outbox SET payload = '{}'".to_owned(),
        "UPDATE outbox SET clinic_id = clinic_id".to_owned(),
        "SELECT trade_name FROM clinics".to_owned(),
    ] {
        let error = worker.batch_execute(&refused).await.unwrap_err();
        let code = error.code().map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("42501"), "{refused}: {error:?}");
    }
}
