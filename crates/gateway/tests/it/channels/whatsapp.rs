//! WhatsApp, over a server that behaves as its documentation says.

mod files;
mod limits;
mod receipts;
mod undelivered;

use chrono::TimeDelta;
use conversations::channels::WhatsappApi;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::whatsapp::{Failure, VERSION, WhatsAppServer};

use super::{
    MadeInbox, comes_to, conversations, is_put_off, make_inbox, message, messages, say, the_conversation, write,
};
use crate::app::{TestApp, until};

const ANA: &str = "5571981234567";

struct Stage {
    server: WhatsAppServer,
    app: TestApp,
    inbox: MadeInbox,
    hook: String,
}

impl Stage {
    async fn set() -> Option<Self> {
        let server = WhatsAppServer::start();
        let base = server.base();
        let app = TestApp::start_connected(|config| config.whatsapp = WhatsappApi::at(&base, VERSION).unwrap()).await?;
        let body = json!({
            "channel": "whatsapp", "name": "WhatsApp",
            "settings": {"phone_number_id": server.phone_number_id()},
            "secrets": {"access_token": server.token(), "app_secret": server.app_secret(), "verify_token": "our-word"},
        });
        let inbox = make_inbox(&app, body).await;
        let hook = hook_of(&app, &inbox.token);
        Some(Self {
            server,
            app,
            inbox,
            hook,
        })
    }

    fn second(&self) -> i64 {
        kernel::Clock::now(&*self.app.clock).as_datetime().timestamp()
    }

    async fn hears(&self, from: &str, id: &str, content: &Value) {
        let post = self.server.message(from, "Ana Luz", id, self.second(), content);
        assert_eq!(self.server.post(&self.hook, &post).await, 200);
    }

    async fn hears_text(&self, id: &str, text: &str) -> String {
        self.hears(ANA, id, &json!({"type": "text", "text": {"body": text}}))
            .await;
        the_conversation(&self.app).await
    }

    async fn hears_status(&self, wamid: &str, status: &str, code: Option<i64>) {
        let post = self.server.status(wamid, status, self.second(), code);
        assert_eq!(self.server.post(&self.hook, &post).await, 200);
    }

    fn wamid(&self, index: usize) -> String {
        self.server.taken()[index]["wamid"].as_str().unwrap().to_owned()
    }
}

fn hook_of(app: &TestApp, token: &str) -> String {
    format!("http://{}/hooks/whatsapp/{token}", app.api.address())
}

#[tokio::test]
async fn a_hundred_posts_at_once_of_somebody_new_make_one_lead_and_no_message_twice() {
    let Some(stage) = Stage::set().await else { return };
    let posts: Vec<_> = (0..100)
        .map(|number| {
            let id = format!("wamid.in{}", number % 70);
            let content = json!({"type": "text", "text": {"body": format!("m{}", number % 70)}});
            stage
                .server
                .message(ANA, "Ana Luz", &id, stage.second() - 100 + number % 70, &content)
        })
        .collect();
    let answers = join_all(posts.iter().map(|post| stage.server.post(&stage.hook, post))).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    let conversation = the_conversation(&stage.app).await;
    assert_eq!(messages(&stage.app, &conversation).await.len(), 70);
    let leads = stage
        .app
        .get("reception@aurora", "/v1/contacts?kind=lead&q=Ana%20Luz")
        .await;
    assert_eq!(leads.expect_status(200).data().len(), 1);
}

#[tokio::test]
async fn nothing_is_taken_without_the_right_token_and_signature() {
    let Some(stage) = Stage::set().await else { return };
    let post = stage.server.message(
        ANA,
        "Ana",
        "w1",
        stage.second(),
        &json!({"type": "text", "text": {"body": "Oi"}}),
    );
    let path = stage
        .hook
        .split_once("/hooks")
        .map(|(_, rest)| format!("/hooks{rest}"))
        .unwrap();
    let nobody = stage.app.api.nobody();
    nobody
        .post(&path, post.clone())
        .await
        .assert_problem(403, "not_from_whatsapp");
    let forged = format!("sha256={}", "0".repeat(64));
    let call = nobody
        .call(reqwest::Method::POST, &path)
        .header("x-hub-signature-256", forged);
    call.json(&post).send().await.assert_problem(403, "not_from_whatsapp");
    // Signed by WhatsApp, and for a token of nobody, of another clinic, or of an inbox without the secret.
    let body = json!({"channel": "whatsapp", "name": "WhatsApp", "settings": {"phone_number_id": stage.server.phone_number_id()}});
    let other = stage
        .app
        .actor("owner@horizonte")
        .post("/v1/inboxes", body)
        .await
        .expect_status(201);
    let theirs = other.body["token"].as_str().unwrap();
    let mut wrong = stage.inbox.token.clone();
    wrong.pop();
    wrong.push(if stage.inbox.token.ends_with('A') { 'E' } else { 'A' });
    for token in [theirs, "tmx_nonsense", &wrong] {
        assert_eq!(stage.server.post(&hook_of(&stage.app, token), &post).await, 403);
    }
    assert!(conversations(&stage.app).await.is_empty());
    assert_eq!(stage.server.post(&stage.hook, &json!({"object": "page"})).await, 422);
    assert_eq!(stage.server.post(&stage.hook, &post).await, 200);
    assert_eq!(conversations(&stage.app).await.len(), 1);
}

#[tokio::test]
async fn the_handshake_wants_the_word_that_was_agreed() {
    let Some(stage) = Stage::set().await else { return };
    let (challenge, status, answer) = stage.server.shake_hands(&stage.hook, "our-word").await;
    assert_eq!((status, answer), (200, challenge));
    assert_eq!(stage.server.shake_hands(&stage.hook, "another").await.1, 403);
}

#[tokio::test]
async fn words_go_out_within_the_window_and_templates_after_it() {
    let Some(stage) = Stage::set().await else { return };
    let conversation = stage.hears_text("w1", "Oi").await;
    let first = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &first, "sent").await;
    let taken = stage.server.taken();
    assert_eq!(taken[0]["text"]["body"], "Bom dia");
    assert_eq!(taken[0]["to"], ANA);
    assert_eq!(taken[0]["biz_opaque_callback_data"], first);
    stage.app.clock.advance(TimeDelta::hours(25));
    write(&stage.app, &conversation, json!({"body": "Olá?"}))
        .await
        .assert_problem(409, "messaging_window_closed");
    stage.server.close_window(ANA);
    stage.server.approve("lembrete", "pt_BR", 1);
    let template = json!({"inbox_id": stage.inbox.id, "name": "lembrete", "language": "pt_BR", "category": "utility",
                          "body": "Olá, {{1}}!", "status": "approved"});
    let made = stage
        .app
        .actor("owner@aurora")
        .post("/v1/message-templates", template)
        .await;
    let template = json!({"template_id": made.expect_status(201).id(), "parameters": ["Ana"]});
    let sent = write(&stage.app, &conversation, template).await.expect_status(201);
    comes_to(&stage.app, sent.id(), "sent").await;
    let parameters = &stage.server.taken()[1]["template"]["components"][0]["parameters"];
    assert_eq!(parameters[0]["text"], "Ana");
}

#[tokio::test]
async fn a_window_that_is_closed_at_whatsapp_alone_fails_the_message_and_says_so() {
    let Some(stage) = Stage::set().await else { return };
    let conversation = stage.hears_text("w1", "Oi").await;
    stage.server.close_window(ANA);
    let refused = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &refused, "failed").await;
    assert_eq!(
        message(&stage.app, &refused).await["failure_reason"],
        "messaging_window_closed"
    );
    // The same, told only later.
    stage.server.open_window(ANA);
    let late = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &late, "sent").await;
    stage.hears_status(&stage.wamid(0), "failed", Some(131_047)).await;
    assert_eq!(message(&stage.app, &late).await["delivery"], "failed");
    assert_eq!(
        message(&stage.app, &late).await["failure_reason"],
        "messaging_window_closed"
    );
}

#[tokio::test]
async fn statuses_in_any_order_bring_a_message_forward_only() {
    let Some(stage) = Stage::set().await else { return };
    let conversation = stage.hears_text("w1", "Oi").await;
    let sent = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &sent, "sent").await;
    for (status, then) in [
        ("delivered", "delivered"),
        ("sent", "delivered"),
        ("read", "read"),
        ("delivered", "read"),
    ] {
        stage.hears_status(&stage.wamid(0), status, None).await;
        assert_eq!(message(&stage.app, &sent).await["delivery"], then);
    }
}

#[tokio::test]
async fn a_message_outlives_an_hour_without_whatsapp_and_is_sent_once() {
    let Some(stage) = Stage::set().await else { return };
    let conversation = stage.hears_text("w1", "Oi").await;
    let failures = [
        Failure::Status(503, None),
        Failure::Status(429, Some(60)),
        Failure::Code(130_429, 400),
        Failure::Code(131_016, 500),
    ];
    for failure in &failures {
        stage.server.fail_next(1, failure);
    }
    let sent = say(&stage.app, &conversation, "Bom dia").await;
    for (attempt, _failure) in (1..).zip(&failures) {
        is_put_off(&stage.app, &sent, attempt).await;
        stage.app.clock.advance(TimeDelta::minutes(15));
        stage.app.shared.wake().notify();
    }
    comes_to(&stage.app, &sent, "sent").await;
    assert_eq!(stage.server.taken().len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_settled_by_the_status() {
    let Some(stage) = Stage::set().await else { return };
    let conversation = stage.hears_text("w1", "Oi").await;
    stage.server.fail_next(1, &Failure::DropAfterTaking);
    let sent = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &sent, "unconfirmed").await;
    stage.hears_status(&stage.wamid(0), "delivered", None).await;
    comes_to(&stage.app, &sent, "delivered").await;
    assert_eq!(stage.server.taken().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_said_to_lie_inside_is_not_fetched_and_that_is_told() {
    let Some(mut stage) = Stage::set().await else { return };
    let base = stage.server.base();
    let change = |config: &mut gateway::config::Config| {
        // The API is where the operator says. Where its files lie, its answers say.
        config.whatsapp = WhatsappApi::at(&base, VERSION).unwrap();
        config.outward = fetch::OutwardRules::default();
    };
    stage.app.start_again_connected_with(change).await;
    stage.hook = hook_of(&stage.app, &stage.inbox.token);
    let media = stage.server.keep_media("application/pdf", b"%PDF-1.7\nresultado");
    stage
        .hears(ANA, "w1", &json!({"type": "document", "document": {"id": media, "mime_type": "application/pdf", "filename": "exame.pdf"}}))
        .await;
    let conversation = the_conversation(&stage.app).await;
    until("the refusal", async || {
        messages(&stage.app, &conversation).await[0]["attachments"][0]["unavailable_reason"] == "file_not_taken"
    })
    .await;
    assert_eq!(stage.app.kept_files(), 0);
}

#[tokio::test]
async fn who_keeps_their_number_to_themselves_is_answered_by_their_id() {
    const USER: &str = "BR.13491208655302741918";
    let Some(stage) = Stage::set().await else { return };
    let content = json!({"type": "order", "order": {"catalog_id": "1"}});
    let post = stage
        .server
        .message_of_user(USER, "ana.luz", "w1", stage.second(), &content);
    assert_eq!(stage.server.post(&stage.hook, &post).await, 200);
    let conversation = the_conversation(&stage.app).await;
    let body = messages(&stage.app, &conversation).await[0]["body"].clone();
    assert!(body.as_str().unwrap().contains("order"), "{body}");
    let sent = say(&stage.app, &conversation, "Bom dia").await;
    comes_to(&stage.app, &sent, "sent").await;
    assert_eq!(stage.server.taken()[0]["recipient"], USER);
}
