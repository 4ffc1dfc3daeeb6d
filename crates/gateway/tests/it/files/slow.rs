//! Files that come slowly: as long as they go on coming they may take longer than a request, but not for ever.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Begins to send a file of `announced` bytes, and sends a byte `every` so often, `times` times; gives the answer as it came.
async fn trickle(app: &TestApp, path: &str, announced: usize, times: usize, every: Duration) -> String {
    let mut connection = TcpStream::connect(app.api.address()).await.unwrap();
    let token = app.actor("owner@aurora").token().to_owned();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nContent-Type: text/csv\r\n\
         Content-Length: {announced}\r\nConnection: close\r\n\r\nNome\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = connection.into_split();
    let sending = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(every);
        for _ in 0..times {
            ticks.tick().await;
            // Who has answered already reads no more.
            if writing.write_all(b"a").await.is_err() {
                break;
            }
        }
        // Held, so that the connection does not end.
        writing
    });
    let mut answer = Vec::new();
    let _ended = reading.read_to_end(&mut answer).await;
    sending.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

const IMPORT: &str = "/v1/imports?kind=contacts&filename=a.csv";

#[tokio::test]
async fn a_file_may_take_longer_than_a_request_while_it_goes_on_coming() {
    let started = TestApp::start_with(|config| config.server.deadline = Duration::from_secs(4));
    let Some(app) = started.await else { return };
    // Six seconds in all, and no pause near four.
    let answer = trickle(&app, IMPORT, 5 + 25, 25, Duration::from_millis(250)).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(app.kept_files(), 1);
}

#[tokio::test]
async fn a_file_that_stops_coming_is_given_up_and_nothing_of_it_stays() {
    let started = TestApp::start_with(|config| config.server.deadline = Duration::from_secs(1));
    let Some(app) = started.await else { return };
    let answer = trickle(&app, IMPORT, 1_000, 1, Duration::from_secs(1)).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("upload_too_slow"), "{answer}");
    assert_eq!(app.kept_files(), 0);
}

#[tokio::test]
async fn a_file_that_never_ends_is_given_up_although_it_goes_on_coming() {
    let started = TestApp::start_with(|config| {
        config.server.deadline = Duration::from_secs(10);
        config.server.upload = Duration::from_secs(2);
    });
    let Some(app) = started.await else { return };
    let answer = trickle(&app, IMPORT, 100_000, 100_000, Duration::from_millis(50)).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(app.kept_files(), 0);
}
