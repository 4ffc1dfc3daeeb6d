//! What tells people apart: CPF, CNS and phone numbers.

use futures_util::future::join_all;
use serde_json::json;

use super::{assert_faults, cpf, make, make_id};
use crate::app::TestApp;

#[tokio::test]
async fn only_a_cpf_with_right_check_digits_is_taken() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (text, code) in [
        ("529.982.247-26", "invalid_check_digits"),
        ("529.982.247-15", "invalid_check_digits"),
        ("5299822472", "invalid_length"),
        ("529982247255", "invalid_length"),
        ("5299822472a", "invalid_characters"),
    ] {
        let refused = reception
            .post("/v1/contacts", json!({"name": "Ana", "tax_id": text}))
            .await;
        assert_faults(&refused, &[&format!("/tax_id {code}")]);
    }
    for digit in 0..10 {
        let same = digit.to_string().repeat(11);
        let refused = reception
            .post("/v1/contacts", json!({"name": "Ana", "tax_id": same}))
            .await;
        assert_eq!(refused.status, 422, "{refused}");
    }
    for text in ["153.509.460-56", "39053344705"] {
        let _ = make(&reception, json!({"name": "Ana", "tax_id": text})).await;
    }
}

#[tokio::test]
async fn only_a_cns_with_right_check_digits_is_taken() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (text, code) in [
        ("898000000043209", "invalid_check_digits"),
        ("89800000004320", "invalid_length"),
        ("398000000043208", "invalid_first_digit"),
    ] {
        let refused = reception
            .post("/v1/contacts", json!({"name": "Ana", "national_health_id": text}))
            .await;
        assert_faults(&refused, &[&format!("/national_health_id {code}")]);
    }
    for text in ["898 0000 0004 3208", "100000000000007", "100000010000018"] {
        let _ = make(&reception, json!({"name": "Ana", "national_health_id": text})).await;
    }
}

#[tokio::test]
async fn a_second_contact_with_a_cpf_is_refused_and_the_first_one_named() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let first = make_id(&reception, json!({"name": "Ana", "tax_id": "390.533.447-05"})).await;
    let second = reception
        .post("/v1/contacts", json!({"name": "Bia", "tax_id": "39053344705"}))
        .await;
    second.assert_problem(409, "contact_exists");
    assert_eq!(second.body["contact_id"], first.as_str());
    let other = make_id(&reception, json!({"name": "Caio"})).await;
    let patched = reception
        .patch(&format!("/v1/contacts/{other}"), json!({"tax_id": "39053344705"}))
        .await;
    patched.assert_problem(409, "contact_exists");
    assert_eq!(patched.body["contact_id"], first.as_str());
}

#[tokio::test]
async fn of_twenty_who_register_one_person_at_once_one_succeeds() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let body = json!({"name": "Ana Lima", "tax_id": cpf(7), "phone": "11 98888-7777"});
    let answers = join_all((0..20).map(|_| reception.post("/v1/contacts", body.clone()))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.assert_problem(409, "contact_exists");
        assert_eq!(answer.body["contact_id"], made[0].id(), "{answer}");
    }
    let list = reception.get(&format!("/v1/contacts?tax_id={}", cpf(7))).await;
    assert_eq!(list.data().len(), 1);
}

#[tokio::test]
async fn the_cpf_of_an_archived_contact_is_free() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let first = make_id(&reception, json!({"name": "Ana", "tax_id": cpf(7)})).await;
    reception
        .delete(&format!("/v1/contacts/{first}"))
        .await
        .assert_status(204);
    let _ = make(&reception, json!({"name": "Ana", "tax_id": cpf(7)})).await;
}

#[tokio::test]
async fn an_archived_contact_does_not_come_back_while_another_has_its_cpf() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let first = format!(
        "/v1/contacts/{}",
        make_id(&reception, json!({"name": "Ana", "tax_id": cpf(7)})).await
    );
    reception.delete(&first).await.assert_status(204);
    let second = make_id(&reception, json!({"name": "Ana", "tax_id": cpf(7)})).await;
    let refused = reception.patch(&first, json!({"status": "active"})).await;
    refused.assert_problem(409, "contact_exists");
    assert_eq!(refused.body["contact_id"], second.as_str());
    assert_eq!(reception.get(&first).await.body["status"], "archived");
    // Without the number there is nothing in the way.
    let back = reception
        .patch(&first, json!({"status": "active", "tax_id": null}))
        .await
        .expect_status(200);
    assert_eq!(back.body["status"], "active");
}

#[tokio::test]
async fn of_many_brought_back_at_once_with_one_cpf_one_comes_back() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let mut paths = Vec::new();
    for _ in 0..6 {
        let path = format!(
            "/v1/contacts/{}",
            make_id(&reception, json!({"name": "Ana", "tax_id": cpf(7)})).await
        );
        reception.delete(&path).await.assert_status(204);
        paths.push(path);
    }
    let answers = join_all(
        paths
            .iter()
            .map(|path| reception.patch(path, json!({"status": "active"}))),
    )
    .await;
    let (back, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(back.len(), 1);
    for answer in refused {
        answer.assert_problem(409, "contact_exists");
        assert_eq!(answer.body["contact_id"], back[0].id(), "{answer}");
    }
}

#[tokio::test]
async fn each_clinic_has_its_own_contact_with_a_cpf() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"name": "Ana", "tax_id": cpf(7)});
    let here = make(&app.actor("reception@aurora"), body.clone()).await;
    let there = make(&app.actor("reception@horizonte"), body).await;
    assert_ne!(here.id(), there.id());
}

#[tokio::test]
async fn a_mobile_gains_its_ninth_digit_and_a_landline_none() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    for (typed, number, kind) in [
        ("(11) 8765-4321", "+5511987654321", "mobile"),
        ("11 98765-4321", "+5511987654321", "mobile"),
        ("+55 11 8765 4321", "+5511987654321", "mobile"),
        ("011 8765-4321", "+5511987654321", "mobile"),
        ("11 3265-4321", "+551132654321", "home"),
        ("+351 912 345 678", "+351912345678", "mobile"),
    ] {
        let made = make(&reception, json!({"name": "Ana", "phone": typed})).await;
        assert_eq!(
            made.body["phones"],
            json!([{"number": number, "kind": kind, "primary": true}]),
            "{typed}"
        );
        assert_eq!(made.body["phone"], number);
    }
}

#[tokio::test]
async fn one_number_in_two_spellings_is_once_in_a_list() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"name": "Ana", "phones": [{"number": "(11) 98765-4321"}, {"number": "11 8765-4321"}]});
    let refused = app.actor("reception@aurora").post("/v1/contacts", body).await;
    assert_faults(&refused, &["/phones/1/number duplicate"]);
}

#[tokio::test]
async fn phone_must_be_the_primary_one_of_phones() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let body = |phone: &str| json!({"name": "Ana", "phone": phone, "phones": [{"number": "(11) 98765-4321"}, {"number": "(11) 3333-4444"}]});
    assert_faults(
        &reception.post("/v1/contacts", body("11 3333-4444")).await,
        &["/phone contradicts_phones"],
    );
    // The same number, written the old way.
    let made = make(&reception, body("11 8765-4321")).await;
    let path = format!("/v1/contacts/{}", made.id());
    let contradiction = json!({"phone": null, "phones": [{"number": "(11) 3333-4444"}]});
    assert_faults(
        &reception.patch(&path, contradiction).await,
        &["/phone contradicts_phones"],
    );
    assert_eq!(reception.get(&path).await.body, made.body);
}

#[tokio::test]
async fn writing_phone_changes_the_primary_one_alone() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let body = json!({"name": "Ana", "phones": [{"number": "(11) 98765-4321"}, {"number": "(11) 3333-4444"}]});
    let path = format!("/v1/contacts/{}", make_id(&reception, body).await);
    let replaced = reception
        .patch(&path, json!({"phone": "11 99999-1111"}))
        .await
        .expect_status(200);
    assert_eq!(
        replaced.body["phones"],
        json!([
            {"number": "+5511999991111", "kind": "mobile", "primary": true},
            {"number": "+551133334444", "kind": "home", "primary": false},
        ])
    );
    let chosen = reception
        .patch(&path, json!({"phone": "1133334444"}))
        .await
        .expect_status(200);
    assert_eq!(
        chosen.body["phones"],
        json!([
            {"number": "+5511999991111", "kind": "mobile", "primary": false},
            {"number": "+551133334444", "kind": "home", "primary": true},
        ])
    );
}

#[tokio::test]
async fn a_change_of_phones_is_a_new_version() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let made = make(&reception, json!({"name": "Ana"})).await;
    let path = format!("/v1/contacts/{}", made.id());
    let changed = reception
        .patch(&path, json!({"phone": "11 99999-1111"}))
        .await
        .expect_status(200);
    assert_eq!(changed.body["version"], 2);
    assert_ne!(changed.etag(), made.etag());
}
