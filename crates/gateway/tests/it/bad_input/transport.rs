//! Headers that make no sense, and clients that leave in the middle.

use std::time::Duration;

use test_support::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn headers_that_make_no_sense() {
    let Some((_app, director, ids)) = app_with_rows().await else {
        return;
    };
    let mut faults = Faults::default();
    let room = format!("/v1/rooms/{}", ids["rooms"]);
    for tag in [
        "garbage",
        "\"\"",
        "\"x-y\"",
        "W/\"\"",
        "\"99999999999999999999-a\"",
        "\"-1-a\"",
        "\u{e9}",
    ] {
        let answer = director
            .call(Method::PATCH, &room)
            .header("if-match", tag)
            .json(&json!({"name": "Outra"}))
            .send()
            .await;
        faults.expect(&answer, &[412], || format!("If-Match: {tag}"));
        let answer = director
            .call(Method::GET, &room)
            .header("if-none-match", tag)
            .send()
            .await;
        if answer.status != 200 {
            faults.0.push(format!("If-None-Match: {tag}: {answer}"));
        }
    }
    for key in ["", &"k".repeat(256), "\u{e9}\u{e9}", " "] {
        let answer = director
            .call(Method::POST, "/v1/rooms")
            .header("idempotency-key", key)
            .json(&json!({"name": "Nova"}))
            .send()
            .await;
        faults.expect(&answer, &[400], || format!("Idempotency-Key: {key:.20}"));
    }
    for (name, value) in [
        ("traceparent", "00-00000000000000000000000000000000-0000000000000000-00"),
        ("traceparent", "\u{e9}"),
        ("tracestate", "="),
        ("accept-encoding", "no-such, *;q=nan"),
        ("accept", "image/png"),
        ("accept-language", "\u{e9}"),
        ("x-forwarded-for", "not an address, ::1, 999.999.999.999"),
        ("content-type", "\u{e9}"),
        ("range", "bytes=-1"),
        ("cookie", "\u{e9}=;;;="),
    ] {
        let answer = director.call(Method::GET, &room).header(name, value).send().await;
        faults.expect_no_failure(&answer, || format!("{name}: {value}"));
    }
    faults.assert_none();
}

/// Sends `bytes` and reads what comes back until the server closes, or leaves at once.
async fn raw(app: &TestApp, bytes: &[u8], stay: bool) -> String {
    let mut stream = TcpStream::connect(app.api.address()).await.unwrap();
    // The server may close as soon as it has seen enough.
    let _closed_early = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    if stay {
        let _closed_early = stream.shutdown().await;
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "the server neither answers nor closes");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_hardly_http() {
    let Some((app, director, _)) = app_with_rows().await else {
        return;
    };
    let bearer = format!("Authorization: Bearer {}\r\n", director.token());
    let requests = [
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        "GET /v1/contacts HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(),
        "GET /v1/contacts HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n".to_owned(),
        format!(
            "GET /v1/contacts HTTP/1.1\r\nHost: x\r\n{}\r\n",
            "X-Long: y\r\n".repeat(5000)
        ),
        format!(
            "POST /v1/rooms HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\nContent-Length: -1\r\n\r\n{{}}"
        ),
        format!(
            "POST /v1/rooms HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!(
            "POST /v1/rooms HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        ),
        format!(
            "POST /v1/rooms HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"name\":"
        ),
    ];
    for request in requests {
        let answer = raw(&app, request.as_bytes(), true).await;
        assert!(!answer.starts_with("HTTP/1.1 5"), "{request:.60}: {answer}");
        assert!(!answer.starts_with("HTTP/1.1 2"), "{request:.60}: {answer}");
    }
    director.get("/v1/rooms").await.assert_status(200);
}

#[tokio::test]
async fn clients_that_leave_in_the_middle() {
    let Some((app, director, _)) = app_with_rows().await else {
        return;
    };
    let maintenance = app.database.connect(Role::Maintenance).await;
    let post = |name: &str| {
        let body = format!("{{\"name\": \"{name}\"}}");
        format!(
            "POST /v1/rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            director.token(),
            body.len()
        )
    };
    for number in 0..20 {
        let whole = post(&format!("Sala {number}"));
        // Within the head, within the body, and before the answer.
        for end in [whole.len() / 3, whole.len() - 3, whole.len()] {
            raw(&app, &whole.as_bytes()[..end], false).await;
        }
    }
    // More than the pool has connections, so that a lost one would be missed.
    for _ in 0..8 {
        director.get("/v1/rooms?limit=1").await.assert_status(200);
        app.get("director@horizonte", "/v1/rooms?limit=2")
            .await
            .assert_status(200);
    }
    let halves: i64 = maintenance
        .query_one(
            "SELECT count(*) FROM rooms r WHERE r.name LIKE 'Sala %' AND r.created_at > '2026-11-20' AND NOT EXISTS (
                 SELECT FROM audit_log a WHERE a.clinic_id = r.clinic_id AND a.resource_id = r.id) AND r.name ~ '[0-9]'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(halves, 0, "rooms without the audit row that is written with them");
    // What is still being served ends; what nobody ends would stay.
    let server = app.database.connect(Role::App).await;
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let none_left = async {
        while server.query_one(query, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(5), none_left).await.is_ok(),
        "transactions that nobody ends"
    );
}
