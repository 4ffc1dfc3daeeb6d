//! Over TLS: to whom the operator trusts, and to nobody else.

use fetch::Roots;
use serde_json::{Value, json};
use test_support::certificates::Authority;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::receiver::Receiver;
use super::{Endpoint, endpoint_at, happen, tried};
use crate::app::TestApp;

/// A gateway that trusts `authority` besides the system's.
async fn app_trusting(authority: &Authority) -> Option<TestApp> {
    let roots = Roots::with_own(authority.pem().as_bytes()).unwrap();
    TestApp::start_with(|config| config.outward.roots = roots).await
}

async fn endpoint(app: &TestApp, receiver: &Receiver) -> Endpoint {
    let url = format!("https://127.0.0.1:{}/hooks", receiver.port());
    endpoint_at(&app.actor("owner@aurora"), &url, &["contact.created"]).await
}

/// Tells `receiver` of something, and gives the first attempt.
async fn attempt(app: &TestApp, receiver: &Receiver) -> Value {
    let endpoint = endpoint(app, receiver).await;
    happen(app, "aurora").await;
    tried(app, &endpoint, 1).await
}

#[tokio::test]
async fn a_target_whose_certificate_the_operator_trusts_is_told() {
    let authority = Authority::new();
    let Some(app) = app_trusting(&authority).await else {
        return;
    };
    let receiver = Receiver::secure(authority.certify(&["127.0.0.1"]).acceptor()).await;
    let delivery = attempt(&app, &receiver).await;
    assert_eq!(delivery["status"], "succeeded", "{delivery}");
    assert_eq!(receiver.kinds(), ["contact.created"]);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_or_of_another_name_is_no_delivery_and_the_log_says_why() {
    let authority = Authority::new();
    let stranger = Authority::new();
    for certificate in [stranger.certify(&["127.0.0.1"]), authority.certify(&["hooks.example"])] {
        let Some(app) = app_trusting(&authority).await else {
            return;
        };
        let receiver = Receiver::secure(certificate.acceptor()).await;
        let delivery = attempt(&app, &receiver).await;
        assert_eq!(delivery["status"], "pending", "it is tried again: {delivery}");
        let tried = &delivery["attempts"][0];
        assert_eq!(tried["error"], "certificate_not_trusted", "{delivery}");
        assert_eq!(
            (&tried["http_status"], &tried["response"]),
            (&json!(null), &json!(null))
        );
        assert!(receiver.received().is_empty() && receiver.connections() == 1);
    }
}

#[tokio::test]
async fn a_target_that_speaks_no_tls_gets_nothing() {
    let Some(app) = app_trusting(&Authority::new()).await else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/hooks", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _peer)) = listener.accept().await {
            let _gone = stream
                .write_all(b"HTTP/1.1 200 Said\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
    });
    let endpoint = endpoint_at(&app.actor("owner@aurora"), &url, &["contact.created"]).await;
    happen(&app, "aurora").await;
    let delivery = tried(&app, &endpoint, 1).await;
    assert_eq!(delivery["attempts"][0]["error"], "connection_failed", "{delivery}");
    assert!(delivery["attempts"][0]["http_status"].is_null());
}
