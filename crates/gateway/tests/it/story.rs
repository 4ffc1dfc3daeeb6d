//! One story through every part, as those who live it see it: by HTTP, by WebSocket, and by the channel that people write on.
//!
//! Somebody writes and is booked; somebody else waits. The first is reminded and calls off, the time is offered to the other, who
//! takes it. Two people at the desk see every step, and nothing is said or done twice. The channel is a parameter.

use std::future::Future;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use test_support::{Actor, TestRedis, world};

use crate::agenda::{book, consulta, count, tuesday, with};
use crate::app::{TestApp, through, until};
use crate::live::Socket;
use crate::waitlist::{WAITLIST, settled};

/// How people outside and the clinic write to each other.
trait Line {
    /// Somebody outside.
    type Person;
    /// Somebody who has not written yet.
    fn meet(&self, name: &'static str) -> impl Future<Output = Self::Person>;
    /// They write; what is carried is carried twice, as channels do.
    fn write(&self, person: &Self::Person, text: &str) -> impl Future<Output = ()>;
    /// What the clinic wrote to them so far.
    fn received(&self, person: &Self::Person) -> impl Future<Output = Vec<String>>;
}

/// The web chat of Aurora.
struct Chat {
    nobody: Actor,
    path: String,
}

/// A visitor of the web chat.
struct Visitor {
    name: &'static str,
    token: String,
}

impl Chat {
    async fn of(app: &TestApp) -> Self {
        let body = json!({"channel": "webchat", "name": "Site", "settings": {"allowed_origins": []}});
        let made = app.actor("owner@aurora").post("/v1/inboxes", body).await;
        let made = made.expect_status(201);
        Self {
            nobody: app.api.nobody(),
            path: format!("/v1/webchat/{}", made.body["token"].as_str().unwrap()),
        }
    }
}

impl Line for Chat {
    type Person = Visitor;

    async fn meet(&self, name: &'static str) -> Visitor {
        let begun = self.nobody.post(&format!("{}/visits", self.path), json!({})).await;
        let token = begun.expect_status(200).body["visitor_token"]
            .as_str()
            .unwrap()
            .to_owned();
        Visitor { name, token }
    }

    async fn write(&self, person: &Visitor, text: &str) {
        let body = json!({"id": kernel::MessageId::new_at(kernel::Clock::now(&kernel::SystemClock)), "body": text, "name": person.name});
        for status in [201, 200] {
            self.nobody
                .call(Method::POST, &format!("{}/messages", self.path))
                .header("x-visitor-token", &person.token)
                .json(&body)
                .send()
                .await
                .assert_status(status);
        }
    }

    async fn received(&self, person: &Visitor) -> Vec<String> {
        let seen = self
            .nobody
            .call(Method::GET, &format!("{}/messages", self.path))
            .header("x-visitor-token", &person.token)
            .send()
            .await
            .expect_status(200);
        seen.data()
            .iter()
            .filter(|message| message["direction"] == "outbound")
            .map(|message| message["body"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Somebody at the desk, who watches.
struct Desk {
    socket: Socket,
    heard: Vec<String>,
}

impl Desk {
    async fn watching(actor: &Actor) -> Self {
        let topics = ["appointments", "conversations", "contacts", "waitlist"];
        Self {
            socket: Socket::hearing(actor, &topics).await,
            heard: Vec::new(),
        }
    }

    fn times(&self, kind: &str) -> usize {
        self.heard.iter().filter(|heard| *heard == kind).count()
    }

    /// Waits until each of `kinds` was heard.
    async fn hears(&mut self, kinds: &[&str]) {
        while kinds.iter().any(|kind| self.times(kind) == 0) {
            let frame = self.socket.frame().await;
            self.heard.push(frame["type"].as_str().unwrap().to_owned());
        }
    }

    /// Whatever else has been told by now.
    async fn rest(&mut self) {
        self.socket.say(json!({ "unsubscribe": ["nothing"] })).await;
        loop {
            let frame = self.socket.frame().await;
            match frame["type"].as_str().unwrap() {
                "unsubscribed" => return,
                kind => self.heard.push(kind.to_owned()),
            }
        }
    }

    /// Asserts how often each kind was told, all in all.
    async fn assert_heard(mut self, counts: &[(&str, usize)]) {
        let kinds: Vec<&str> = counts
            .iter()
            .filter(|(_, times)| *times > 0)
            .map(|(kind, _)| *kind)
            .collect();
        self.hears(&kinds).await;
        for (kind, times) in counts {
            while self.times(kind) < *times {
                let frame = self.socket.frame().await;
                self.heard.push(frame["type"].as_str().unwrap().to_owned());
            }
        }
        self.rest().await;
        for (kind, times) in counts {
            assert_eq!(self.times(kind), *times, "{kind} of {:?}", self.heard);
        }
    }
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
    let (clara, rui) = (line.meet("Clara Nunes").await, line.meet("Rui Prado").await);
    line.write(&clara, "Bom dia! Queria marcar uma consulta.").await;
    line.write(&rui, "Oi, tem horário na terça?").await;
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
    line.write(&clara, "2").await;
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
    line.write(&rui, "1").await;
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

#[tokio::test]
async fn by_web_chat_with_one_gateway_alone() {
    let Some(app) = TestApp::start().await else { return };
    let chat = Chat::of(&app).await;
    tell(&app, &chat, || {
        [app.actor("reception@aurora"), app.actor("owner@aurora")]
    })
    .await;
}

#[tokio::test]
async fn by_web_chat_with_redis() {
    let Some(redis) = TestRedis::start() else { return };
    let Some(app) = TestApp::start_with(|config| config.redis = through(&redis)).await else {
        return;
    };
    let chat = Chat::of(&app).await;
    tell(&app, &chat, || {
        [app.actor("reception@aurora"), app.actor("owner@aurora")]
    })
    .await;
}

#[tokio::test]
async fn by_web_chat_with_two_gateways_and_redis() {
    let Some(redis) = TestRedis::start() else { return };
    let Some(app) = TestApp::start_with(|config| config.redis = through(&redis)).await else {
        return;
    };
    let other = app.neighbour(|config| config.redis = through(&redis)).await;
    until("both gateways hear one another", async || {
        app.shared.bus().link().is_up() && other.shared.bus().link().is_up()
    })
    .await;
    let chat = Chat::of(&app).await;
    tell(&app, &chat, || {
        [app.actor("reception@aurora"), other.actor("owner@aurora")]
    })
    .await;
}

#[tokio::test]
async fn by_web_chat_with_two_gateways_and_no_redis() {
    let Some(app) = TestApp::start().await else { return };
    let other = app.neighbour(|_config| {}).await;
    let chat = Chat::of(&app).await;
    tell(&app, &chat, || {
        [app.actor("reception@aurora"), other.actor("owner@aurora")]
    })
    .await;
}
