//! The owners of the clinic are mailed when an endpoint is disabled without anybody's doing.

use chrono::TimeDelta;
use serde_json::json;
use test_support::mail::Refusal;
use test_support::{Role, world};

use super::receiver::{Receiver, Reply};
use super::{Endpoint, endpoint, happen, tried};
use crate::account_mail::{mails, start, when_there_are, writes_to};
use crate::app::{TestApp, until};

/// An endpoint of Aurora that answers 410 to what it is told.
async fn gone(app: &TestApp) -> Endpoint {
    let receiver = Receiver::scripted([Reply::status(410)]).await;
    let owner = app.actor("owner@aurora");
    let made = endpoint(&owner, &receiver, &["contact.created"]).await;
    let described = json!({"description": "Laboratório <Luz>"});
    owner.patch(&made.path, described).await.assert_status(200);
    happen(app, "aurora").await;
    tried(app, &made, 1).await;
    made
}

/// Waits until no work is left; what the mail server refuses for good is given up.
async fn until_done(app: &TestApp) {
    let maintenance = app.database.connect(Role::Maintenance).await;
    let open = "SELECT count(*) FROM outbox WHERE handled_at IS NULL AND failed_at IS NULL AND (kind LIKE 'webhook_mail.%' OR kind = 'webhook_endpoint.disabled')";
    until("nothing is left to be mailed", async || {
        maintenance.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

#[tokio::test]
async fn each_owner_is_mailed_once_and_nobody_else() {
    let Some((app, servers)) = start().await else { return };
    let owner = servers.mailbox("wm-owner");
    let second = servers.mailbox("wm-second");
    let others = [servers.mailbox("wm-admin"), servers.mailbox("wm-elsewhere")];
    writes_to(&app, "owner@aurora", &owner).await;
    writes_to(&app, "director@aurora", &second).await;
    writes_to(&app, "admin@aurora", &others[0]).await;
    writes_to(&app, "owner@horizonte", &others[1]).await;
    // While the mailbox of one takes nothing, the other is told.
    owner.refuse(Some(Refusal::Temporary));
    gone(&app).await;
    let told = when_there_are(&second, 1).await.remove(0);
    assert!(told.subject.starts_with("Webhook desativado em "), "{}", told.subject);
    assert!(
        told.text.contains("“Laboratório <Luz>” (127.0.0.1)") && told.text.contains("não existe mais (410)"),
        "{}",
        told.text
    );
    assert!(
        !told.text.contains("token=1"),
        "the rest of the address may be a secret"
    );
    owner.refuse(None);
    app.clock.advance(TimeDelta::minutes(10));
    app.shared.wake().notify();
    let later = when_there_are(&owner, 1).await.remove(0);
    assert_ne!(later.message_id, told.message_id);
    until_done(&app).await;
    assert_eq!((mails(&owner).await.len(), mails(&second).await.len()), (1, 1));
    for other in &others {
        assert!(mails(other).await.is_empty());
    }
}

#[tokio::test]
async fn an_english_clinic_is_told_in_english_and_what_a_person_does_is_no_news() {
    let Some((app, servers)) = start().await else { return };
    let owner = servers.mailbox("wm-english");
    writes_to(&app, "owner@aurora", &owner).await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    let clinic = *world::clinic("aurora").as_uuid();
    let english = "UPDATE clinics SET locale = 'en' WHERE id = $1";
    assert_eq!(maintenance.execute(english, &[&clinic]).await.unwrap(), 1);
    let receiver = Receiver::start().await;
    let actor = app.actor("owner@aurora");
    let by_hand = endpoint(&actor, &receiver, &["appointment.*"]).await;
    actor
        .patch(&by_hand.path, json!({"status": "disabled"}))
        .await
        .assert_status(200);
    until_done(&app).await;
    gone(&app).await;
    let told = when_there_are(&owner, 1).await;
    assert!(
        told[0].subject.starts_with("Webhook disabled at "),
        "{}",
        told[0].subject
    );
    until_done(&app).await;
    assert_eq!(mails(&owner).await.len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_enabled_again_is_no_news_any_more() {
    let Some((app, servers)) = start().await else { return };
    let owner = servers.mailbox("wm-enabled");
    writes_to(&app, "owner@aurora", &owner).await;
    owner.refuse(Some(Refusal::Temporary));
    let endpoint = gone(&app).await;
    let maintenance = app.database.connect(Role::Maintenance).await;
    let tried = "SELECT count(*) FROM outbox WHERE kind LIKE 'webhook_mail.%' AND last_error IS NOT NULL AND locked_until IS NULL AND failed_at IS NULL";
    until("a mail is refused for now", async || {
        maintenance.query_one(tried, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    app.actor("owner@aurora")
        .patch(&endpoint.path, json!({"status": "enabled"}))
        .await
        .assert_status(200);
    owner.refuse(None);
    app.clock.advance(TimeDelta::minutes(10));
    app.shared.wake().notify();
    until_done(&app).await;
    assert!(mails(&owner).await.is_empty());
}
