//! The template that test databases are copied from: migrated and seeded once for each state of migrations and world.

use db::DatabaseConfig;
use tokio_postgres::Client;

use crate::database::{connect, seconds_now};
use crate::services::{Services, with_database};
use crate::world;

const FINGERPRINT: &str = env!("TASKMED_TEMPLATE_FINGERPRINT");

/// Held while a template is made, so that of several processes one makes it and the others wait.
const TEMPLATE_LOCK: i64 = 0x7461_736b_7465_7374;

/// Databases older than this, in seconds, belong to nobody any more.
const STALE_AFTER: i64 = 3600;

/// The name of the template, once it is there. Other processes wait until `admin` is closed or this has returned.
pub(crate) async fn ready(services: &Services, admin: &Client) -> String {
    admin
        .execute("SELECT pg_advisory_lock($1)", &[&TEMPLATE_LOCK])
        .await
        .expect("a lock on the template");
    sweep(admin).await;
    let pattern = format!("taskmed_template_{FINGERPRINT}_%");
    let found = admin
        .query_opt(
            "SELECT datname::text FROM pg_database WHERE datname LIKE $1 LIMIT 1",
            &[&pattern],
        )
        .await
        .expect("the list of databases");
    let name = match found {
        Some(row) => row.get(0),
        None => make(services, admin).await,
    };
    run(admin, "SELECT pg_advisory_unlock_all()").await;
    name
}

/// Builds under another name and renames when whole, so that an interrupted one is never taken for a template.
async fn make(services: &Services, admin: &Client) -> String {
    let seconds = seconds_now();
    let unfinished = format!("taskmed_unfinished_{seconds}_{}", std::process::id());
    let finished = format!("taskmed_template_{FINGERPRINT}_{seconds}");
    run(admin, &format!("CREATE DATABASE {unfinished}")).await;
    let owner = DatabaseConfig::for_requests(with_database(&services.admin, &unfinished).into());
    // The migrations block, and a test's runtime may have one thread only.
    let migrated = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for the migrations");
        runtime.block_on(db::migrations::run(&owner, world::now()))
    });
    migrated.await.expect("the migrations end").expect("the migrations run");
    {
        let maintenance = connect(&with_database(&services.maintenance, &unfinished)).await;
        world::seed(&maintenance).await;
        // Plans of tests should not depend on when statistics are gathered.
        run(&connect(&with_database(&services.admin, &unfinished)).await, "ANALYZE").await;
    }
    // The server waits some seconds for the connections that are closing.
    run(admin, &format!("ALTER DATABASE {unfinished} RENAME TO {finished}")).await;
    finished
}

/// Removes what killed runs left: databases of tests, unfinished templates, and templates of other states, when old.
async fn sweep(admin: &Client) {
    let rows = admin
        .query(
            "SELECT datname::text FROM pg_database WHERE datname LIKE 'taskmed\\_%\\_%'",
            &[],
        )
        .await
        .expect("the list of databases");
    let oldest = seconds_now() - STALE_AFTER;
    for name in rows.iter().map(|row| row.get::<_, String>(0)) {
        let of_this_state = name.contains(FINGERPRINT);
        let made_at = name
            .split('_')
            .find_map(|part| part.parse::<i64>().ok().filter(|_| part.len() == 10));
        if !of_this_state && made_at.is_some_and(|seconds| seconds < oldest) {
            // One that is in use after all stays.
            let _in_use = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await;
        }
    }
}

/// Runs `statement`, which must succeed.
pub(crate) async fn run(client: &Client, statement: &str) {
    client
        .batch_execute(statement)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
}
