//! Two contacts that are one person have one talk.

use serde_json::json;

use super::{bodies, messages, whatsapp, write_in};
use crate::app::TestApp;

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
