//! Commands beside servers that run: what one changes the others show.

use chrono::TimeDelta;
use kernel::{Clock, SystemClock};
use test_support::{Actor, TestRedis};

use crate::app::{TestApp, through, until};
use crate::process::Process;

const SEARCH: &str = "/v1/contacts?q=Zenaide";

async fn found(actor: &Actor) -> usize {
    actor.get(SEARCH).await.expect_status(200).data().len()
}

/// Imports one person by the command, with settings as `app` has them.
async fn import(app: &TestApp, redis: Option<&TestRedis>) {
    let file = std::env::temp_dir().join(format!("{}-people.csv", app.database.name()));
    std::fs::write(&file, "Nome\nZenaide Prado\n").unwrap();
    let mut process = Process::of(&app.database);
    if let Some(redis) = redis {
        process = process.set("TASKMED_REDIS_URL", &redis.url());
    }
    let ended = process
        .run(&["import", "contacts", file.to_str().unwrap(), "--clinic", "aurora"])
        .await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ended.code, Some(0), "{}{}", ended.output, ended.errors);
}

/// The command lives in the real time, so the servers go there and a little beyond.
fn go_to_real_time(app: &TestApp) {
    let ahead = SystemClock.now().since(app.clock.now()) + TimeDelta::minutes(5);
    app.clock.advance(ahead);
}

#[tokio::test]
async fn a_server_shows_what_a_command_imported_although_it_had_kept_its_answer() {
    let Some(app) = TestApp::start().await else { return };
    go_to_real_time(&app);
    let reception = app.actor("reception@aurora");
    assert_eq!((found(&reception).await, found(&reception).await), (0, 0));
    import(&app, None).await;
    until("the person is shown", async || found(&reception).await == 1).await;
}

#[tokio::test]
async fn with_redis_every_server_does() {
    let Some(redis) = TestRedis::start() else { return };
    let Some(app) = TestApp::start_with(|config| config.redis = through(&redis)).await else {
        return;
    };
    let other = app.neighbour(|config| config.redis = through(&redis)).await;
    until("both hear one another", async || {
        app.shared.bus().link().is_up() && other.shared.bus().link().is_up()
    })
    .await;
    go_to_real_time(&app);
    let (here, there) = (app.actor("reception@aurora"), other.actor("reception@aurora"));
    for actor in [&here, &there] {
        assert_eq!((found(actor).await, found(actor).await), (0, 0));
    }
    import(&app, Some(&redis)).await;
    for actor in [&here, &there] {
        until("the person is shown", async || found(actor).await == 1).await;
    }
}
