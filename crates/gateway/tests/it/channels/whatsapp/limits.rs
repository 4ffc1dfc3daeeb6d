//! What WhatsApp would not take is refused when it is written.

use serde_json::json;

use super::super::{comes_to, upload, write};
use super::Stage;
use crate::agenda::faults;

const PDF: &[u8] = b"%PDF-1.7\nguia";

#[tokio::test]
async fn what_whatsapp_would_not_take_is_refused_at_once_and_names_what_is_too_much() {
    let Some(stage) = Stage::set().await else { return };
    let conversation = stage.hears_text("w1", "Oi").await;
    let write = async |body| write(&stage.app, &conversation, body).await;
    // Characters, and not bytes.
    let long = |chars: usize| "ã".repeat(chars);
    let refused = write(json!({"body": long(4_097)})).await;
    assert_eq!(faults(&refused), [("/body", "too_long")].into());
    let mut files = Vec::new();
    for name in ["guia.pdf", "laudo.pdf"] {
        files.push(upload(&stage.app, &conversation, name, PDF).await);
    }
    let refused = write(json!({"body": long(1_025), "attachment_ids": files})).await;
    assert_eq!(
        faults(&refused),
        [("/body", "too_long"), ("/attachment_ids", "too_many")].into()
    );
    let refused = write(json!({"attachment_ids": files})).await;
    assert_eq!(faults(&refused), [("/attachment_ids", "too_many")].into());
    let refused = write(json!({"body": long(1_025), "attachment_ids": [files[0]]})).await;
    assert_eq!(faults(&refused), [("/body", "too_long")].into());
    let owner = stage.app.actor("owner@aurora");
    let canned = owner
        .post(
            "/v1/canned-responses",
            json!({"shortcut": "preparo", "body": long(1_025)}),
        )
        .await
        .expect_status(201);
    let refused = write(json!({"canned_response_id": canned.id(), "attachment_ids": [files[0]]})).await;
    assert_eq!(faults(&refused), [("/canned_response_id", "too_long")].into());
    let template = json!({"inbox_id": stage.inbox.id, "name": "lembrete", "language": "pt_BR", "category": "utility",
                          "body": "Olá!", "status": "approved"});
    let template = owner.post("/v1/message-templates", template).await.expect_status(201);
    let refused = write(json!({"template_id": template.id(), "attachment_ids": [files[0]]})).await;
    assert_eq!(faults(&refused), [("/attachment_ids", "too_many")].into());
    // A note leaves for nowhere.
    write(json!({"kind": "note", "body": long(4_097)}))
        .await
        .assert_status(201);
    assert!(stage.server.taken().is_empty());
    // Nothing of what was refused has used up the file, and what is just not too much is taken.
    for body in [
        json!({"body": long(4_096)}),
        json!({"body": long(1_024), "attachment_ids": [files[0]]}),
    ] {
        let sent = write(body).await.expect_status(201);
        comes_to(&stage.app, sent.id(), "sent").await;
    }
}
