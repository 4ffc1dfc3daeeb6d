//! Files at the border of what is taken: exactly so many bytes, and one more.

use chrono::TimeDelta;
use conversations::attachments::MOST_BYTES;
use conversations::channels::WhatsappApi;
use test_support::mail::MailServers;
use test_support::whatsapp::{VERSION, WhatsAppServer};

use super::*;
use crate::channels::{make_inbox, messages, the_conversation};

fn most() -> usize {
    usize::try_from(MOST_BYTES).unwrap()
}

#[tokio::test]
async fn an_upload_may_have_exactly_25_mebibytes() {
    in_both(async |stage| {
        let refused = stage.upload(pdf(most() + 1)).await;
        refused.assert_problem(413, "payload_too_large");
        assert!(text(&refused.body, "detail").contains("26214400"), "{refused}");
        assert_eq!(stage.kept(), 0);
        let kept = stage.upload(pdf(most())).await.expect_status(201);
        assert_eq!(kept.body["size_bytes"], MOST_BYTES);
        let (status, came) = stage.download(kept.id()).await;
        assert_eq!((status, came.len()), (200, most()));
    })
    .await;
}

#[tokio::test]
async fn a_file_from_whatsapp_may_have_exactly_25_mebibytes() {
    let (server, bucket) = (WhatsAppServer::start(), TestBucket::start().await);
    let (base, files) = (server.base(), bucket.files());
    let started = TestApp::start_connected(|config| {
        config.whatsapp = WhatsappApi::at(&base, VERSION).unwrap();
        config.files = files;
    });
    let Some(app) = started.await else { return };
    let body = json!({
        "channel": "whatsapp", "name": "WhatsApp",
        "settings": {"phone_number_id": server.phone_number_id()},
        "secrets": {"access_token": server.token(), "app_secret": server.app_secret(), "verify_token": "our-word"},
    });
    let inbox = make_inbox(&app, body).await;
    let hook = format!("http://{}/hooks/whatsapp/{}", app.api.address(), inbox.token);
    let hears = async |id: &str, bytes: &[u8]| {
        let media = server.keep_media("application/pdf", bytes);
        let document = json!({"id": media, "mime_type": "application/pdf", "filename": "exame.pdf"});
        let second = app.clock.now().as_datetime().timestamp();
        let content = json!({"type": "document", "document": document});
        let post = server.message("5571981234567", "Ana Luz", id, second, &content);
        assert_eq!(server.post(&hook, &post).await, 200);
    };
    hears("w1", &pdf(most())).await;
    let conversation = the_conversation(&app).await;
    until("the file", async || {
        messages(&app, &conversation).await[0]["attachments"][0]["size_bytes"] == MOST_BYTES
    })
    .await;
    app.clock.advance(TimeDelta::seconds(1));
    hears("w2", &pdf(most() + 1)).await;
    until("the refusal", async || {
        messages(&app, &conversation).await[0]["attachments"][0]["unavailable_reason"] == "file_not_taken"
    })
    .await;
    assert_eq!(bucket.kept(), 1);
}

/// A mail with a PDF of which all bytes are text, so that the mail has exactly so many bytes.
fn mail_of(bytes: usize, from: &str, to: &str) -> Vec<u8> {
    let head = format!(
        "From: Ana Luz <{from}>\r\nTo: {to}\r\nSubject: Exame\r\nMessage-ID: <{bytes}@patient.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSegue o exame.\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=exame.pdf\r\n\r\n%PDF-1.7\r\n"
    );
    let end = "\r\n--b--\r\n";
    let mut mail = head.into_bytes();
    let line = format!("{}\r\n", "x".repeat(74));
    let room = bytes - mail.len() - end.len();
    mail.extend(line.bytes().cycle().take(room / line.len() * line.len()));
    mail.extend(std::iter::repeat_n(b'y', room % line.len()));
    mail.extend(end.bytes());
    assert_eq!(mail.len(), bytes);
    mail
}

#[tokio::test]
async fn a_mail_may_have_exactly_25_mebibytes_and_of_a_larger_one_the_beginning_is_taken() {
    let Some(servers) = MailServers::find() else { return };
    let clinic = servers.mailbox("clinic-limits");
    let patient = servers.mailbox("patient-limits");
    let Some(app) = TestApp::start_connected(|_config| {}).await else {
        return;
    };
    let body = json!({
        "channel": "email", "name": "E-mail",
        "settings": {
            "address": clinic.address(), "from_name": "Clínica Aurora",
            "smtp": {"host": "127.0.0.1", "port": servers.smtp_port(), "security": "none"},
            "imap": {"host": "127.0.0.1", "port": servers.imap_port(), "security": "none", "username": "clinic-limits"},
        },
        "secrets": {"imap_password": servers.password()},
    });
    let inbox = make_inbox(&app, body).await;
    let mailbox = format!("/v1/inboxes/{}", inbox.id);
    until("the first look", async || {
        let shown = app.get("owner@aurora", &mailbox).await.expect_status(200);
        !shown.body["mailbox"]["last_success_at"].is_null()
    })
    .await;
    let look = || {
        app.clock.advance(TimeDelta::minutes(2));
        app.shared.wake().notify();
    };
    clinic.put(&mail_of(most(), &patient.address(), &clinic.address()));
    look();
    let conversation = the_conversation(&app).await;
    let newest = async || messages(&app, &conversation).await[0].clone();
    let whole = newest().await;
    assert!(!text(&whole, "body").contains("falta uma parte"), "{whole}");
    let bytes = whole["attachments"][0]["size_bytes"].as_u64().unwrap();
    assert!(bytes > MOST_BYTES - 1_000, "{bytes}");
    clinic.put(&mail_of(most() + 1, &patient.address(), &clinic.address()));
    look();
    until("the beginning of the other", async || {
        text(&newest().await, "body").contains("falta uma parte")
    })
    .await;
}
