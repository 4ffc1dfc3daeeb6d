//! Changes of one person by several at a time: versions, locks, merges.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use test_support::{Role, world};

use super::{make, make_id};
use crate::app::TestApp;
use crate::conventions::until_waiting;

#[tokio::test]
async fn a_change_of_a_version_that_is_gone_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = make(&reception, json!({"name": "Ana"})).await;
    let path = format!("/v1/contacts/{}", made.id());
    let change = |etag: String, name: &str| {
        reception
            .call(Method::PATCH, &path)
            .header("if-match", etag)
            .json(&json!({"name": name}))
            .send()
    };
    let changed = change(made.etag().to_owned(), "Ana Lima").await.expect_status(200);
    assert_eq!(change(made.etag().to_owned(), "Ana Souza").await.status, 412);
    let archived = reception
        .call(Method::DELETE, &path)
        .header("if-match", made.etag())
        .send()
        .await;
    assert_eq!(archived.status, 412, "{archived}");
    change(changed.etag().to_owned(), "Ana Reis").await.assert_status(200);
}

#[tokio::test]
async fn of_two_changes_of_one_version_one_is_made() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = make(&reception, json!({"name": "Ana"})).await;
    let path = format!("/v1/contacts/{}", made.id());
    let answers = join_all((0..8).map(|number| {
        let call = reception.call(Method::PATCH, &path).header("if-match", made.etag());
        call.json(&json!({"name": format!("Ana {number}")})).send()
    }))
    .await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[412; 7]].concat());
}

#[tokio::test]
async fn a_change_that_waited_for_another_sees_the_phones_of_both() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let id = make_id(&reception, json!({"name": "Ana", "phone": "11 98888-1111"})).await;
    let other = app.database.connect(Role::Maintenance).await;
    other
        .batch_execute(&format!(
            "BEGIN; SELECT FROM contacts WHERE id = '{id}' FOR UPDATE;
             INSERT INTO contact_phones (clinic_id, contact_id, position, number, match_key, kind, is_primary)
             SELECT clinic_id, id, 1, '+5511977772222', '+551177772222', 'mobile', false FROM contacts WHERE id = '{id}'"
        ))
        .await
        .unwrap();
    let path = format!("/v1/contacts/{id}");
    let commit = async {
        until_waiting(&app.database, 1).await;
        other.batch_execute("COMMIT").await.unwrap();
    };
    let (changed, ()) = tokio::join!(reception.patch(&path, json!({"name": "Ana Lima"})), commit);
    let phones = changed.expect_status(200).body["phones"].clone();
    assert_eq!(phones.as_array().map(Vec::len), Some(2), "{phones}");
}

#[tokio::test]
async fn a_consent_given_during_a_merge_is_not_left_behind() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let twin = make_id(&reception, json!({"name": "Maria C. Silva"})).await;
    let other = app.database.connect(Role::Maintenance).await;
    other
        .batch_execute(&format!(
            "BEGIN; SELECT FROM contacts WHERE id = '{twin}' FOR UPDATE;
             UPDATE contacts SET status = 'archived', archived_at = now(), merged_into_id = '{}' WHERE id = '{twin}'",
            world::contact("maria")
        ))
        .await
        .unwrap();
    let commit = async {
        until_waiting(&app.database, 1).await;
        other.batch_execute("COMMIT").await.unwrap();
    };
    let path = format!("/v1/contacts/{twin}/consents");
    let consent = json!({"purpose": "marketing", "granted": false, "origin": "paper form"});
    let (answer, ()) = tokio::join!(reception.post(&path, consent), commit);
    assert!(!answer.status.is_success(), "{answer}");
    let kept = other
        .query_one(
            &format!("SELECT count(*) FROM contact_consents WHERE contact_id = '{twin}'"),
            &[],
        )
        .await
        .unwrap();
    assert_eq!(kept.get::<_, i64>(0), 0);
}
