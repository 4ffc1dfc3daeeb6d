//! What the system wrote by itself and WhatsApp could not deliver: it is not taken for sent, and time goes to the next. And in which
//! language it writes.

use chrono::TimeDelta;
use serde_json::json;
use test_support::world;

use super::{ANA, Stage};
use crate::agenda::{book, consulta, count, tuesday, with};
use crate::channels::conversations;
use crate::waitlist::{WAITLIST, call_off, offers_to, post, settled, standing, taken, tuesday_nine, wait};

const RUI: &str = "5571981234568";

impl Stage {
    /// Somebody new writes; their contact.
    async fn meets(&self, digits: &str, id: &str) -> String {
        let before = conversations(&self.app).await;
        self.hears(digits, id, &json!({"type": "text", "text": {"body": "Oi"}}))
            .await;
        let after = conversations(&self.app).await;
        let new = after
            .iter()
            .find(|one| before.iter().all(|known| known["id"] != one["id"]));
        new.expect("a conversation")["contact_id"].as_str().unwrap().to_owned()
    }

    /// The last message that went out, to whom, and its id.
    fn last_out(&self) -> (String, String) {
        let taken = self.server.taken();
        let last = taken.last().expect("a message");
        let text = |name: &str| last[name].as_str().unwrap().to_owned();
        (text("to"), text("wamid"))
    }

    async fn approves(&self, name: &str, language: &str, body: &str) {
        self.server.approve(name, language, body.matches("{{").count());
        let template = json!({"inbox_id": self.inbox.id, "name": name, "language": language, "category": "utility",
                              "body": body, "status": "approved"});
        let owner = self.app.actor("owner@aurora");
        owner.post("/v1/message-templates", template).await.assert_status(201);
    }
}

#[tokio::test]
async fn an_offer_that_does_not_arrive_goes_to_the_next_and_says_so() {
    let Some(stage) = Stage::set().await else { return };
    let app = &stage.app;
    let reception = app.actor("reception@aurora");
    let (ana, rui) = (stage.meets(ANA, "w1").await, stage.meets(RUI, "w2").await);
    let appointment = taken(&reception).await;
    let first = wait(&reception, tuesday_nine(&ana)).await.id().to_owned();
    app.clock.advance(TimeDelta::minutes(1));
    let second = wait(&reception, tuesday_nine(&rui)).await.id().to_owned();
    call_off(&reception, &appointment).await;
    settled(app).await;
    let (to, wamid) = stage.last_out();
    assert_eq!(to, ANA);
    let offer = offers_to(&reception, &first).await.remove(0);
    assert_eq!(
        (&offer["status"], &offer["undelivered_at"]),
        (&json!("offered"), &json!(null))
    );
    assert!(offers_to(&reception, &second).await.is_empty());

    app.clock.advance(TimeDelta::minutes(1));
    stage.hears_status(&wamid, "failed", Some(131_026)).await;
    settled(app).await;
    let offer = offers_to(&reception, &first).await.remove(0);
    assert_eq!(offer["status"], "undelivered");
    assert_eq!(offer["undelivered_at"], "2026-11-20T12:02:00Z");
    assert_eq!(offer["closed_at"], offer["undelivered_at"]);
    let message = format!("/v1/messages/{}", offer["message_id"].as_str().unwrap());
    let message = reception.get(&message).await.expect_status(200);
    assert_eq!(
        (&message.body["delivery"], &message.body["failure_reason"]),
        (&json!("failed"), &json!("whatsapp_131026"))
    );
    let accept = format!("{WAITLIST}/{first}/offers/{}/accept", offer["id"].as_str().unwrap());
    post(&reception, &accept).await.assert_problem(409, "offer_closed");
    // It is the next one's now, and whoever did not hear of it goes on waiting.
    assert_eq!(stage.last_out().0, RUI);
    assert_eq!(standing(&reception, &second).await, ["offered"]);
    let entry = reception.get(&format!("{WAITLIST}/{first}")).await.expect_status(200);
    assert_eq!(entry.body["status"], "waiting");
    // Told again, it changes nothing; and the same time is not offered to who could not be told of it.
    stage.hears_status(&wamid, "failed", Some(131_026)).await;
    settled(app).await;
    let told = "SELECT count(*) FROM outbox WHERE kind = 'waitlist.offer_undelivered'";
    assert_eq!(count(app, told).await, 1);
    assert_eq!(standing(&reception, &first).await, ["undelivered"]);

    // An offer that staff have settled by phone stays settled, whatever becomes of its message.
    let (_, wamid) = stage.last_out();
    let offer = offers_to(&reception, &second).await.remove(0);
    let accept = format!("{WAITLIST}/{second}/offers/{}/accept", offer["id"].as_str().unwrap());
    post(&reception, &accept).await.assert_status(200);
    stage.hears_status(&wamid, "failed", Some(131_026)).await;
    settled(app).await;
    let offer = offers_to(&reception, &second).await.remove(0);
    assert_eq!(offer["status"], "accepted");
    assert_eq!(offer["undelivered_at"], "2026-11-20T12:02:00Z");
    assert_eq!(count(app, told).await, 1);
}

#[tokio::test]
async fn a_reminder_speaks_the_clinics_language_and_is_not_sent_when_it_did_not_arrive() {
    let Some(stage) = Stage::set().await else { return };
    let app = &stage.app;
    let ana = stage.meets(ANA, "w1").await;
    for (language, body) in [
        ("pt_PT", "Olá, {{1}}. A sua consulta: {{2}}."),
        ("en", "Hello, {{1}}. Your appointment: {{2}}."),
        ("pt_BR", "Olá, {{1}}! Seu horário: {{2}}."),
        ("en_US", "Hi, {{1}}! Your appointment: {{2}}."),
    ] {
        stage.approves("appointment_reminder", language, body).await;
    }
    let reception = app.actor("reception@aurora");
    let visit = with(consulta(&tuesday("15:00")), json!({ "contact_id": ana }));
    let appointment = book(&reception, visit).await.id().to_owned();
    settled(app).await;
    app.clock.set(world::at("2026-11-23T18:00:00Z"));
    stage.server.close_window(ANA);
    settled(app).await;
    let taken = stage.server.taken();
    let template = &taken[0]["template"];
    assert_eq!(template["language"]["code"], "pt_BR");
    let when = template["components"][0]["parameters"][1]["text"].as_str().unwrap();
    assert!(when.starts_with("terça-feira"), "{when}");
    let reminders = async || {
        let path = format!("/v1/appointments/{appointment}/reminders");
        let listed = app.get("reception@aurora", &path).await.expect_status(200);
        listed.data().to_vec()
    };
    assert_eq!(reminders().await[0]["status"], "sent");

    let (_, wamid) = stage.last_out();
    for _ in 0..2 {
        stage.hears_status(&wamid, "failed", Some(131_026)).await;
        settled(app).await;
        let reminder = reminders().await.remove(0);
        assert_eq!(
            (&reminder["status"], &reminder["reason"]),
            (&json!("failed"), &json!("not_delivered"))
        );
        let message = app
            .get(
                "reception@aurora",
                &format!("/v1/messages/{}", reminder["message_id"].as_str().unwrap()),
            )
            .await
            .expect_status(200);
        assert_eq!(message.body["delivery"], "failed");
    }
    let told = "SELECT count(*) FROM outbox WHERE kind = 'appointment.reminder_failed'";
    assert_eq!(count(app, told).await, 1);

    // The next one is in the language that the clinic has chosen meanwhile.
    let owner = app.actor("owner@aurora");
    owner
        .patch("/v1/clinic", json!({"locale": "en"}))
        .await
        .assert_status(200);
    app.clock.set(world::at("2026-11-24T16:00:00Z"));
    settled(app).await;
    let taken = stage.server.taken();
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert_eq!(taken[1]["template"]["language"]["code"], "en");
    let when = taken[1]["template"]["components"][0]["parameters"][1]["text"].as_str();
    assert!(when.unwrap().starts_with("Tuesday"), "{when:?}");
}
