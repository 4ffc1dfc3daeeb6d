//! Who may do what with an import when, and whose turn it is.

use serde_json::json;
use test_support::Role;

use super::*;

#[tokio::test]
async fn a_file_that_was_imported_is_warned_about() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let file = "Nome;CPF\nAna Lima;390.533.447-05\n";
    let (first, second) = (
        take(&owner, "contacts", file).await,
        take(&owner, "contacts", file).await,
    );
    let ended = done(&owner, &first, "start", "completed").await;
    // The other was there before; it is told when it is to begin.
    let refused = act(&owner, &second, "start").await;
    refused.assert_problem(409, "already_imported");
    assert_eq!(refused.body["import_id"], ended["id"]);
    let refused = upload(&owner, "contacts", file).await;
    refused.assert_problem(409, "already_imported");
    assert_eq!(app.kept_files(), 2);
    let again = upload_as(&owner, "kind=contacts&filename=a.csv&again=true", file)
        .await
        .expect_status(201);
    let ended = done(&owner, &format!("/v1/imports/{}", again.id()), "start", "completed").await;
    assert_eq!(counts(&ended), [0, 1, 0]);
    // As people of another clinic's file they are nobody's business here.
    upload(&app.actor("owner@horizonte"), "contacts", file)
        .await
        .assert_status(201);
}

#[tokio::test]
async fn of_two_with_the_same_content_begun_at_once_one_comes_in() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    for round in 0..4 {
        let file = format!("Nome\nAna Lima {round}\n");
        let (first, second) = (
            take(&owner, "contacts", file.clone()).await,
            take(&owner, "contacts", file).await,
        );
        let (one, other) = futures_util::join!(act(&owner, &first, "start"), act(&owner, &second, "start"));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "{one} {other}");
    }
}

#[tokio::test]
async fn a_repeated_upload_is_one() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let send = async |file: &'static str| {
        owner
            .call(Method::POST, "/v1/imports?kind=contacts&filename=a.csv")
            .header("idempotency-key", "one")
            .bytes("text/csv", file)
            .send()
            .await
    };
    let first = send("Nome\nAna\n").await.expect_status(201);
    let repeated = send("Nome\nAna\n").await.expect_status(201);
    assert_eq!(first.id(), repeated.id());
    send("Nome\nBia\n").await.assert_status(422);
    assert_eq!(app.kept_files(), 1);
}

#[tokio::test]
async fn one_is_paused_gone_on_with_and_called_off() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let import = take(&owner, "contacts", people_file(900)).await;
    for action in ["pause", "undo"] {
        act(&owner, &import, action).await.assert_problem(409, "illegal_move");
    }
    act(&owner, &import, "start").await.assert_status(202);
    act(&owner, &import, "start").await.assert_problem(409, "illegal_move");
    act(&owner, &import, "dry-run")
        .await
        .assert_problem(409, "illegal_move");
    until(&owner, &import, "some rows are in", |body| {
        body["rows_done"].as_i64() > Some(0)
    })
    .await;
    let paused = act(&owner, &import, "pause").await.expect_status(202);
    let at = paused.body["rows_done"].as_i64();
    assert!(at < Some(900), "{paused}");
    // What was begun for good is not tried any more.
    act(&owner, &import, "dry-run")
        .await
        .assert_problem(409, "illegal_move");
    act(&owner, &import, "start").await.assert_status(202);
    until(&owner, &import, "more rows are in", |body| {
        body["rows_done"].as_i64() > at
    })
    .await;
    let cancelled = act(&owner, &import, "cancel").await.expect_status(202);
    let rows_done = cancelled.body["rows_done"].as_i64().unwrap();
    assert_eq!(counts(&cancelled.body), [rows_done, 0, 0]);
    let made = "SELECT count(*) FROM contacts WHERE name LIKE 'Pessoa Número %'";
    assert_eq!(count(&app, made).await, rows_done);
    act(&owner, &import, "start").await.assert_problem(409, "illegal_move");
    let undone = done(&owner, &import, "undo", "undone").await;
    assert_eq!(undone["removed"].as_i64(), Some(rows_done));
}

#[tokio::test]
async fn one_of_a_clinic_is_at_work_at_a_time_and_all_come_to_their_end() {
    let Some(app) = TestApp::start().await else { return };
    let (owner, neighbour) = (app.actor("owner@aurora"), app.actor("owner@horizonte"));
    let mut imports = Vec::new();
    for number in 0..4 {
        let file = format!("Nome\nPessoa A{number}\nPessoa B{number}\n");
        imports.push((owner.clone(), take(&owner, "contacts", file).await));
    }
    imports.push((
        neighbour.clone(),
        take(&neighbour, "contacts", "Nome\nOutra Pessoa\n").await,
    ));
    // One that is paused in the middle of its turn gives it up.
    let calls = imports.iter().map(|(actor, import)| act(actor, import, "start"));
    for answer in futures_util::future::join_all(calls).await {
        answer.assert_status(202);
    }
    for (actor, import) in &imports {
        let ended = reached(actor, import, "completed").await;
        assert_eq!(ended["failed"], json!(0));
    }
    let maintenance = app.database.connect(Role::Maintenance).await;
    let clinic = test_support::world::clinic("aurora");
    let ids = "SELECT id::text FROM imports WHERE clinic_id = $1 ORDER BY id";
    let ids = maintenance.query(ids, &[clinic.as_uuid()]).await.unwrap();
    let (one, other): (String, String) = (ids[0].get(0), ids[1].get(0));
    let both = format!("UPDATE imports SET status = 'running' WHERE id IN ('{one}', '{other}')");
    assert!(maintenance.batch_execute(&both).await.is_err(), "two at work at once");
}

#[tokio::test]
async fn another_clinics_import_is_not_there() {
    let Some(app) = TestApp::start().await else { return };
    let (owner, stranger) = (app.actor("owner@aurora"), app.actor("owner@horizonte"));
    let import = take(&owner, "contacts", "Nome\nAna Lima\n").await;
    done(&owner, &import, "start", "completed").await;
    for path in ["", "/rows", "/report.csv"] {
        stranger
            .get(&format!("{import}{path}"))
            .await
            .assert_problem(404, "import_not_found");
    }
    for action in ["dry-run", "start", "pause", "cancel", "undo"] {
        act(&stranger, &import, action)
            .await
            .assert_problem(404, "import_not_found");
    }
    stranger
        .patch(&import, json!({}))
        .await
        .assert_problem(404, "import_not_found");
    assert!(stranger.get("/v1/imports").await.data().is_empty());
    let listed = owner.get("/v1/imports?status=completed").await.expect_status(200);
    assert_eq!(listed.data().len(), 1);
    // Reception brings nothing in.
    let reception = app.actor("reception@aurora");
    reception.get(&import).await.assert_problem(403, "permission_denied");
}
