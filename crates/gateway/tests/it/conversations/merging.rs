//! Two contacts that are one person have one talk.

use chrono::TimeDelta;
use kernel::ConversationId;
use serde_json::{Value, json};

use super::{bodies, messages, whatsapp, write_in};
use crate::app::{TestApp, until};

#[tokio::test]
async fn of_two_open_talks_the_older_ends_and_points_to_the_other() {
    let Some(app) = TestApp::start().await else { return };
    let inbox = whatsapp(&app).await;
    let older = write_in(&app, inbox, "5571981234567", "w1", "Oi").await.conversation;
    app.clock.advance(chrono::TimeDelta::minutes(5));
    let newer = write_in(&app, inbox, "5571987654321", "w2", "Oi do outro")
        .await
        .conversation;
    let reception = app.actor("reception@aurora");
    let contact = async |id| {
        let shown = reception
            .get(&format!("/v1/conversations/{id}"))
            .await
            .expect_status(200);
        shown.body["contact_id"].as_str().unwrap().to_owned()
    };
    let (into, from) = (contact(older).await, contact(newer).await);
    let merged = reception
        .post(&format!("/v1/contacts/{into}/merge"), json!({"from_id": from}))
        .await
        .expect_status(200);
    assert_eq!(merged.body["moved"]["conversations"], 1, "{merged}");
    assert_eq!(merged.body["moved"]["channel_identities"], 1, "{merged}");
    let gone = reception
        .get(&format!("/v1/conversations/{older}"))
        .await
        .expect_status(200);
    assert_eq!(gone.body["status"], "resolved");
    assert_eq!(gone.body["continued_in_id"], newer.to_string());
    let stays = reception
        .get(&format!("/v1/conversations/{newer}"))
        .await
        .expect_status(200);
    assert_eq!(
        (&stays.body["unread_count"], &stays.body["contact_id"]),
        (&json!(2), &json!(into))
    );
    // Nothing that was said is lost, and from both numbers the talk goes on in one place.
    assert_eq!(bodies(&messages(&reception, older).await), ["Oi"]);
    let again = write_in(&app, inbox, "5571981234567", "w3", "Sou eu").await;
    assert_eq!(again.conversation, newer);
    let refused = reception
        .post(
            &format!("/v1/conversations/{older}/messages"),
            json!({"kind": "note", "body": "x"}),
        )
        .await;
    refused.assert_problem(409, "conversation_continued");
}

/// Two people with a talk each in one inbox, the one who is merged away with the older one.
struct Two {
    older: ConversationId,
    newer: ConversationId,
    into: String,
    from: String,
}

const OLDER: &str = "5571981234567";
const NEWER: &str = "5571987654321";

async fn shown(app: &TestApp, id: ConversationId) -> Value {
    let path = format!("/v1/conversations/{id}");
    app.get("reception@aurora", &path).await.expect_status(200).body
}

fn text(body: &Value, member: &str) -> String {
    body[member].as_str().unwrap().to_owned()
}

impl Two {
    async fn talk(app: &TestApp) -> (Self, kernel::InboxId) {
        let inbox = whatsapp(app).await;
        let older = write_in(app, inbox, OLDER, "w1", "Oi").await.conversation;
        write_in(app, inbox, OLDER, "w2", "Tem alguém?").await;
        app.clock.advance(TimeDelta::minutes(5));
        let newer = write_in(app, inbox, NEWER, "w3", "Oi do outro").await.conversation;
        let two = Self {
            older,
            newer,
            from: text(&shown(app, older).await, "contact_id"),
            into: text(&shown(app, newer).await, "contact_id"),
        };
        (two, inbox)
    }

    async fn change(&self, app: &TestApp, id: ConversationId, change: Value) {
        let reception = app.actor("reception@aurora");
        let path = format!("/v1/conversations/{id}");
        reception.patch(&path, change).await.assert_status(200);
    }

    /// Merges the two; gives what undoes it.
    async fn merge(&self, app: &TestApp) -> String {
        let reception = app.actor("reception@aurora");
        let path = format!("/v1/contacts/{}/merge", self.into);
        let merged = reception
            .post(&path, json!({"from_id": self.from}))
            .await
            .expect_status(200);
        assert_eq!(shown(app, self.older).await["status"], "resolved");
        format!("/v1/contact-merges/{}/undo", merged.id())
    }

    async fn undo(&self, app: &TestApp, undo: &str) {
        let undone = app.actor("reception@aurora").post(undo, json!({})).await;
        assert_eq!(undone.expect_status(200).body["returned"]["conversations_resolved"], 1);
    }
}

/// What of a conversation a merge changes.
async fn standing(app: &TestApp, id: ConversationId) -> Value {
    let shown = shown(app, id).await;
    let members = [
        "contact_id",
        "status",
        "snoozed_until",
        "unread_count",
        "waiting_since",
        "resolved_at",
        "continued_in_id",
    ];
    members
        .iter()
        .map(|member| ((*member).to_owned(), shown[*member].clone()))
        .collect()
}

#[tokio::test]
async fn undoing_puts_back_how_both_stood_whatever_that_was() {
    let until_tomorrow = json!({"status": "snoozed", "snoozed_until": "2026-12-31T12:00:00Z"});
    for change in [
        json!({"labels": ["retorno"]}),
        json!({"status": "pending"}),
        until_tomorrow,
    ] {
        let Some(app) = TestApp::start().await else { return };
        let (two, _inbox) = Two::talk(&app).await;
        two.change(&app, two.older, change.clone()).await;
        let before = (standing(&app, two.older).await, standing(&app, two.newer).await);
        assert_eq!(
            (&before.0["unread_count"], &before.1["unread_count"]),
            (&json!(2), &json!(1))
        );
        let undo = two.merge(&app).await;
        assert_eq!(shown(&app, two.newer).await["unread_count"], 3);
        two.undo(&app, &undo).await;
        let after = (standing(&app, two.older).await, standing(&app, two.newer).await);
        assert_eq!(after, before, "{change}");
    }
}

#[tokio::test]
async fn one_that_was_put_off_comes_back_at_its_time_also_after_the_merge_was_undone() {
    let Some(app) = TestApp::start().await else { return };
    let (two, _inbox) = Two::talk(&app).await;
    let at = kernel::Clock::now(&*app.clock).saturating_add(TimeDelta::hours(2));
    let snoozed = json!({"status": "snoozed", "snoozed_until": at.to_string()});
    two.change(&app, two.older, snoozed).await;
    let undo = two.merge(&app).await;
    two.undo(&app, &undo).await;
    assert_eq!(shown(&app, two.older).await["status"], "snoozed");
    app.clock.advance(TimeDelta::hours(2));
    app.shared.wake().notify();
    until("it comes back", async || {
        shown(&app, two.older).await["status"] == "open"
    })
    .await;
}

#[tokio::test]
async fn one_whose_time_came_while_it_was_resolved_is_open() {
    let Some(app) = TestApp::start().await else { return };
    let (two, _inbox) = Two::talk(&app).await;
    let at = kernel::Clock::now(&*app.clock).saturating_add(TimeDelta::hours(2));
    let snoozed = json!({"status": "snoozed", "snoozed_until": at.to_string()});
    two.change(&app, two.older, snoozed).await;
    let undo = two.merge(&app).await;
    app.clock.advance(TimeDelta::hours(3));
    two.undo(&app, &undo).await;
    let open = shown(&app, two.older).await;
    assert_eq!(
        (&open["status"], &open["snoozed_until"]),
        (&json!("open"), &Value::Null)
    );
}

#[tokio::test]
async fn what_was_seen_or_said_since_the_merge_is_not_taken_back() {
    let Some(app) = TestApp::start().await else { return };
    let (two, inbox) = Two::talk(&app).await;
    let undo = two.merge(&app).await;
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/conversations/{}", two.newer);
    reception
        .post(&format!("{path}/read"), json!({}))
        .await
        .assert_status(200);
    app.clock.advance(TimeDelta::minutes(1));
    write_in(&app, inbox, NEWER, "w4", "E agora?").await;
    two.undo(&app, &undo).await;
    // What came after somebody had looked is the other's own; what nobody had seen there is unseen again here.
    assert_eq!(shown(&app, two.newer).await["unread_count"], 1);
    assert_eq!(shown(&app, two.older).await["unread_count"], 2);
    assert_eq!(text(&shown(&app, two.older).await, "contact_id"), two.from);
}

#[tokio::test]
async fn one_that_had_been_resolved_before_stays_so() {
    let Some(app) = TestApp::start().await else { return };
    let (two, _inbox) = Two::talk(&app).await;
    two.change(&app, two.older, json!({"status": "resolved"})).await;
    let before = standing(&app, two.older).await;
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}/merge", two.into);
    let merged = reception
        .post(&path, json!({"from_id": two.from}))
        .await
        .expect_status(200);
    let undo = format!("/v1/contact-merges/{}/undo", merged.id());
    let undone = reception.post(&undo, json!({})).await.expect_status(200);
    assert_eq!(undone.body["returned"]["conversations_resolved"], 0);
    assert_eq!(standing(&app, two.older).await, before);
}
