//! One story through every part, as those who live it see it: by HTTP, by WebSocket, and by the channel that people write on.
//!
//! Somebody writes and is booked; somebody else waits. The first is reminded and calls off, the time is offered to the other, who
//! takes it. Two people at the desk see every step, and nothing is said or done twice. The channel is a parameter, and so is what
//! the gateways run on: one or two of them, with Redis or without.

mod chat;
mod desk;
mod post;
mod whatsapp;

use std::future::Future;

use chrono::TimeDelta;
use gateway::config::Config;
use serde_json::json;
use test_support::{Actor, Api, TestRedis, world};

use self::chat::Chat;
use self::desk::Desk;
use self::post::Post;
use self::whatsapp::WhatsApp;
use crate::agenda::{book, consulta, count, tuesday, with};
use crate::app::{TestApp, through, until};
use crate::waitlist::{WAITLIST, settled};

/// How people outside and the clinic write to each other.
trait Line: Sized {
    /// What it runs over, outside of the clinic.
    type Ground;
    /// Somebody outside.
    type Person;
    /// The ground; `None` where it is not installed.
    fn ground() -> Option<Self::Ground>;
    /// Tells a gateway of the ground.
    fn connect(ground: &Self::Ground, config: &mut Config);
    /// Has Aurora written to by it, at one of `doors`.
    fn open(ground: Self::Ground, app: &TestApp, doors: &[&Api]) -> impl Future<Output = Self>;
    /// Somebody who has not written yet.
    fn meet(&self, app: &TestApp, name: &'static str) -> impl Future<Output = Self::Person>;
    /// They write; what is carried is carried twice, as channels do.
    fn write(&self, app: &TestApp, person: &Self::Person, text: &str) -> impl Future<Output = ()>;
    /// It is more than a day since they wrote.
    fn falls_silent(&self, _person: &Self::Person) {}
    /// What the clinic wrote to them so far.
    fn received(&self, person: &Self::Person) -> impl Future<Output = Vec<String>>;
}

/// The contact whom a conversation with somebody of this name is with.
async fn contact_of(actor: &Actor, name: &str) -> String {
    let found = actor
        .get(&format!("/v1/conversations?q={name}"))
        .await
        .expect_status(200);
    assert_eq!(found.data().len(), 1, "{found}");
    found.data()[0]["contact_id"].as_str().unwrap().to_owned()
}

/// Tells the story; `desks` signs in two people, each at their gateway.
async fn tell<L: Line>(app: &TestApp, line: &L, desks: impl Fn() -> [Actor; 2]) {
    let watch = async || {
        let [one, other] = desks();
        [Desk::watching(&one).await, Desk::watching(&other).await]
    };

    // Two people write, and become contacts.
    let seen = watch().await;
    let (clara, rui) = (line.meet(app, "Clara Nunes").await, line.meet(app, "Rui Prado").await);
    line.write(app, &clara, "Bom dia! Queria marcar uma consulta.").await;
    line.write(app, &rui, "Oi, tem horário na terça?").await;
    for desk in seen {
        desk.assert_heard(&[
            ("message.received", 2),
            ("conversation.created", 2),
            ("contact.created", 2),
        ])
        .await;
    }

    // One is booked; the other waits for just that time.
    let seen = watch().await;
    let [reception, _] = desks();
    let (first, second) = (
        contact_of(&reception, "clara").await,
        contact_of(&reception, "rui").await,
    );
    let booked = book(
        &reception,
        with(consulta(&tuesday("15:00")), json!({ "contact_id": first })),
    )
    .await;
    let entry = json!({
        "contact_id": second, "service_id": world::service("consulta"), "practitioner_id": world::practitioner("dr-lima"),
        "windows": [{"from_date": "2026-11-24", "until_date": "2026-11-24", "from_time": "15:00", "until_time": "15:30"}],
    });
    let entry = reception.post(WAITLIST, entry).await.expect_status(201);
    settled(app).await;
    for desk in seen {
        desk.assert_heard(&[
            ("appointment.booked", 1),
            ("waitlist.added", 1),
            ("waitlist.offered", 0),
        ])
        .await;
    }
    assert!(line.received(&clara).await.is_empty());

    // A day before, at its lead, the reminder comes.
    app.clock.set(world::at("2026-11-23T18:00:00Z"));
    for person in [&clara, &rui] {
        line.falls_silent(person);
    }
    let seen = watch().await;
    settled(app).await;
    until("the reminder is there", async || {
        !line.received(&clara).await.is_empty()
    })
    .await;
    for desk in seen {
        desk.assert_heard(&[
            ("appointment.reminder_due", 1),
            ("message.sent", 1),
            ("message.received", 0),
        ])
        .await;
    }
    let reminder = "Lembrete de";
    let said = line.received(&clara).await;
    assert!(
        said[0].starts_with("Olá, Clara!") && said[0].contains(reminder),
        "{said:?}"
    );
    assert!(said[0].contains("terça-feira, 24/11/2026, às 15:00"), "{said:?}");

    // Who was booked calls off by a word, and the time goes to who waits.
    app.clock.advance(TimeDelta::minutes(5));
    let seen = watch().await;
    line.write(app, &clara, "2").await;
    settled(app).await;
    until("the time is offered", async || !line.received(&rui).await.is_empty()).await;
    for desk in seen {
        desk.assert_heard(&[
            ("message.received", 1),
            ("appointment.reminder_answered", 1),
            ("appointment.cancelled", 1),
            ("waitlist.offered", 1),
            ("message.sent", 2),
        ])
        .await;
    }
    let [reception, _] = desks();
    let shown = reception.get(&format!("/v1/appointments/{}", booked.id())).await;
    assert_eq!(
        (&shown.body["status"], &shown.body["cancelled_by"]),
        (&json!("cancelled"), &json!("patient"))
    );

    // And who waited takes it by a word.
    app.clock.advance(TimeDelta::minutes(5));
    let seen = watch().await;
    line.write(app, &rui, "1").await;
    settled(app).await;
    for desk in seen {
        desk.assert_heard(&[
            ("message.received", 1),
            ("waitlist.offer_accepted", 1),
            ("appointment.booked", 1),
            ("message.sent", 1),
            ("waitlist.offered", 0),
        ])
        .await;
    }
    let [reception, _] = desks();
    let waited = reception
        .get(&format!("{WAITLIST}/{}", entry.id()))
        .await
        .expect_status(200);
    assert_eq!(waited.body["status"], "booked");
    let appointment = waited.body["appointment_id"].as_str().unwrap();
    let shown = reception.get(&format!("/v1/appointments/{appointment}")).await;
    assert_eq!(
        (
            &shown.body["status"],
            &shown.body["contact_id"],
            &shown.body["starts_at"]
        ),
        (&json!("scheduled"), &json!(second), &json!("2026-11-24T18:00:00Z"))
    );

    // Nothing was said twice, whatever else is done.
    settled(app).await;
    until("all of it has arrived", async || {
        line.received(&clara).await.len() >= 2 && line.received(&rui).await.len() >= 2
    })
    .await;
    for (person, beginnings) in [
        (&clara, ["Olá, Clara! Lembrete", "Seu horário foi cancelado"]),
        (&rui, ["Olá, Rui! Abriu um horário", "Combinado!"]),
    ] {
        let said = line.received(person).await;
        assert_eq!(said.len(), 2, "{said:?}");
        for (text, beginning) in said.iter().zip(beginnings) {
            assert!(text.starts_with(beginning), "{text}");
        }
    }
    let there = "SELECT count(*) FROM appointments WHERE starts_at = '2026-11-24T18:00:00Z' AND status <> 'cancelled'";
    assert_eq!(count(app, there).await, 1);
}

/// Tells the story by `L`, with so many gateways, which hear one another by Redis or not.
async fn told_by<L: Line>(gateways: usize, with_redis: bool) {
    let Some(ground) = L::ground() else { return };
    let redis = if with_redis { TestRedis::start() } else { None };
    if with_redis && redis.is_none() {
        return;
    }
    let set = |config: &mut Config| {
        L::connect(&ground, config);
        config.redis = redis.as_ref().and_then(through);
    };
    let Some(app) = TestApp::start_connected(set).await else {
        return;
    };
    let other = if gateways > 1 {
        Some(app.neighbour(set).await)
    } else {
        None
    };
    if let (Some(other), true) = (&other, with_redis) {
        until("both gateways hear one another", async || {
            app.shared.bus().link().is_up() && other.shared.bus().link().is_up()
        })
        .await;
    }
    let mut doors = vec![&app.api];
    doors.extend(other.as_ref().map(|other| &other.api));
    let line = L::open(ground, &app, &doors).await;
    tell(&app, &line, || {
        let owner = match &other {
            Some(other) => other.actor("owner@aurora"),
            None => app.actor("owner@aurora"),
        };
        [app.actor("reception@aurora"), owner]
    })
    .await;
}

#[tokio::test]
async fn by_web_chat_with_one_gateway_alone() {
    told_by::<Chat>(1, false).await;
}

#[tokio::test]
async fn by_web_chat_with_redis() {
    told_by::<Chat>(1, true).await;
}

#[tokio::test]
async fn by_web_chat_with_two_gateways_and_redis() {
    told_by::<Chat>(2, true).await;
}

#[tokio::test]
async fn by_web_chat_with_two_gateways_and_no_redis() {
    told_by::<Chat>(2, false).await;
}

#[tokio::test]
async fn by_whatsapp_with_redis() {
    told_by::<WhatsApp>(1, true).await;
}

#[tokio::test]
async fn by_whatsapp_with_two_gateways_and_redis() {
    told_by::<WhatsApp>(2, true).await;
}

#[tokio::test]
async fn by_whatsapp_with_two_gateways_and_no_redis() {
    told_by::<WhatsApp>(2, false).await;
}

#[tokio::test]
async fn by_email_with_one_gateway_alone() {
    told_by::<Post>(1, false).await;
}

#[tokio::test]
async fn by_email_with_two_gateways_and_redis() {
    told_by::<Post>(2, true).await;
}
