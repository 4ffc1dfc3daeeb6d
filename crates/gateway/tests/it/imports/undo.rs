//! An import is undone: what nobody has touched goes, the rest stays and says why.

use serde_json::json;
use test_support::{Role, world};

use super::*;
use crate::agenda::{book, consulta, tuesday, with};
use crate::waitlist::settled;

#[tokio::test]
async fn contacts_that_were_changed_or_are_in_use_stay() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let file = "Nome\nAna Intocada\nBia Mudada\nCaio Marcado\nDavi Guardião\nEva Arquivada\n";
    let import = take(&owner, "contacts", file).await;
    done(&owner, &import, "start", "completed").await;
    let made: Vec<String> = rows(&owner, &import, "")
        .await
        .iter()
        .map(|row| row["created_id"].as_str().unwrap().to_owned())
        .collect();
    let contact = |number: usize| format!("/v1/contacts/{}", made[number]);
    owner
        .patch(&contact(1), json!({"insurer": "Unimed"}))
        .await
        .assert_status(200);
    book(
        &owner,
        with(consulta(&tuesday("09:00")), json!({"contact_id": made[2]})),
    )
    .await;
    let child = json!({"name": "Filha", "guardian": {"contact_id": made[3]}});
    owner.post("/v1/contacts", child).await.assert_status(201);
    owner.delete(&contact(4)).await.assert_status(204);

    let ended = done(&owner, &import, "undo", "undone").await;
    assert_eq!((&ended["removed"], &ended["stayed"]), (&json!(1), &json!(4)));
    let told: Vec<_> = rows(&owner, &import, "")
        .await
        .iter()
        .map(|row| row["taken_back"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, ["removed", "changed", "in_use", "in_use", "gone"]);
    let status = async |number: usize| owner.get(&contact(number)).await.body["status"].clone();
    assert_eq!(
        (status(0).await, status(1).await, status(2).await),
        (json!("archived"), json!("active"), json!("active"))
    );
    // Once, and then the same file may come again.
    act(&owner, &import, "undo").await.assert_problem(409, "illegal_move");
    let again = take(&owner, "contacts", file).await;
    let ended = done(&owner, &again, "start", "completed").await;
    assert_eq!(ended["created"], json!(5));
}

const AGENDA: &str = "Código do agendamento;Paciente;Data de nascimento;CRM;Data;Horário;Duração;Situação\n\
    A1;Rosa Lima;1980-05-04;CRM-SP 123456;24/11/2026;09:00;30;agendado\n\
    A2;Rui Lima;1981-05-04;CRM-SP 123456;24/11/2026;10:00;30;agendado\n\
    A3;Ida Soares;1990-01-01;CRM-SP 123456;02/11/2026;10:00;30;realizado\n";

#[tokio::test]
async fn appointments_are_taken_out_and_the_same_file_can_come_again() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "appointments", AGENDA).await;
    let ended = done(&owner, &import, "start", "completed").await;
    assert_eq!(counts(&ended), [3, 0, 0]);
    // Their patients are to be reminded, which keeps none of them.
    settled(&app).await;
    let reminders = "SELECT count(*) FROM appointment_reminders r JOIN appointments a ON a.id = r.appointment_id
                     WHERE a.source = 'import' AND r.status = 'planned'";
    assert!(count(&app, reminders).await >= 2, "reminders were planned");
    let made = rows(&owner, &import, "").await;
    let moved = made[1]["created_id"].as_str().unwrap();
    crate::agenda::act(&owner, moved, "confirm").await.assert_status(200);

    let ended = done(&owner, &import, "undo", "undone").await;
    assert_eq!((&ended["removed"], &ended["stayed"]), (&json!(2), &json!(1)));
    let told: Vec<_> = rows(&owner, &import, "")
        .await
        .iter()
        .map(|row| (row["taken_back"].clone(), row["contact_taken_back"].clone()))
        .collect();
    let both = |one: &str, other: &str| (json!(one), json!(other));
    assert_eq!(
        told,
        [
            both("removed", "removed"),
            both("changed", "in_use"),
            both("removed", "removed")
        ]
    );
    owner.get(&format!("/v1/appointments/{moved}")).await.assert_status(200);
    let gone = made[0]["created_id"].as_str().unwrap();
    owner.get(&format!("/v1/appointments/{gone}")).await.assert_status(404);
    let left = "SELECT count(*) FROM appointments WHERE source = 'import'";
    assert_eq!(count(&app, left).await, 1);
    let told = "SELECT count(*) FROM outbox WHERE kind = 'appointment.removed'";
    assert_eq!(count(&app, told).await, 2);
    // Their time is free again, and the same file is read as if it had never come, but for the one that stayed.
    let again = take(&owner, "appointments", AGENDA).await;
    let ended = done(&owner, &again, "start", "completed").await;
    assert_eq!(counts(&ended), [2, 1, 0]);
}

#[tokio::test]
async fn an_appointment_of_which_a_reminder_has_gone_out_stays() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "appointments", AGENDA).await;
    done(&owner, &import, "start", "completed").await;
    settled(&app).await;
    let made = rows(&owner, &import, "").await;
    let reminded = made[0]["created_id"].as_str().unwrap().to_owned();
    let maintenance = app.database.connect(Role::Maintenance).await;
    let sql = "UPDATE appointment_reminders SET status = 'sent', sent_at = now() WHERE appointment_id = $1::text::uuid
               AND status = 'planned'";
    assert!(maintenance.execute(sql, &[&reminded]).await.unwrap() > 0);
    let server = app.database.connect(Role::App).await;
    let clinic = format!("SET app.clinic_id = '{}'", world::clinic("aurora"));
    server.batch_execute(&clinic).await.unwrap();
    let sql = "DELETE FROM appointment_reminders WHERE appointment_id = $1::text::uuid AND status = 'sent'";
    assert_eq!(
        server.execute(sql, &[&reminded]).await.unwrap(),
        0,
        "the database keeps it too"
    );

    let ended = done(&owner, &import, "undo", "undone").await;
    assert_eq!((&ended["removed"], &ended["stayed"]), (&json!(2), &json!(1)));
    assert_eq!(rows(&owner, &import, "").await[0]["taken_back"], "in_use");
    owner
        .get(&format!("/v1/appointments/{reminded}"))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn the_database_lets_no_other_appointment_be_removed() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let booked = book(&owner, consulta(&tuesday("09:00"))).await;
    let import = take(&owner, "appointments", AGENDA).await;
    done(&owner, &import, "start", "completed").await;
    let made = rows(&owner, &import, "").await;
    let moved = made[1]["created_id"].as_str().unwrap().to_owned();
    crate::agenda::act(&owner, &moved, "confirm").await.assert_status(200);
    let server = app.database.connect(Role::App).await;
    let clinic = format!("SET app.clinic_id = '{}'", world::clinic("aurora"));
    server.batch_execute(&clinic).await.unwrap();
    for id in [booked.id(), &moved] {
        for sql in [
            "DELETE FROM appointment_moves WHERE appointment_id = $1::text::uuid",
            "DELETE FROM appointments WHERE id = $1::text::uuid",
        ] {
            assert_eq!(server.execute(sql, &[&id]).await.unwrap(), 0, "{sql}");
        }
    }
}
