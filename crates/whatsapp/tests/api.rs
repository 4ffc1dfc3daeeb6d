//! The client against a server that behaves as the documentation says.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so does what they share")]

use std::time::Duration;

use fetch::{Fetcher, OutwardRules};
use futures_util::TryStreamExt;
use kernel::phone::PhoneNumber;
use test_support::whatsapp::{Failure, VERSION, WhatsAppServer};
use whatsapp::{
    Client, MediaKind, MediaSource, Outgoing, OutgoingMessage, Person, SendError, Template, UserId, WhatsAppSettings,
};

const MARIA: &str = "5511987654321";

fn settings(server: &WhatsAppServer) -> WhatsAppSettings {
    WhatsAppSettings::new(server.phone_number_id(), server.token().into())
        .unwrap()
        .at(&server.base(), VERSION)
        .unwrap()
}

fn client(server: &WhatsAppServer) -> Client {
    Client::new(settings(server)).unwrap()
}

fn message(reference: &str, content: Outgoing) -> OutgoingMessage {
    OutgoingMessage {
        to: Person::by_phone(PhoneNumber::parse_international(MARIA).unwrap()),
        reference: reference.to_owned(),
        answers: None,
        content,
    }
}

fn text(reference: &str) -> OutgoingMessage {
    message(reference, Outgoing::Text("Olá, Maria!".to_owned()))
}

fn judged(error: &SendError) -> (&'static str, Option<i64>, Option<u64>) {
    match error {
        SendError::Rejected { reason } => ("rejected", reason.code(), None),
        SendError::RetryLater { reason, after } => ("later", reason.code(), after.map(|after| after.as_secs())),
        SendError::Unknown { reason } => ("unknown", reason.code(), None),
    }
}

#[tokio::test]
async fn a_message_is_taken_with_our_reference() {
    let server = WhatsAppServer::start();
    server.open_window(MARIA);
    let mut sent = text("0192f0c1-2a3b");
    sent.answers = Some("wamid.before".to_owned());
    let accepted = client(&server).send(&sent).await.unwrap();
    assert!(accepted.id.starts_with("wamid.") && !accepted.is_held);
    assert_eq!(accepted.phone, sent.to.phone);
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["wamid"], accepted.id);
    assert_eq!(taken[0]["to"], MARIA);
    assert_eq!(taken[0]["biz_opaque_callback_data"], "0192f0c1-2a3b");
    assert_eq!(taken[0]["context"]["message_id"], "wamid.before");
    assert_eq!(taken[0]["text"]["body"], "Olá, Maria!");
}

#[tokio::test]
async fn a_number_without_its_ninth_digit_is_the_same_number() {
    let server = WhatsAppServer::start();
    server.open_window("5585987654321");
    let mut sent = text("1");
    sent.to = Person::by_phone(PhoneNumber::parse_international("85 98765-4321").unwrap());
    // The server answers with the eight digits that the account has.
    assert_eq!(client(&server).send(&sent).await.unwrap().phone, sent.to.phone);
}

#[tokio::test]
async fn who_keeps_their_number_is_written_to_by_id() {
    let server = WhatsAppServer::start();
    server.open_window("BR.13491208655302741918");
    let mut sent = text("1");
    sent.to = Person::by_user_id(UserId::parse("BR.13491208655302741918").unwrap());
    let accepted = client(&server).send(&sent).await.unwrap();
    assert_eq!((accepted.phone, accepted.user_id), (None, sent.to.user_id));
    assert_eq!(server.taken()[0]["recipient"], "BR.13491208655302741918");
}

#[tokio::test]
async fn outside_24_hours_only_templates_pass() {
    let server = WhatsAppServer::start();
    let client = client(&server);
    let error = client.send(&text("1")).await.unwrap_err();
    assert_eq!(judged(&error), ("rejected", Some(131_047), None));
    assert!(error.is_window_closed());
    server.approve("appointment_reminder", "pt_BR", 2);
    let template = |name: &str, texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        message("2", Outgoing::Template(Template::with_texts(name, "pt_BR", &texts)))
    };
    client
        .send(&template("appointment_reminder", &["Maria", "9h"]))
        .await
        .unwrap();
    let error = client
        .send(&template("appointment_reminder", &["Maria"]))
        .await
        .unwrap_err();
    assert_eq!(judged(&error), ("rejected", Some(132_000), None));
    let error = client.send(&template("other", &[])).await.unwrap_err();
    assert_eq!(judged(&error), ("rejected", Some(132_001), None));
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn what_can_never_be_sent_is_refused() {
    let server = WhatsAppServer::start();
    let client = client(&server);
    server.open_window(MARIA);
    for content in [String::new(), "a".repeat(4_097)] {
        let error = client.send(&message("1", Outgoing::Text(content))).await.unwrap_err();
        assert_eq!(judged(&error), ("rejected", None, None));
    }
    let nobody = OutgoingMessage {
        to: Person::default(),
        ..text("1")
    };
    assert_eq!(judged(&client.send(&nobody).await.unwrap_err()).0, "rejected");
    server.remove_person(MARIA);
    assert_eq!(
        judged(&client.send(&text("1")).await.unwrap_err()),
        ("rejected", Some(131_026), None)
    );
}

#[tokio::test]
async fn limits_say_when_to_come_again() {
    let server = WhatsAppServer::start();
    let client = client(&server);
    let day = Duration::from_secs(86_400);
    server.open_window(MARIA);
    server.limit_pair(2, day);
    client.send(&text("1")).await.unwrap();
    client.send(&text("2")).await.unwrap();
    assert_eq!(
        judged(&client.send(&text("3")).await.unwrap_err()),
        ("later", Some(131_056), Some(6))
    );
    server.limit(2, day);
    assert_eq!(
        judged(&client.send(&text("3")).await.unwrap_err()),
        ("later", Some(130_429), Some(1))
    );
    server.fail_next(1, &Failure::Status(429, Some(30)));
    assert_eq!(
        judged(&client.send(&text("3")).await.unwrap_err()),
        ("later", None, Some(30))
    );
    assert_eq!(server.taken().len(), 2);
}

#[tokio::test]
async fn trouble_on_the_other_side_is_told_from_refusals() {
    let server = WhatsAppServer::start();
    let client = client(&server);
    server.open_window(MARIA);
    for (failure, expected) in [
        (Failure::Status(500, None), ("unknown", None, None)),
        (Failure::Status(503, Some(120)), ("later", None, Some(120))),
        (Failure::Status(502, None), ("unknown", None, None)),
        (Failure::Code(131_000, 500), ("unknown", Some(131_000), None)),
        (Failure::Code(2, 500), ("later", Some(2), None)),
        (Failure::Code(131_048, 400), ("later", Some(131_048), Some(900))),
        (Failure::Drop, ("unknown", None, None)),
    ] {
        server.fail_next(1, &failure);
        assert_eq!(
            judged(&client.send(&text("1")).await.unwrap_err()),
            expected,
            "{failure:?}"
        );
    }
    assert!(server.taken().is_empty());
    client.send(&text("1")).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_may_have_been_a_yes_and_the_status_tells() {
    let server = WhatsAppServer::start();
    server.open_window(MARIA);
    server.fail_next(1, &Failure::DropAfterTaking);
    let error = client(&server).send(&text("0192f0c1-lost")).await.unwrap_err();
    assert_eq!(judged(&error).0, "unknown");
    server.fail_next(1, &Failure::Slow(Duration::from_secs(3600)));
    let hasty = Client::new(settings(&server).with_timeout(Duration::from_millis(300))).unwrap();
    assert_eq!(
        judged(&hasty.send(&text("0192f0c1-slow")).await.unwrap_err()).0,
        "unknown"
    );
    let taken = server.taken();
    for (message, reference) in taken.iter().zip(["0192f0c1-lost", "0192f0c1-slow"]) {
        let webhook = server.status(message["wamid"].as_str().unwrap(), "sent", 1_795_518_000, None);
        let events = whatsapp::webhook::parse(webhook.to_string().as_bytes()).unwrap();
        let [whatsapp::WebhookEvent::Status(status)] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(status.reference.as_deref(), Some(reference));
        assert_eq!(status.message_id, message["wamid"]);
    }
}

#[tokio::test]
async fn a_server_that_is_away_has_taken_nothing() {
    let server = WhatsAppServer::start();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = settings(&server).at(&format!("http://{closed}/"), VERSION).unwrap();
    let error = Client::new(settings).unwrap().send(&text("1")).await.unwrap_err();
    assert_eq!(judged(&error), ("later", None, None));
}

#[tokio::test]
async fn a_token_that_has_expired_is_no_fault_of_the_message() {
    let server = WhatsAppServer::start();
    let client = client(&server);
    server.replace_token("EAAother");
    let error = client.send(&text("1")).await.unwrap_err();
    assert_eq!(judged(&error), ("later", Some(190), Some(900)));
    assert!(error.is_about_access());
    assert!(!format!("{error} {client:?}").contains("EAAtoken"));
}

#[tokio::test]
async fn messages_are_marked_as_read() {
    let server = WhatsAppServer::start();
    client(&server).mark_read("wamid.theirs").await.unwrap();
    assert_eq!(server.marked_read(), ["wamid.theirs"]);
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn files_go_out_and_come_in() {
    let server = WhatsAppServer::start();
    let client = client(&server);
    server.open_window(MARIA);
    let content: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let id = client
        .upload("guia.pdf", "application/pdf", content.clone().into())
        .await
        .unwrap();
    assert_eq!(server.media(&id), Some(("application/pdf".to_owned(), content)));
    let file = Outgoing::Media {
        kind: MediaKind::of("application/pdf"),
        source: MediaSource::Uploaded(id),
        caption: Some("Seu guia".to_owned()),
        file_name: Some("guia.pdf".to_owned()),
    };
    client.send(&message("1", file)).await.unwrap();
    assert_eq!(server.taken()[0]["document"]["filename"], "guia.pdf");
    assert_eq!(server.taken()[0]["document"]["caption"], "Seu guia");

    let theirs = server.keep_media("image/jpeg", b"\xff\xd8jpeg");
    let fetcher = fetcher("127.0.0.1");
    let mut media = client.download(&theirs, 1_000, &fetcher).await.unwrap();
    assert_eq!(media.content_type, "image/jpeg");
    let bytes = read(&mut media).await;
    assert_eq!(bytes, b"\xff\xd8jpeg");
    assert!(media.is_whole(&sha256(&bytes)));
    assert_eq!(
        judged(&client.download(&theirs, 3, &fetcher).await.err().unwrap()).0,
        "rejected"
    );
    server.spoil_media(&theirs);
    let mut media = client.download(&theirs, 1_000, &fetcher).await.unwrap();
    let spoilt = read(&mut media).await;
    assert!(!media.is_whole(&sha256(&spoilt)));
    for id in ["999", "../me", ""] {
        assert_eq!(
            judged(&client.download(id, 1_000, &fetcher).await.err().unwrap()).0,
            "rejected",
            "{id}"
        );
    }
}

async fn read(media: &mut whatsapp::Media) -> Vec<u8> {
    let chunks: Vec<bytes::Bytes> = media.chunks().try_collect().await.unwrap();
    chunks.concat()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

/// What fetches from the public internet and from `networks`.
fn fetcher(networks: &str) -> Fetcher {
    let rules = OutwardRules {
        networks: networks.parse().unwrap(),
        ..OutwardRules::default()
    };
    Fetcher::new(&rules).unwrap()
}

#[tokio::test]
async fn a_file_that_is_said_to_lie_inside_is_not_fetched() {
    let server = WhatsAppServer::start();
    let theirs = server.keep_media("image/jpeg", b"\xff\xd8jpeg");
    // Our own machine, where the operator has named another network only.
    let refused = client(&server).download(&theirs, 1_000, &fetcher("10.9.0.0/16")).await;
    let error = refused.err().unwrap();
    assert_eq!(judged(&error).0, "rejected");
    assert!(error.to_string().contains("no address that may be called"), "{error}");
}
