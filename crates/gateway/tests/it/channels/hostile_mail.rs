//! Mails that are not what they say, and mails that could stand in the way of those behind them.

use serde_json::json;

use super::email::Stage;
use super::{comes_to, conversations, message, messages, say, the_conversation};
use crate::app::until;

/// The conversation, as the reception sees it.
async fn shown(stage: &Stage, conversation: &str) -> serde_json::Value {
    let path = format!("/v1/conversations/{conversation}");
    stage.app.get("reception@aurora", &path).await.expect_status(200).body
}

#[tokio::test]
async fn a_forged_mail_leads_no_answer_away() {
    let Some(stage) = Stage::set("forged").await else {
        return;
    };
    let ana = stage.patient.address();
    stage.comes_in(&ana, "f1@patient.example", "", "Oi");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    stage.comes_in(
        &ana,
        "f2@thief.example",
        "Reply-To: Ana Luz <thief@thief.example>\r\n",
        "Mandem tudo para este endereço.",
    );
    stage.look();
    until("the forged one", async || stage.bodies(&conversation).await.len() == 2).await;
    let body = stage.bodies(&conversation).await.remove(1);
    assert!(body.contains("[Pede resposta em thief@thief.example]"), "{body}");
    assert_eq!(shown(&stage, &conversation).await["address"], ana);
    let answer = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &answer, "sent").await;
}

#[tokio::test]
async fn a_mail_that_cannot_be_named_holds_up_none_behind_it() {
    let Some(stage) = Stage::set("nameless").await else {
        return;
    };
    let label = "x".repeat(60);
    let long = format!("{}@{label}.{label}.{label}.example", "y".repeat(40));
    assert!(long.len() > 200 && long.len() <= 254, "{}", long.len());
    let raw = format!("From: {long}\r\nSubject: a\r\nMessage-ID: <n1@x.example>\r\n\r\nprimeiro\r\n");
    stage.puts(&raw);
    stage.comes_in(&stage.patient.address(), "n2@patient.example", "", "segundo");
    stage.look();
    until("both", async || conversations(&stage.app).await.len() == 2).await;
    // And it goes on being looked into.
    stage.comes_in("later@other.example", "n3@other.example", "", "terceiro");
    stage.look();
    until("the third", async || conversations(&stage.app).await.len() == 3).await;
}

#[tokio::test]
async fn what_a_machine_answers_stands_in_the_talk_that_goes_on_and_holds_up_nothing() {
    let Some(stage) = Stage::set("aside").await else { return };
    let ana = stage.patient.address();
    stage.comes_in(&ana, "m1@patient.example", "", "Oi");
    stage.look();
    let older = the_conversation(&stage.app).await;
    stage.comes_in("ana@second.example", "m2@second.example", "", "Oi do outro");
    stage.look();
    until("the other", async || conversations(&stage.app).await.len() == 2).await;
    let all = conversations(&stage.app).await;
    let newer = all.iter().find(|one| one["id"] != older.as_str()).unwrap();
    let newer_id = newer["id"].as_str().unwrap().to_owned();
    let contact = shown(&stage, &older).await["contact_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/contacts/{contact}/merge");
    let merged = stage
        .app
        .actor("reception@aurora")
        .post(&path, json!({"from_id": newer["contact_id"]}))
        .await;
    merged.assert_status(200);
    assert_eq!(shown(&stage, &older).await["continued_in_id"], newer_id.as_str());
    let before = shown(&stage, &newer_id).await;
    let headers = "Auto-Submitted: auto-replied\r\nIn-Reply-To: <m1@patient.example>\r\n";
    stage.comes_in(&ana, "m3@patient.example", headers, "Estou de férias.");
    stage.comes_in("ana@second.example", "m4@second.example", "", "Alguém aí?");
    stage.look();
    until("what came behind", async || {
        stage.bodies(&newer_id).await.contains(&"Alguém aí?".to_owned())
    })
    .await;
    let said = messages(&stage.app, &newer_id).await;
    let aside = said
        .iter()
        .find(|message| message["body"].as_str().unwrap().contains("Estou de férias."))
        .unwrap();
    assert!(
        aside["body"].as_str().unwrap().starts_with("[Resposta automática de "),
        "{aside}"
    );
    // It reads as theirs and not as a note of a colleague's, and nobody has to see to it.
    assert_eq!(
        (&aside["direction"], &aside["kind"], &aside["author_kind"]),
        (&json!("inbound"), &json!("text"), &json!("contact"))
    );
    let unread = |shown: &serde_json::Value| shown["unread_count"].as_i64().unwrap();
    assert_eq!(unread(&shown(&stage, &newer_id).await), unread(&before) + 1);
}

#[tokio::test]
async fn the_id_of_another_ones_mail_hides_no_mail() {
    let Some(stage) = Stage::set("same-id").await else {
        return;
    };
    stage.comes_in("thief@thief.example", "same@patient.example", "", "Primeiro");
    stage.comes_in(
        &stage.patient.address(),
        "same@patient.example",
        "",
        "Sou eu de verdade",
    );
    stage.look();
    until("both", async || conversations(&stage.app).await.len() == 2).await;
}

#[tokio::test]
async fn a_report_about_another_address_fails_no_message() {
    let Some(stage) = Stage::set("false-bounce").await else {
        return;
    };
    stage.comes_in(&stage.patient.address(), "b1@patient.example", "", "Oi");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    let sent = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &sent, "sent").await;
    let report = |id: &str, address: &str| {
        format!(
            "From: MAILER-DAEMON@mx.example\r\nSubject: failure\r\nMessage-ID: <{id}@mx.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
             Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{sent}@mail.example>\r\n\r\n--b--\r\n"
        )
    };
    stage.puts(&report("one", "somebody@else.example"));
    stage.look();
    until("what stands aside", async || {
        stage.bodies(&conversation).await.len() == 3
    })
    .await;
    let body = stage.bodies(&conversation).await.remove(2);
    assert!(body.starts_with("[Aviso de e-mail não entregue"), "{body}");
    assert_eq!(message(&stage.app, &sent).await["delivery"], "sent");
    stage.puts(&report("two", &stage.patient.address()));
    stage.look();
    comes_to(&stage.app, &sent, "failed").await;
}

#[tokio::test]
async fn while_files_cannot_be_kept_the_mailbox_says_so_and_then_nothing_is_missing() {
    let Some(stage) = Stage::set("no-files").await else {
        return;
    };
    let folder = std::env::temp_dir().join(stage.app.database.name());
    // A file where the folder is: nothing can be kept below it.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::write(&folder, b"").unwrap();
    let raw = format!(
        "From: {}\r\nSubject: Exame\r\nMessage-ID: <k1@patient.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSegue\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=exame.pdf\r\n\r\n%PDF-1.7\r\n--b--\r\n",
        stage.patient.address()
    );
    stage.puts(&raw);
    stage.look();
    until("the failure", async || {
        stage.mailbox().await["last_error"] == "mail_not_storable"
    })
    .await;
    assert!(!stage.mailbox().await["next_poll_at"].is_null());
    std::fs::remove_file(&folder).unwrap();
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    let said = messages(&stage.app, &conversation).await;
    assert_eq!(said[0]["attachments"][0]["file_name"], "exame.pdf");
    until("the recovery", async || stage.mailbox().await["last_error"].is_null()).await;
}
