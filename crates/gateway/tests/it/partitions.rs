//! Partitions that are made late: what the default one had to catch is moved, while others write.

use db::migrations::make_partitions;
use kernel::{Clock, System};
use test_support::{Role, TestDatabase, world};
use tokio::sync::Notify;
use tokio_postgres::Client;

use crate::app::{TestApp, until};
use crate::conversations::{arrival, arrive, aurora, database, inbox, phone, whatsapp};
use crate::process::Process;
use gateway::workflows::inbound::{self, InboundError};

/// Takes this month's partitions away, as if nobody had made them.
async fn without_this_month(owner: &Client) {
    for table in ["messages", "audit_log"] {
        let this_month = world::now().as_datetime().format("%Y_%m");
        let statement =
            format!("ALTER TABLE {table} DETACH PARTITION {table}_{this_month}; DROP TABLE {table}_{this_month}");
        owner.batch_execute(&statement).await.unwrap();
    }
}

async fn count(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// All rows, those of the default partition, and how many different ones.
async fn standing(maintenance: &Client, owner: &Client, table: &str) -> [i64; 3] {
    [
        count(maintenance, &format!("SELECT count(*) FROM {table}")).await,
        count(owner, &format!("SELECT count(*) FROM {table}_default")).await,
        count(maintenance, &format!("SELECT count(DISTINCT id) FROM {table}")).await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_go_over_while_others_write_and_none_is_lost_or_doubled() {
    const BEFORE: usize = 20;
    const MEANWHILE: usize = 60;
    let Some(app) = TestApp::start().await else { return };
    let owner = app.database.connect(Role::Owner).await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    without_this_month(&owner).await;
    let db = database(&app);
    let inbox = inbox(&db, whatsapp(&app).await).await;
    let write = async |number: usize| {
        let id = format!("w{number}");
        let body = format!("m{number}");
        arrive(
            &db,
            &arrival(&inbox, vec![phone("5571981234567")], &id, app.clock.now(), &body),
        )
        .await
    };
    for number in 0..BEFORE {
        write(number).await;
    }
    let [all, caught, _] = standing(&maintenance, &owner, "messages").await;
    assert_eq!((all, caught), (20, 20));
    let config = app.database.config(Role::Owner);
    let writing = async {
        for number in BEFORE..BEFORE + MEANWHILE {
            write(number).await;
        }
    };
    let (made, ()) = tokio::join!(make_partitions(&config, world::now()), writing);
    assert_eq!(made.unwrap(), 2);
    for table in ["messages", "audit_log"] {
        let [all, caught, different] = standing(&maintenance, &owner, table).await;
        assert_eq!((caught, different), (0, all), "{table}");
    }
    let numbers = "SELECT count(*) FROM messages WHERE number BETWEEN 1 AND 80 AND body = 'm' || (number - 1)";
    assert_eq!(count(&maintenance, numbers).await, 80);
    // They can be changed and found where they are now.
    write(BEFORE + MEANWHILE).await;
    assert_eq!(count(&maintenance, "SELECT count(*) FROM messages").await, 81);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_but_not_committed_is_waited_for() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.database.connect(Role::Owner).await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    without_this_month(&owner).await;
    let db = database(&app);
    let inbox = inbox(&db, whatsapp(&app).await).await;
    let message = arrival(&inbox, vec![phone("5571981234567")], "w1", app.clock.now(), "Oi");
    let (written, go_on) = (Notify::new(), Notify::new());
    let config = app.database.config(Role::Owner);
    let making = async {
        written.notified().await;
        make_partitions(&config, world::now()).await
    };
    let system: System = aurora();
    let writing = db.write(&system, async |tx| {
        let received = inbound::receive(tx, &message).await?;
        written.notify_one();
        go_on.notified().await;
        Ok::<_, InboundError>(received)
    });
    let waiting = async {
        let waits = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                     WHERE NOT l.granted AND a.usename = 'taskmed_owner' AND a.datname = current_database()
                       AND l.relation IN ('conversations'::regclass, 'messages'::regclass, 'audit_log'::regclass)";
        until("the making of partitions waits", async || {
            count(&maintenance, waits).await > 0
        })
        .await;
        go_on.notify_one();
    };
    let (received, made, ()) = tokio::join!(writing, making, waiting);
    received.unwrap();
    assert_eq!(made.unwrap(), 2);
    assert_eq!(standing(&maintenance, &owner, "messages").await, [1, 0, 1]);
}

#[tokio::test]
async fn a_command_makes_what_is_missing_and_nothing_twice() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let process = Process::of(&database);
    let made = process.run(&["partitions"]).await;
    assert_eq!(made.code, Some(0), "{}", made.errors);
    let again = process.run(&["partitions"]).await;
    assert_eq!((again.code, again.output.trim()), (Some(0), "made 0 partitions"));
}
