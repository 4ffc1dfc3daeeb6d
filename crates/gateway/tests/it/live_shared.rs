//! Several gateways on one database: what they tell one another through Redis, and what holds while that is away.

use std::num::NonZeroU32;

use gateway::config::Config;
use rest::Quota;
use serde_json::json;
use test_support::{Actor, TestRedis, world};

use crate::agenda::{book, consulta, tuesday};
use crate::app::{Neighbour, TestApp, through, until};
use crate::live::{Heard, Socket, connect, ticket};

/// Two gateways that hear one another.
async fn two() -> Option<(TestRedis, TestApp, Neighbour)> {
    let redis = TestRedis::start()?;
    let app = TestApp::start_with(|config| config.redis = through(&redis)).await?;
    let other = app.neighbour(|config| config.redis = through(&redis)).await;
    both_up(&app, &other).await;
    Some((redis, app, other))
}

async fn both_up(app: &TestApp, other: &Neighbour) {
    until("both gateways hear one another", async || {
        app.shared.bus().link().is_up() && other.shared.bus().link().is_up()
    })
    .await;
}

async fn both_down(app: &TestApp, other: &Neighbour) {
    until("both gateways know that they hear nothing", async || {
        !app.shared.bus().link().is_up() && !other.shared.bus().link().is_up()
    })
    .await;
}

fn maria() -> String {
    format!("/v1/contacts/{}", world::contact("maria"))
}

#[tokio::test]
async fn what_happens_at_one_gateway_is_heard_at_the_other() {
    let Some((_redis, app, other)) = two().await else {
        return;
    };
    let mut here = Socket::hearing(&app.actor("reception@aurora"), &["appointments"]).await;
    let mut there = Socket::hearing(&other.actor("admin@aurora"), &["appointments"]).await;
    let mut stranger = Socket::hearing(&other.actor("owner@horizonte"), &["appointments"]).await;
    let booked = book(&app.actor("reception@aurora"), consulta(&tuesday("09:00"))).await;
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.frame().await["data"]["appointment_id"], booked.id());
    }
    let again = book(&other.actor("reception@aurora"), consulta(&tuesday("10:00"))).await;
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.frame().await["data"]["appointment_id"], again.id());
        socket.assert_quiet().await;
    }
    stranger.assert_quiet().await;
}

#[tokio::test]
async fn a_ticket_of_one_gateway_opens_the_other_once() {
    let Some((_redis, app, other)) = two().await else {
        return;
    };
    let ticket = ticket(&app.actor("reception@aurora")).await;
    let _open = connect(&other.api, &ticket, None).await.unwrap();
    assert_eq!(connect(&app.api, &ticket, None).await.err(), Some(401));
}

#[tokio::test]
async fn a_sign_in_that_is_ended_at_one_gateway_is_ended_at_the_other() {
    let Some((_redis, app, other)) = two().await else {
        return;
    };
    let mut socket = Socket::hearing(&other.actor("reception@aurora"), &["appointments"]).await;
    let reception = other.actor("reception@aurora");
    reception.get("/v1/me").await.assert_status(200);
    app.actor("reception@aurora")
        .post("/v1/auth/logout", json!({}))
        .await
        .assert_status(204);
    assert_eq!(socket.next().await, Heard::Closed(4401));
    // The clock stands still, so that only the bus can have told.
    until("the other gateway knows", async || {
        reception.get("/v1/me").await.status == 401
    })
    .await;
}

#[tokio::test]
async fn a_cached_answer_is_stale_as_soon_as_the_other_gateway_has_written() {
    let Some((_redis, app, other)) = two().await else {
        return;
    };
    let (here, there) = (app.actor("reception@aurora"), other.actor("reception@aurora"));
    there.get(&maria()).await.assert_status(200);
    until("the answer is kept at the other gateway", async || {
        there.get(&maria()).await.statements() == 0
    })
    .await;
    let name = json!({"name": "Maria de Souza Lima"});
    here.patch(&maria(), name.clone()).await.assert_status(200);
    until("the other gateway answers with what was written", async || {
        there.get(&maria()).await.body["name"] == name["name"]
    })
    .await;
}

#[tokio::test]
async fn while_redis_is_away_nothing_is_wrong_and_when_it_is_back_nothing_is_lost() {
    let Some((mut redis, app, other)) = two().await else {
        return;
    };
    let (here, there) = (app.actor("reception@aurora"), other.actor("reception@aurora"));
    let mut socket = Socket::hearing(&there, &["appointments"]).await;
    until("the answer is kept at the other gateway", async || {
        there.get(&maria()).await.statements() == 0
    })
    .await;
    redis.kill();
    both_down(&app, &other).await;
    // Nothing is told, so nothing that is kept is believed: not for a moment.
    for round in 0..5 {
        let name = format!("Maria Souza {}", ["A", "B", "C", "D", "E"][round]);
        here.patch(&maria(), json!({ "name": name })).await.assert_status(200);
        assert_eq!(there.get(&maria()).await.body["name"], name);
    }
    let while_away = book(&here, consulta(&tuesday("09:00"))).await;
    assert_eq!(socket.frame().await["data"]["appointment_id"], while_away.id());
    redis.restart();
    both_up(&app, &other).await;
    until("answers are kept again", async || {
        there.get(&maria()).await.statements() == 0
    })
    .await;
    let name = json!("Maria Souza F");
    here.patch(&maria(), json!({ "name": name })).await.assert_status(200);
    until("the other gateway hears of changes again", async || {
        there.get(&maria()).await.body["name"] == name
    })
    .await;
    let afterwards = book(&here, consulta(&tuesday("10:00"))).await;
    assert_eq!(socket.frame().await["data"]["appointment_id"], afterwards.id());
    socket.assert_quiet().await;
}

#[tokio::test]
async fn a_gateway_whose_redis_never_answers_serves_all_the_same() {
    let Some(mut redis) = TestRedis::start() else { return };
    redis.kill();
    let Some(app) = TestApp::start_with(|config| config.redis = through(&redis)).await else {
        return;
    };
    let reception = app.actor("reception@aurora");
    let mut socket = Socket::hearing(&reception, &["appointments"]).await;
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    assert_eq!(socket.frame().await["data"]["appointment_id"], booked.id());
    reception.get(&maria()).await.assert_status(200);
    assert!(!app.shared.bus().link().is_up());
    redis.restart();
    until("it finds Redis when it is there", async || {
        app.shared.bus().link().is_up()
    })
    .await;
}

#[tokio::test]
async fn while_a_gateway_writes_that_cannot_be_heard_the_others_believe_nothing_that_they_keep() {
    let Some((redis, mut unreachable)) = TestRedis::start().zip(TestRedis::start()) else {
        return;
    };
    unreachable.kill();
    let Some(app) = TestApp::start_with(|config| config.redis = through(&redis)).await else {
        return;
    };
    let here = app.actor("reception@aurora");
    until("answers are kept", async || here.get(&maria()).await.statements() == 0).await;
    let deaf = app.neighbour(|config| config.redis = through(&unreachable)).await;
    let there = deaf.actor("reception@aurora");
    there.get(&maria()).await.assert_status(200);
    until("the one that hears sees that somebody is not heard", async || {
        !app.shared.bus().link().is_up()
    })
    .await;
    for name in ["Maria Souza A", "Maria Souza B", "Maria Souza C"] {
        there.patch(&maria(), json!({ "name": name })).await.assert_status(200);
        assert_eq!(here.get(&maria()).await.body["name"], name);
    }
    deaf.stop();
    until("answers are kept again", async || {
        here.get(&maria()).await.statements() == 0
    })
    .await;
    assert_eq!(here.get(&maria()).await.body["name"], "Maria Souza C");
}

#[tokio::test]
async fn a_gateway_that_leaves_is_not_waited_for() {
    let Some((_redis, app, other)) = two().await else {
        return;
    };
    other.stop();
    until("the one that stays trusts what it keeps", async || {
        app.shared.bus().link().is_up()
    })
    .await;
    let reception = app.actor("reception@aurora");
    until("answers are kept", async || {
        reception.get(&maria()).await.statements() == 0
    })
    .await;
}

#[tokio::test]
async fn quotas_are_counted_together_and_alone_while_redis_is_away() {
    const BURST: u32 = 300;
    let Some(mut redis) = TestRedis::start() else { return };
    let quota = Quota {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(BURST).unwrap(),
    };
    let change = |config: &mut Config| {
        config.redis = through(&redis);
        config.server.limits.principal = quota;
    };
    let Some(app) = TestApp::start_with(change).await else {
        return;
    };
    let other = app.neighbour(change).await;
    let used_up = async |actor: &Actor| {
        let mut let_through = 0;
        while actor.get("/v1/me").await.status != 429 {
            let_through += 1;
        }
        let_through
    };
    let here = used_up(&app.actor("reception@aurora")).await;
    assert!(here >= BURST, "{here}");
    let there = used_up(&other.actor("reception@aurora")).await;
    assert!(there < BURST, "the other gateway let through {there} more");
    // Another person is not touched by it.
    other.actor("admin@aurora").get("/v1/me").await.assert_status(200);
    redis.kill();
    let alone = used_up(&other.actor("billing@aurora")).await;
    assert!(alone >= BURST, "{alone}");
}
