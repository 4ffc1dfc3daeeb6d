//! Entity tags, conditional requests, sparse fields, neighbours, headers that every answer has, and answers that are kept.

use reqwest::Method;
use serde_json::json;
use test_support::world;

use crate::app::TestApp;

#[tokio::test]
async fn a_tag_names_version_and_representation() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let whole = reception.get(&path).await.expect_status(200);
    let cut = reception
        .get(&format!("{path}?fields=id,name"))
        .await
        .expect_status(200);
    assert!(whole.etag().starts_with("\"1-"), "{whole}");
    assert!(cut.etag().starts_with("\"1-") && cut.etag() != whole.etag(), "{cut}");
    assert_eq!(whole.header("cache-control"), Some("private, no-cache"));
    for known in [
        whole.etag().to_owned(),
        "*".to_owned(),
        format!("\"0-x\", {}", whole.etag()),
        format!("W/{}", whole.etag()),
    ] {
        let unchanged = reception
            .call(Method::GET, &path)
            .header("if-none-match", &known)
            .send()
            .await;
        unchanged.assert_status(304);
        assert!(unchanged.bytes.is_empty());
        assert_eq!(unchanged.etag(), whole.etag());
    }
    let other = reception
        .call(Method::GET, &path)
        .header("if-none-match", cut.etag())
        .send()
        .await;
    other.assert_status(200);
    let compressed = reception
        .call(Method::GET, &path)
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!(compressed.etag(), whole.etag());
    let vary = compressed.header("vary").unwrap_or_default().to_lowercase();
    assert!(vary.contains("accept-encoding"), "{compressed}");
}

#[tokio::test]
async fn a_write_for_another_version_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let before = reception.get(&path).await.expect_status(200);
    let patch = |tag: String, insurer: &'static str| {
        reception
            .call(Method::PATCH, &path)
            .header("if-match", tag)
            .json(&json!({"insurer": insurer}))
            .send()
    };
    let changed = patch(before.etag().to_owned(), "Um").await.expect_status(200);
    assert!(changed.etag().starts_with("\"2-"), "{changed}");
    assert_eq!(changed.body["version"], 2);
    patch(before.etag().to_owned(), "Dois")
        .await
        .assert_problem(412, "version_mismatch");
    let after = reception.get(&path).await.expect_status(200);
    assert_eq!(after.body["insurer"], "Um");
    // What the change answered is what a read shows, tag and all.
    assert_eq!((after.etag(), &after.body), (changed.etag(), &changed.body));
    patch("*".to_owned(), "Três").await.assert_status(200);
}

#[tokio::test]
async fn of_two_writes_for_one_version_one_wins() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let tag = reception.get(&path).await.etag().to_owned();
    let writes = (0..10).map(|number| {
        reception
            .call(Method::PATCH, &path)
            .header("if-match", &tag)
            .json(&json!({"insurer": format!("Plano {number}")}))
            .send()
    });
    let answers = futures_util::future::join_all(writes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 9);
}

#[tokio::test]
async fn only_the_fields_asked_for_come() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let one = reception
        .get(&format!("/v1/contacts/{}?fields=id,name", world::contact("maria")))
        .await
        .expect_status(200);
    assert_eq!(
        one.body,
        json!({"id": world::contact("maria"), "name": "Maria da Conceição Silva"})
    );
    let list = reception
        .get("/v1/contacts?fields=name&sort=name")
        .await
        .expect_status(200);
    assert_eq!(
        list.data(),
        [
            json!({"name": "Ana Beatriz Costa"}),
            json!({"name": "João Pereira"}),
            json!({"name": "Maria da Conceição Silva"}),
        ]
    );
}

#[tokio::test]
async fn neighbours_come_only_when_asked_for() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let path = format!("/v1/appointments/{}", world::appointment("maria-monday"));
    let alone = reception.get(&path).await.expect_status(200);
    let with_contact = reception
        .get(&format!("{path}?include=contact"))
        .await
        .expect_status(200);
    assert!(
        alone.body.get("contact").is_none_or(serde_json::Value::is_null),
        "{alone}"
    );
    assert_eq!(
        with_contact.body["contact"]["id"],
        json!(world::contact("maria")),
        "{with_contact}"
    );
    reception
        .get(&format!("{path}?include=records"))
        .await
        .assert_problem(422, "invalid_fields");
}

#[tokio::test]
async fn an_answer_that_is_kept_is_never_a_stale_one() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let contact = format!("/v1/contacts/{}", world::contact("maria"));
    let agenda = "/v1/appointments?from=2026-11-23T03:00:00Z&to=2026-11-24T03:00:00Z&include=contact";
    for round in 0..3 {
        let kept = [reception.get(&contact).await, reception.get(&contact).await];
        assert_eq!(kept[0].body, kept[1].body);
        assert_eq!(kept[1].statements(), 0, "the second read is answered from memory");
        reception.get(agenda).await.assert_status(200);
        let name = format!("Maria Nova {round}");
        reception
            .patch(&contact, json!({"name": name}))
            .await
            .assert_status(200);
        assert_eq!(reception.get(&contact).await.body["name"], name.as_str());
        let listed = reception.get(agenda).await.expect_status(200);
        let shown = listed.data().iter().any(|row| row["contact"]["name"] == name.as_str());
        assert!(shown, "the agenda shows an old name: {listed}");
    }
}

#[tokio::test]
async fn what_one_may_not_see_is_not_kept_for_another() {
    let Some(app) = TestApp::start().await else { return };
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    app.get("reception@aurora", &path).await.assert_status(200);
    app.get("auditor@aurora", &path)
        .await
        .assert_problem(403, "permission_denied");
    app.get("reception@horizonte", &path).await.assert_status(404);
}

#[tokio::test]
async fn every_answer_is_safe_for_browsers_and_names_its_request() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (path, status) in [
        ("/v1/me", 200),
        ("/v1/contacts?nonsense=1", 422),
        ("/nowhere", 404),
        ("/healthz", 200),
        ("/openapi.json", 200),
    ] {
        let answer = reception.get(path).await.expect_status(status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {answer}");
        }
        assert!(answer.header("content-security-policy").is_some(), "{path}: {answer}");
        assert!(answer.header("cache-control").is_some(), "{path}: {answer}");
        let id = answer.header("x-request-id").expect("a request id").to_owned();
        if status >= 400 {
            assert_eq!(answer.body["trace_id"], id.as_str(), "{path}: {answer}");
        }
    }
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = reception
        .call(Method::GET, "/v1/me")
        .header("traceparent", traceparent)
        .send()
        .await;
    assert!(
        answer
            .header("traceparent")
            .is_some_and(|echo| echo.contains("0af7651916cd43dd8448eb211c80319c")),
        "{answer}"
    );
}

#[tokio::test]
async fn the_document_and_its_browser_are_served_from_here() {
    let Some(app) = TestApp::start().await else { return };
    let nobody = app.api.nobody();
    let document = nobody.get("/openapi.json").await.expect_status(200);
    assert_eq!(document.body["openapi"], "3.1.0");
    let moved = nobody.get("/docs").await;
    assert!(
        moved.status.is_redirection() && moved.header("location") == Some("/docs/"),
        "{moved}"
    );
    let page = nobody.get("/docs/").await.expect_status(200);
    let html = String::from_utf8_lossy(&page.bytes);
    assert!(html.contains("swagger-ui") && !html.contains("https://"), "{html}");
    nobody.get("/docs/swagger-ui-bundle.js").await.assert_status(200);
}
