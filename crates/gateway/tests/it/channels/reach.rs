//! Which mail servers an inbox may name.

use fetch::{AllowedNetworks, OutwardRules};
use serde_json::{Value, json};

use super::make_inbox;
use crate::agenda::faults;
use crate::app::TestApp;

/// An inbox of e-mail with these servers: host and port.
fn inbox(smtp: (&str, u16), imap: (&str, u16)) -> Value {
    json!({
        "channel": "email", "name": "E-mail",
        "settings": {
            "address": "agenda@aurora.example",
            "smtp": {"host": smtp.0, "port": smtp.1, "security": "tls"},
            "imap": {"host": imap.0, "port": imap.1, "security": "tls", "username": "agenda"},
        },
        "secrets": {"imap_password": "um segredo"},
    })
}

/// A host and a port.
type Place = (&'static str, u16);

/// Where mails are sent and where they lie, and the faults of that.
type Case<'c> = (Place, Place, &'c [(&'static str, &'static str)]);

const PUBLIC: (&str, u16) = ("8.8.8.8", 465);
const MAILBOX: (&str, u16) = ("8.8.8.8", 993);

/// A gateway that may connect to `networks` besides the public internet.
async fn app(networks: &str) -> Option<TestApp> {
    let networks = networks.parse().unwrap_or_else(|_none| AllowedNetworks::default());
    TestApp::start_with(|config| {
        config.outward = OutwardRules {
            networks,
            ..OutwardRules::default()
        };
    })
    .await
}

#[tokio::test]
async fn servers_inside_and_ports_that_are_none_of_mail_are_refused_when_they_are_named() {
    let Some(app) = app("").await else { return };
    let owner = app.actor("owner@aurora");
    let inside = "address_not_allowed";
    let cases: [Case<'_>; 11] = [
        (("127.0.0.1", 465), MAILBOX, &[("/settings/smtp/host", inside)]),
        (("localhost", 465), MAILBOX, &[("/settings/smtp/host", inside)]),
        (("127.1", 25), MAILBOX, &[("/settings/smtp/host", inside)]),
        (("::1", 587), MAILBOX, &[("/settings/smtp/host", inside)]),
        (PUBLIC, ("10.0.0.5", 993), &[("/settings/imap/host", inside)]),
        (
            PUBLIC,
            ("::ffff:169.254.169.254", 993),
            &[("/settings/imap/host", inside)],
        ),
        (PUBLIC, ("100.64.0.1", 143), &[("/settings/imap/host", inside)]),
        (PUBLIC, ("0.0.0.0", 993), &[("/settings/imap/host", inside)]),
        (
            ("8.8.8.8", 6379),
            MAILBOX,
            &[("/settings/smtp/port", "port_not_allowed")],
        ),
        (PUBLIC, ("8.8.8.8", 443), &[("/settings/imap/port", "port_not_allowed")]),
        (
            ("127.0.0.1", 6379),
            ("8.8.8.8", 5432),
            &[
                ("/settings/imap/port", "port_not_allowed"),
                ("/settings/smtp/host", inside),
            ],
        ),
    ];
    for (smtp, imap, expected) in cases {
        let answer = owner.post("/v1/inboxes", inbox(smtp, imap)).await.expect_status(422);
        assert_eq!(
            faults(&answer).into_iter().collect::<Vec<_>>(),
            expected,
            "{smtp:?} {imap:?}"
        );
    }
    // Beside other faults of the request.
    let mut nameless = inbox(("127.0.0.1", 465), MAILBOX);
    nameless["name"] = json!("");
    let answer = owner.post("/v1/inboxes", nameless).await.expect_status(422);
    assert!(
        faults(&answer).contains(&("/settings/smtp/host", inside)) && faults(&answer).len() == 2,
        "{answer}"
    );
    // Nor later.
    let path = format!("/v1/inboxes/{}", make_inbox(&app, inbox(PUBLIC, MAILBOX)).await.id);
    let moved = json!({"settings": inbox(PUBLIC, ("192.168.0.1", 993))["settings"]});
    let answer = owner.patch(&path, moved).await.expect_status(422);
    assert!(faults(&answer).contains(&("/settings/imap/host", inside)), "{answer}");
    let before = owner.get(&path).await;
    assert_eq!(before.body["settings"]["imap"]["host"], "8.8.8.8");
}

#[tokio::test]
async fn in_a_network_that_the_operator_named_any_port_will_do() {
    let Some(app) = app("10.9.0.0/16").await else { return };
    make_inbox(&app, inbox(("10.9.0.1", 2_465), ("10.9.0.2", 10_993))).await;
    let owner = app.actor("owner@aurora");
    let mut other = inbox(("10.8.0.1", 465), MAILBOX);
    other["name"] = json!("Outro");
    let answer = owner.post("/v1/inboxes", other).await.expect_status(422);
    assert!(
        faults(&answer).contains(&("/settings/smtp/host", "address_not_allowed")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_name_that_is_not_known_just_now_is_taken_and_judged_when_it_is_called() {
    let Some(app) = app("").await else { return };
    make_inbox(
        &app,
        inbox(("mail.nowhere.invalid", 465), ("mail.nowhere.invalid", 993)),
    )
    .await;
}
