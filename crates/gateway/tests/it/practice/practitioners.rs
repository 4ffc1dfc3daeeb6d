//! Practitioners: made, changed, found, and put away once nobody is booked with them.

use serde_json::{Value, json};
use test_support::{Actor, world};

use super::{STALE, UNKNOWN_ID, column, delete_if, made, patch_if};
use crate::accounts::{assert_fault, faults};
use crate::app::TestApp;

const PATH: &str = "/v1/practitioners";

fn at(key: &str) -> String {
    format!("{PATH}/{}", world::practitioner(key))
}

fn someone(number: &str) -> Value {
    json!({"name": "Paula Ramos", "registration": {"council": "CRM", "number": number, "state": "SP"}})
}

/// A new practitioner who offers the consultation, and a booking with them that nothing stands against.
async fn bookable(admin: &Actor) -> (String, Value) {
    let id = made(admin, PATH, {
        let mut body = someone("1001");
        body["service_ids"] = json!([world::service("consulta")]);
        body
    })
    .await;
    let booking = json!({
        "contact_id": world::contact("maria"), "practitioner_id": id, "service_id": world::service("consulta"),
        "starts_at": "2026-11-24T09:00:00-03:00", "ends_at": "2026-11-24T09:30:00-03:00"
    });
    (id, booking)
}

#[tokio::test]
async fn a_practitioner_is_made_and_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let body = json!({
        "name": " Paula  Ramos ", "registration": {"council": "crm", "number": "98.765", "state": "sp"},
        "specialty": "Cardiologia", "service_ids": [world::service("consulta")]
    });
    let answer = admin.post(PATH, body).await.expect_status(201);
    let path = format!("{PATH}/{}", answer.id());
    assert_eq!(answer.header("location"), Some(path.as_str()));
    assert_eq!(
        answer.body["registration"],
        json!({"council": "CRM", "number": "98765", "state": "SP"})
    );
    assert_eq!(answer.body["service_ids"], json!([world::service("consulta")]));
    assert_eq!(
        (&answer.body["version"], &answer.body["status"]),
        (&json!(1), &json!("active"))
    );
    let read = app.get("reception@aurora", &path).await.expect_status(200);
    assert_eq!(read.body, answer.body);
    assert_eq!(read.etag(), answer.etag());
}

#[tokio::test]
async fn a_client_may_choose_the_id_once() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let with_id = |number: &str| {
        let mut body = someone(number);
        body["id"] = json!("01936f00-0000-7000-8000-000000000001");
        admin.post(PATH, body)
    };
    assert_eq!(
        with_id("1001").await.expect_status(201).id(),
        "01936f00-0000-7000-8000-000000000001"
    );
    with_id("1002").await.assert_problem(409, "id_taken");
}

#[tokio::test]
async fn a_council_registration_is_one_practitioners_alone() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin
        .post(PATH, someone("123456"))
        .await
        .assert_problem(409, "registration_exists");
    let taken = json!({"registration": {"council": "CRM", "number": "123456", "state": "SP"}});
    admin
        .patch(&at("dr-souza"), taken)
        .await
        .assert_problem(409, "registration_exists");
    let elsewhere = app.actor("admin@horizonte").post(PATH, someone("123456")).await;
    elsewhere.assert_status(201);
}

#[tokio::test]
async fn the_registration_of_who_was_put_away_is_free_again() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin.delete(&at("dr-souza")).await.assert_status(204);
    admin.post(PATH, someone("654321")).await.assert_status(201);
}

#[tokio::test]
async fn ids_that_the_clinic_does_not_have_are_named_by_their_place() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let mut body = someone("1001");
    body["service_ids"] = json!([world::service("consulta"), world::service("avaliacao"), UNKNOWN_ID]);
    let answer = admin.post(PATH, body).await.expect_status(422);
    assert_eq!(
        faults(&answer),
        [
            ("/service_ids/1", "unknown_service"),
            ("/service_ids/2", "unknown_service")
        ]
    );
    for stranger in [
        world::membership("reception@horizonte").to_string(),
        UNKNOWN_ID.to_owned(),
    ] {
        let answer = admin.patch(&at("dr-souza"), json!({"membership_id": stranger})).await;
        assert_fault(&answer, "/membership_id", "unknown_membership");
    }
    assert_eq!(admin.get(&at("dr-souza")).await.body["version"], 1);
}

#[tokio::test]
async fn one_service_named_twice_is_offered_once() {
    let Some(app) = TestApp::start().await else { return };
    let service = world::service("exame");
    let answer = app
        .actor("admin@aurora")
        .patch(&at("dr-souza"), json!({"service_ids": [service, service]}))
        .await;
    assert_eq!(answer.expect_status(200).body["service_ids"], json!([service]));
}

#[tokio::test]
async fn a_member_of_the_staff_is_one_practitioner() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let taken = json!({"membership_id": world::membership("practitioner@aurora")});
    admin
        .patch(&at("dr-souza"), taken)
        .await
        .assert_problem(409, "membership_taken");
    let free = world::membership("director@aurora");
    let linked = admin
        .patch(&at("dr-souza"), json!({"membership_id": free}))
        .await
        .expect_status(200);
    assert_eq!(linked.body["membership_id"], json!(free));
    let staff = admin.get(&format!("/v1/staff/{free}")).await;
    assert_eq!(staff.body["practitioner_id"], json!(world::practitioner("dr-souza")));
    let unlinked = admin
        .patch(&at("dr-souza"), json!({"membership_id": null}))
        .await
        .expect_status(200);
    assert_eq!(unlinked.body["membership_id"], Value::Null);
}

#[tokio::test]
async fn naming_the_member_needs_the_permission_to_manage_the_staff() {
    let Some(app) = TestApp::start().await else { return };
    let permissions = kernel::PermissionSet::of(&[kernel::Permission::ClinicManage, kernel::Permission::ClinicRead]);
    let key = app.integration("aurora", permissions).await;
    key.patch(&at("dr-souza"), json!({"specialty": "Pediatria"}))
        .await
        .assert_status(200);
    let body = json!({"membership_id": world::membership("director@aurora")});
    key.patch(&at("dr-souza"), body)
        .await
        .assert_problem(403, "permission_denied");
}

#[tokio::test]
async fn absent_keeps_null_clears_and_the_version_counts() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let renamed = admin
        .patch(&at("dr-lima"), json!({"name": "Beatriz Lima e Silva"}))
        .await
        .expect_status(200);
    assert_eq!(renamed.body["specialty"], "Clínica médica");
    assert_eq!(renamed.body["service_ids"].as_array().unwrap().len(), 2);
    assert_eq!(renamed.body["version"], 2);
    let cleared = admin
        .patch(&at("dr-lima"), json!({"specialty": null}))
        .await
        .expect_status(200);
    assert_eq!(cleared.body["specialty"], Value::Null);
    let refused = admin.patch(&at("dr-lima"), json!({"name": null})).await;
    assert_fault(&refused, "/name", "required");
}

#[tokio::test]
async fn changing_what_is_offered_alone_is_a_new_version_too() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let before = admin.get(&at("dr-lima")).await;
    let after = admin
        .patch(&at("dr-lima"), json!({"service_ids": []}))
        .await
        .expect_status(200);
    assert_ne!(before.etag(), after.etag());
    assert_eq!(after.body["version"], 2);
}

#[tokio::test]
async fn a_change_minds_the_version_that_was_read() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let read = admin.get(&at("dr-souza")).await.etag().to_owned();
    patch_if(&admin, &at("dr-souza"), &read, json!({"specialty": "Pediatria"}))
        .await
        .assert_status(200);
    let stale = patch_if(&admin, &at("dr-souza"), &read, json!({"specialty": "Ortopedia"})).await;
    stale.assert_problem(412, "version_mismatch");
    delete_if(&admin, &at("dr-souza"), STALE)
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn who_is_booked_is_not_put_away() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let refused = admin.delete(&at("dr-lima")).await;
    refused.assert_problem(409, "has_upcoming_appointments");
    assert_eq!(refused.body["count"], 2);
    assert_eq!(admin.get(&at("dr-lima")).await.body["status"], "active");
    for appointment in ["maria-monday", "joao-monday"] {
        let path = format!("/v1/appointments/{}/cancel", world::appointment(appointment));
        app.actor("reception@aurora")
            .post(&path, json!({}))
            .await
            .assert_status(200);
    }
    admin.delete(&at("dr-lima")).await.assert_status(204);
}

#[tokio::test]
async fn who_was_put_away_stays_readable_and_does_not_change() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    admin.delete(&at("dr-souza")).await.assert_status(204);
    admin.delete(&at("dr-souza")).await.assert_status(204);
    let read = admin.get(&at("dr-souza")).await.expect_status(200);
    assert_eq!(read.body["status"], "archived");
    assert!(read.body["archived_at"].is_string());
    admin
        .patch(&at("dr-souza"), json!({"specialty": "Pediatria"}))
        .await
        .assert_problem(409, "archived");
    assert_eq!(column(&admin.get(PATH).await, "name"), ["Beatriz Lima"]);
    assert_eq!(
        column(&admin.get("/v1/practitioners?status=archived").await, "name"),
        ["Marcos Souza"]
    );
    assert_eq!(admin.get("/v1/practitioners?status=any").await.data().len(), 2);
}

#[tokio::test]
async fn a_service_shows_its_practitioners_in_use_alone() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    let path = format!("/v1/services/{}", world::service("consulta"));
    assert_eq!(
        admin.get(&path).await.body["practitioner_ids"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    admin.delete(&at("dr-souza")).await.assert_status(204);
    assert_eq!(
        admin.get(&path).await.body["practitioner_ids"],
        json!([world::practitioner("dr-lima")])
    );
}

#[tokio::test]
async fn practitioners_are_found_by_what_they_offer_and_who_they_are() {
    let Some(app) = TestApp::start().await else { return };
    let reception = app.actor("reception@aurora");
    let names = |filter: String| {
        let reception = &reception;
        async move {
            let listed = reception.get(&format!("{PATH}?{filter}")).await.expect_status(200);
            column(&listed, "name")
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(
        names(format!("service_id={}", world::service("exame"))).await,
        ["Beatriz Lima"]
    );
    let member = world::membership("practitioner@aurora");
    assert_eq!(names(format!("membership_id={member}")).await, ["Beatriz Lima"]);
    assert!(
        names(format!("service_id={}", world::service("avaliacao")))
            .await
            .is_empty()
    );
    assert!(names(format!("membership_id={UNKNOWN_ID}")).await.is_empty());
}

#[tokio::test]
async fn another_clinics_practitioner_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let admin = app.actor("admin@aurora");
    for path in [at("dr-alves"), format!("{PATH}/{UNKNOWN_ID}"), format!("{PATH}/x")] {
        admin.get(&path).await.assert_status(404);
        admin
            .patch(&path, json!({"specialty": "Pediatria"}))
            .await
            .assert_status(404);
        admin.delete(&path).await.assert_status(404);
    }
}

#[tokio::test]
async fn the_catalogue_is_changed_by_who_manages_the_clinic_alone() {
    let Some(app) = TestApp::start().await else { return };
    for member in ["reception@aurora", "practitioner@aurora", "billing@aurora"] {
        let actor = app.actor(member);
        actor
            .post(PATH, someone("1001"))
            .await
            .assert_problem(403, "permission_denied");
        actor
            .delete(&at("dr-souza"))
            .await
            .assert_problem(403, "permission_denied");
    }
}

#[tokio::test]
async fn a_practitioner_cannot_be_put_away_while_a_booking_is_on_its_way() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, reception) = (app.actor("admin@aurora"), app.actor("reception@aurora"));
    let (id, booking) = bookable(&admin).await;
    let path = format!("{PATH}/{id}");
    let (booked, put_away) = tokio::join!(reception.post("/v1/appointments", booking), admin.delete(&path));
    let outcome = (booked.status.as_u16(), put_away.status.as_u16());
    assert!(
        outcome == (201, 409) || outcome == (422, 204) || outcome == (409, 204),
        "{booked} {put_away}"
    );
}

#[tokio::test]
async fn what_was_cancelled_is_not_taken_up_again_by_who_was_put_away() {
    let Some(app) = TestApp::start().await else { return };
    let (admin, reception) = (app.actor("admin@aurora"), app.actor("reception@aurora"));
    let (id, booking) = bookable(&admin).await;
    let booked = made(&reception, "/v1/appointments", booking).await;
    let path = format!("/v1/appointments/{booked}");
    let cancel = json!({"by": "clinic", "reason": "férias"});
    reception
        .post(&format!("{path}/cancel"), cancel)
        .await
        .assert_status(200);
    admin.delete(&format!("{PATH}/{id}")).await.assert_status(204);
    let reopened = reception.post(&format!("{path}/reopen"), json!({})).await;
    crate::accounts::assert_fault(&reopened, "/practitioner_id", "archived");
}
