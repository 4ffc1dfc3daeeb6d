//! People from a file.

use serde_json::json;
use test_support::Role;

use super::*;

/// A spreadsheet's file of Brazil, in Windows-1252: one is there already, one comes twice, one is wrong in two ways.
fn file() -> Vec<u8> {
    let text = "Nome do paciente;CPF;Telefone;Nascimento;Obs\r\n\
        João da Conceição;390.533.447-05;(11) 98888-7777;31/12/1990;=cmd|' /c calc'!A1\r\n\
        Maria de Souza;529.982.247-25;;;\r\n\
        João da Conceição;39053344705;;;\r\n\
        Ana;111.111.111-11;;31/02/1990;\r\n\
        \"Sem fim;;;;\r\n\
        Última Pessoa;;(11) 3333-4444;;\r\n";
    let mut bytes = Vec::new();
    for character in text.chars() {
        bytes.push(u8::try_from(u32::from(character)).unwrap());
    }
    bytes
}

#[tokio::test]
async fn a_file_is_read_and_each_row_reported() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let taken = upload(&owner, "contacts", file()).await.expect_status(201);
    let import = taken.header("location").unwrap().to_owned();
    let shown = &taken.body;
    assert_eq!(
        (
            &shown["encoding"],
            &shown["delimiter"],
            &shown["rows_total"],
            &shown["status"]
        ),
        (
            &json!("windows-1252"),
            &json!("semicolon"),
            &json!(6),
            &json!("analysed")
        )
    );
    assert_eq!(
        shown["columns"],
        json!([
            {"heading": "Nome do paciente", "field": "name"}, {"heading": "CPF", "field": "tax_id"},
            {"heading": "Telefone", "field": "phone"}, {"heading": "Nascimento", "field": "birth_date"},
            {"heading": "Obs", "field": null},
        ])
    );
    // The sample shows shapes and nobody.
    assert_eq!(
        shown["sample"][0],
        json!([
            "J··· d· C········",
            "000.000.000-00",
            "(00) 00000-0000",
            "00/00/0000",
            "=c··|' /c c···'!A0"
        ])
    );

    let ended = done(&owner, &import, "start", "completed").await;
    assert_eq!(counts(&ended), [2, 2, 2]);
    assert_eq!((&ended["rows_done"], &ended["work"]), (&json!(6), &json!("import")));
    assert_eq!(
        failures(&owner, &import).await,
        ["5 /birth_date:invalid_date /tax_id:all_digits_equal", "6 :bad_quote"].map(|told| told.to_owned())
    );
    let created = rows(&owner, &import, "outcome=created").await;
    let made = created[0]["created_id"].as_str().unwrap();
    let person = owner.get(&format!("/v1/contacts/{made}")).await.expect_status(200);
    assert_eq!(person.body["name"], "João da Conceição");
    let skipped = rows(&owner, &import, "outcome=skipped").await;
    assert_eq!(skipped[1]["same_as_id"], json!(made));
    // Who watches, and who looks back, is told.
    let told = "SELECT count(*) FROM outbox WHERE kind = 'import.finished' AND payload ->> 'status' = 'completed'";
    assert_eq!(count(&app, told).await, 1);
    let told = "SELECT count(*) FROM outbox WHERE kind = 'import.progress'";
    assert_eq!(count(&app, told).await, 1);
    let audited = "SELECT count(*) FROM audit_log WHERE action IN ('imports.upload', 'imports.start')";
    assert_eq!(count(&app, audited).await, 2);
}

#[tokio::test]
async fn the_report_is_a_table_that_runs_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "contacts", "Nome,Sexo\nAna Lima,=1+1\nBia Reis,F\n").await;
    done(&owner, &import, "start", "completed").await;
    let report = owner.get(&format!("{import}/report.csv")).await.expect_status(200);
    assert_eq!(
        report.header("content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    let text = String::from_utf8(report.bytes.to_vec()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].starts_with("2,failed,"), "{text}");
    for line in lines {
        assert!(
            line.split(',')
                .all(|cell| !cell.trim_matches('"').starts_with(['=', '@'])),
            "{text}"
        );
    }
    let failed = owner
        .get(&format!("{import}/report.csv?outcome=failed"))
        .await
        .expect_status(200);
    assert_eq!(String::from_utf8(failed.bytes.to_vec()).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_rehearsal_writes_nothing_and_tells_what_would_be() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "contacts", file()).await;
    let before = count(&app, "SELECT count(*) FROM contacts").await;
    let rehearsed = done(&owner, &import, "dry-run", "rehearsed").await;
    assert_eq!(counts(&rehearsed), [2, 2, 2]);
    assert_eq!(count(&app, "SELECT count(*) FROM contacts").await, before);
    assert_eq!(
        count(&app, "SELECT count(*) FROM audit_log WHERE action = 'contacts.create'").await,
        0
    );
    for row in rows(&owner, &import, "outcome=created").await {
        assert_eq!(row["created_id"], serde_json::Value::Null);
    }
    act(&owner, &import, "undo").await.assert_problem(409, "illegal_move");
    let ended = done(&owner, &import, "start", "completed").await;
    assert_eq!(counts(&ended), [2, 2, 2]);
    assert_eq!(count(&app, "SELECT count(*) FROM contacts").await, before + 2);
}

#[tokio::test]
async fn a_rehearsal_of_several_parts_knows_who_came_before() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let mut file = people_file(250);
    file.push_str("Pessoa Número 3;(11) 910000003;P3\n");
    let import = take(&owner, "contacts", file).await;
    let rehearsed = done(&owner, &import, "dry-run", "rehearsed").await;
    assert_eq!(counts(&rehearsed), [250, 1, 0]);
}

#[tokio::test]
async fn what_was_found_out_can_be_corrected() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let taken = upload(&owner, "contacts", "Quem,Plano\nJos\u{e9},Unimed\n")
        .await
        .expect_status(201);
    let import = format!("/v1/imports/{}", taken.id());
    assert_eq!(taken.body["problems"][0]["code"], "missing_column");
    let refused = act(&owner, &import, "start").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["errors"][0]["pointer"]),
        (422, &json!("/columns"))
    );
    let wrong = json!({"encoding": "ebcdic", "delimiter": "x", "duration_minutes": 0});
    let refused = owner.patch(&import, wrong).await;
    crate::contacts::assert_faults(
        &refused,
        &[
            "/encoding unknown_encoding",
            "/delimiter unknown_delimiter",
            "/duration_minutes out_of_range",
        ],
    );
    let stale = owner
        .call(Method::PATCH, &import)
        .header("if-match", "\"7\"")
        .json(&json!({}))
        .send()
        .await;
    stale.assert_status(412);
    let mended = owner
        .patch(
            &import,
            json!({"columns": {"Quem": "name", "Plano": "custom_fields.plano"}}),
        )
        .await
        .expect_status(200);
    assert_eq!(mended.body["problems"], json!([]));
    assert_eq!(mended.body["columns"][1]["field"], "custom_fields.plano");
    done(&owner, &import, "start", "completed").await;
    let plan = "SELECT count(*) FROM contacts WHERE name = 'José' AND custom_fields ->> 'plano' = 'Unimed'";
    assert_eq!(count(&app, plan).await, 1);
    // What has begun is not read otherwise any more.
    owner
        .patch(&import, json!({}))
        .await
        .assert_problem(409, "illegal_move");
}

#[tokio::test]
async fn the_wrong_encoding_costs_the_rows_that_are_no_text_in_it() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "contacts", file()).await;
    let changed = owner
        .patch(&import, json!({"encoding": "utf-8"}))
        .await
        .expect_status(200);
    assert_eq!(changed.body["encoding"], "utf-8");
    done(&owner, &import, "dry-run", "rehearsed").await;
    assert!(failures(&owner, &import).await.contains(&"2 :not_text".to_owned()));
}

#[tokio::test]
async fn the_file_and_its_rows_go_after_thirty_days() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "contacts", "Nome\nAna Lima\n").await;
    done(&owner, &import, "start", "completed").await;
    app.clock.advance(chrono::TimeDelta::days(30));
    let owner = app.actor("owner@aurora");
    let maintenance = app.database.connect(Role::Maintenance).await;
    crate::app::until("the file goes", async || {
        let sql = "SELECT file_removed_at IS NOT NULL FROM imports";
        maintenance.query_one(sql, &[]).await.unwrap().get(0)
    })
    .await;
    assert!(rows(&owner, &import, "").await.is_empty());
    let shown = owner.get(&import).await.expect_status(200);
    assert_eq!(
        (&shown.body["columns"], &shown.body["sample"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(counts(&shown.body), [1, 0, 0]);
    act(&owner, &import, "undo").await.assert_problem(409, "file_removed");
}
