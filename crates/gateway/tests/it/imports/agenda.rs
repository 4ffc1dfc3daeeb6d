//! Appointments from a file.

use serde_json::json;

use super::*;

const FILE: &str = "Código do agendamento;Paciente;Data de nascimento;Data;Horário;Duração;Unidade\n\
    A1;Rosa Lima;1980-05-04;24/11/2026;09:00;30;Centro\n\
    A2;Rui Lima;1981-05-04;24/11/2026;09:15;30;Centro\n\
    A3;Ida Soares;1990-01-01;24/11/2026;11:00;30;Praia\n";

#[tokio::test]
async fn what_the_file_does_not_say_is_said_beside_it() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "appointments", FILE).await;
    let settings = json!({"practitioners": ["CRM-SP 123456"], "unit": "centro"});
    owner.patch(&import, settings).await.assert_status(200);
    let rehearsed = done(&owner, &import, "dry-run", "rehearsed").await;
    assert_eq!(counts(&rehearsed), [1, 0, 1]);
    assert_eq!(
        count(&app, "SELECT count(*) FROM appointments WHERE source = 'import'").await,
        0
    );
    assert_eq!(failures(&owner, &import).await, ["3 starts_at:appointment_conflict"]);
    owner
        .patch(&import, json!({"overbook": true, "unit": null}))
        .await
        .assert_status(200);
    let ended = done(&owner, &import, "start", "completed").await;
    assert_eq!(counts(&ended), [3, 0, 0]);
    let noted = rows(&owner, &import, "").await;
    assert!(
        noted[1]["notes"][0].as_str().unwrap().starts_with("overbooked"),
        "{noted:?}"
    );
}

#[tokio::test]
async fn a_practitioner_who_is_not_there_ends_it_with_the_reason() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "appointments", FILE).await;
    owner
        .patch(&import, json!({"practitioners": ["Dr. Ninguém"]}))
        .await
        .assert_status(200);
    act(&owner, &import, "start").await.assert_status(202);
    crate::app::until("it fails", async || owner.get(&import).await.body["status"] == "failed").await;
    let shown = owner.get(&import).await;
    assert!(shown.body["fault"].as_str().unwrap().contains("Dr. Ninguém"), "{shown}");
    // And can be mended.
    owner
        .patch(&import, json!({"practitioners": ["CRM-SP 123456"], "overbook": true}))
        .await
        .assert_status(200);
    let ended = done(&owner, &import, "start", "completed").await;
    assert_eq!((counts(&ended), &ended["fault"]), ([3, 0, 0], &json!(null)));
}

#[tokio::test]
async fn people_who_are_not_there_can_be_refused() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "appointments", FILE).await;
    let settings = json!({"practitioners": ["CRM-SP 123456"], "known_people_only": true});
    owner.patch(&import, settings).await.assert_status(200);
    let ended = done(&owner, &import, "start", "completed").await;
    assert_eq!(counts(&ended), [0, 0, 3]);
}
