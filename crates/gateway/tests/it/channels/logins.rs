//! Passwords of mail servers: asked for where somebody signs in, and never handed to another server.

use serde_json::{Value, json};
use test_support::Answer;

use crate::app::TestApp;

fn server(host: &str, port: u16, username: &str) -> Value {
    json!({"host": host, "port": port, "security": "none", "username": username})
}

fn pointers(answer: &Answer) -> Vec<String> {
    answer.assert_problem(422, "invalid_fields");
    let errors = answer.body["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["pointer"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_password_goes_to_the_server_it_was_given_for() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let settings =
        |smtp: Value, imap: Option<Value>| json!({"address": "agenda@aurora.example", "smtp": smtp, "imap": imap});
    let (smtp, imap) = (server("127.0.0.1", 9, "agenda"), server("127.0.0.1", 11, "agenda"));
    let body = |secrets: Value| json!({"channel": "email", "name": "E-mail", "secrets": secrets, "settings": settings(smtp.clone(), Some(imap.clone()))});
    let lacks = owner
        .post("/v1/inboxes", body(json!({"smtp_password": "um segredo"})))
        .await;
    assert_eq!(pointers(&lacks), ["/secrets/imap_password"]);
    let broken = body(json!({"smtp_password": "a\r\nQUIT", "imap_password": "x"}));
    assert_eq!(
        pointers(&owner.post("/v1/inboxes", broken).await)[0],
        "/secrets/smtp_password"
    );
    let both = json!({"smtp_password": "um segredo", "imap_password": "outro"});
    let made = owner.post("/v1/inboxes", body(both)).await.expect_status(201);
    let path = format!("/v1/inboxes/{}", made.body["inbox"]["id"].as_str().unwrap());
    for (changed, expected) in [
        (
            settings(server("localhost", 9, "agenda"), Some(imap.clone())),
            "/secrets/smtp_password",
        ),
        (
            settings(server("127.0.0.1", 19, "agenda"), Some(imap.clone())),
            "/secrets/smtp_password",
        ),
        (
            settings(server("127.0.0.1", 9, "outra"), Some(imap.clone())),
            "/secrets/smtp_password",
        ),
        (
            settings(smtp.clone(), Some(server("localhost", 11, "agenda"))),
            "/secrets/imap_password",
        ),
    ] {
        let refused = owner.patch(&path, json!({"settings": changed})).await;
        assert_eq!(pointers(&refused), [expected], "{changed}");
    }
    // Not by taking the server away and naming another one later either.
    let without = json!({"settings": settings(smtp.clone(), None)});
    owner.patch(&path, without).await.assert_status(200);
    let later = json!({"settings": settings(smtp.clone(), Some(server("localhost", 11, "agenda")))});
    assert_eq!(pointers(&owner.patch(&path, later).await), ["/secrets/imap_password"]);
    // With its password the server may change, and what has nothing to do with it always.
    let moved = json!({
        "settings": settings(server("localhost", 9, "agenda"), None),
        "secrets": {"smtp_password": "o novo"},
    });
    owner.patch(&path, moved).await.assert_status(200);
    let renamed = json!({"settings": {"address": "contato@aurora.example", "smtp": server("localhost", 9, "agenda")}});
    owner.patch(&path, renamed).await.assert_status(200);
    let without = json!({"secrets": {"smtp_password": null}});
    assert_eq!(pointers(&owner.patch(&path, without).await), ["/secrets/smtp_password"]);
}
