//! The web chat as its visitors see it.

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer};

use super::texts;
use crate::app::TestApp;

const SITE: &str = "https://www.clinica.example";

async fn chat(app: &TestApp, owner: &str) -> String {
    let body =
        json!({"channel": "webchat", "name": "Site", "settings": {"allowed_origins": [SITE], "greeting": "Olá!"}});
    let made = app.actor(owner).post("/v1/inboxes", body).await.expect_status(201);
    format!("/v1/webchat/{}", made.body["token"].as_str().unwrap())
}

async fn visit(nobody: &Actor, chat: &str) -> String {
    let begun = nobody
        .post(&format!("{chat}/visits"), json!({}))
        .await
        .expect_status(200);
    assert_eq!(
        (&begun.body["greeting"], &begun.body["is_known"]),
        (&json!("Olá!"), &json!(false))
    );
    begun.body["visitor_token"].as_str().unwrap().to_owned()
}

async fn call(nobody: &Actor, method: Method, path: String, visitor: &str, body: Option<Value>) -> Answer {
    let call = nobody
        .call(method, &path)
        .header("x-visitor-token", visitor)
        .header("origin", SITE);
    match body {
        Some(body) => call.json(&body).send().await,
        None => call.send().await,
    }
}

#[tokio::test]
async fn a_visitor_and_the_clinic_talk_and_see_what_they_should() {
    let Some(app) = TestApp::start().await else { return };
    let chat = chat(&app, "owner@aurora").await;
    let nobody = app.api.nobody();
    let (one, other) = (visit(&nobody, &chat).await, visit(&nobody, &chat).await);
    let messages = format!("{chat}/messages");
    let say =
        async |visitor: &str, body: Value| call(&nobody, Method::POST, messages.clone(), visitor, Some(body)).await;
    let first = json!({"id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5", "body": "Bom dia!", "name": "Ana"});
    let taken = say(&one, first.clone()).await.expect_status(201);
    assert_eq!(taken.header("access-control-allow-origin"), Some(SITE));
    assert_eq!(say(&one, first).await.expect_status(200).body["id"], taken.body["id"]);
    say(&other, json!({"body": "Oi", "email": "rui@example.com"}))
        .await
        .assert_status(201);

    let reception = app.actor("reception@aurora");
    let listed = reception.get("/v1/conversations?q=ana").await.expect_status(200);
    assert_eq!(texts(listed.data(), "contact_name"), ["Ana"]);
    let conversation = listed.data()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/conversations/{conversation}/messages");
    reception
        .post(&path, json!({"kind": "note", "body": "Paciente nova"}))
        .await
        .assert_status(201);
    let answer = reception
        .post(&path, json!({"body": "Como posso ajudar?"}))
        .await
        .expect_status(201);
    assert_eq!(answer.body["delivery"], "sent");

    let seen = call(&nobody, Method::GET, messages.clone(), &one, None)
        .await
        .expect_status(200);
    assert_eq!(texts(seen.data(), "body"), ["Bom dia!", "Como posso ajudar?"]);
    let since = format!("{messages}?after={}", taken.body["id"].as_str().unwrap());
    let newer = call(&nobody, Method::GET, since, &one, None).await.expect_status(200);
    assert_eq!(texts(newer.data(), "body"), ["Como posso ajudar?"]);
    let theirs = call(&nobody, Method::GET, messages.clone(), &other, None)
        .await
        .expect_status(200);
    assert_eq!(texts(theirs.data(), "body"), ["Oi"]);

    let delivery = async || reception.get(&format!("/v1/messages/{}", answer.id())).await.body["delivery"].clone();
    assert_eq!(delivery().await, "delivered");
    let read = |visitor: String| {
        let body = json!({"ids": [answer.id()]});
        call(
            &nobody,
            Method::POST,
            format!("{chat}/read"),
            Box::leak(visitor.into_boxed_str()),
            Some(body),
        )
    };
    read(other).await.assert_status(204);
    assert_eq!(delivery().await, "delivered");
    read(one).await.assert_status(204);
    assert_eq!(delivery().await, "read");
}

#[tokio::test]
async fn only_the_clinics_own_pages_and_visitors_get_in() {
    let Some(app) = TestApp::start().await else { return };
    let nobody = app.api.nobody();
    let (own, foreign) = (chat(&app, "owner@aurora").await, chat(&app, "owner@horizonte").await);
    let visitor = visit(&nobody, &own).await;
    let stranger = call(&nobody, Method::GET, format!("{foreign}/messages"), &visitor, None).await;
    stranger.assert_problem(401, "invalid_visitor");
    call(&nobody, Method::GET, format!("{own}/messages"), "tmv_nonsense", None)
        .await
        .assert_problem(401, "invalid_visitor");
    let elsewhere = nobody
        .call(Method::POST, &format!("{own}/visits"))
        .header("origin", "https://evil.example")
        .send()
        .await;
    elsewhere.assert_problem(403, "origin_not_allowed");
    assert_eq!(elsewhere.header("access-control-allow-origin"), None);
    let asked = nobody
        .call(Method::OPTIONS, &format!("{own}/messages"))
        .header("origin", SITE)
        .header("access-control-request-method", "POST")
        .send()
        .await
        .expect_status(204);
    assert_eq!(asked.header("access-control-allow-origin"), Some(SITE));
    for token in [
        "nonsense",
        "tmx_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let unknown = nobody.post(&format!("/v1/webchat/{token}/visits"), json!({})).await;
        unknown.assert_problem(404, "inbox_not_found");
    }
    // A renewed token, or an archived inbox, is none.
    let owner = app.actor("owner@aurora");
    let inbox = owner.get("/v1/inboxes").await.expect_status(200).data()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    owner
        .post(&format!("/v1/inboxes/{inbox}/token"), json!({}))
        .await
        .assert_status(200);
    let old = nobody.post(&format!("{own}/visits"), json!({})).await;
    old.assert_problem(404, "inbox_not_found");
}
