//! The client against a server of its own: redirects inward, large, slow and broken answers.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use fetch::{
    Answer, FetchError, Fetcher, HeaderMap, Limits, Method, OutwardRules, Request, ResolveError, Target, Wanted,
    is_public, permitted_addresses,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves `answers`, one a connection, in turn; then hangs on.
async fn server(answers: Vec<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).await.unwrap() == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
        let (_held, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    address
}

fn rules() -> OutwardRules {
    OutwardRules {
        networks: "127.0.0.1".parse().unwrap(),
        ..OutwardRules::default()
    }
}

const LIMITS: Limits = Limits {
    time: Duration::from_secs(20),
    bytes: 1000,
    wanted: Wanted::Whole,
    redirects: 2,
};

async fn get(url: &str, limits: Limits) -> Result<Answer, FetchError> {
    let request = Request {
        method: Method::GET,
        target: Target::parse(url, &rules().networks).unwrap(),
        headers: HeaderMap::new(),
        body: Default::default(),
        limits,
    };
    Fetcher::new(&rules()).unwrap().send(request).await
}

/// Limits under which the beginning of the body will do, waited for so long.
fn beginning(patience: Duration) -> Limits {
    Limits {
        wanted: Wanted::Beginning { patience },
        ..LIMITS
    }
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn text(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn an_answer_is_read_after_redirects() {
    let address = server(vec![redirect("/a"), redirect("/b"), text("here")]).await;
    let answer = get(&format!("http://{address}/"), LIMITS).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"here"[..]));
}

#[tokio::test]
async fn a_redirect_too_many_is_no_answer() {
    let address = server(vec![redirect("/a"), redirect("/b"), redirect("/c")]).await;
    let answer = get(&format!("http://{address}/"), LIMITS).await;
    assert_eq!(answer.unwrap_err(), FetchError::BadRedirect);
}

#[tokio::test]
async fn where_no_redirect_is_followed_it_is_the_answer() {
    let address = server(vec![redirect("/a")]).await;
    let limits = Limits { redirects: 0, ..LIMITS };
    assert_eq!(get(&format!("http://{address}/"), limits).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_redirect_inward_is_refused_by_address_and_by_name() {
    for to in [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest",
        "https://[::1]/",
        "https://10.0.0.1/",
    ] {
        let address = server(vec![redirect(to)]).await;
        let answer = get(&format!("http://{address}/"), LIMITS).await;
        assert_eq!(answer.unwrap_err(), FetchError::NotPublic, "{to}");
    }
}

#[tokio::test]
async fn what_the_system_looks_up_is_judged_in_every_dress() {
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "::1",
        "::ffff:10.0.0.1",
    ] {
        let found = permitted_addresses(host, is_public).await;
        assert_eq!(found, Err(ResolveError::NotPermitted), "{host}");
    }
    let found = permitted_addresses("127.1", |address| rules().networks.permit(address)).await;
    assert_eq!(found, Ok(vec!["127.0.0.1".parse().unwrap()]));
    let found = permitted_addresses("nowhere.invalid", is_public).await;
    assert_eq!(found, Err(ResolveError::Unknown));
}

#[tokio::test]
async fn a_large_answer_is_refused_or_cut_whether_or_not_it_says_so() {
    let large = "x".repeat(1001);
    let unannounced = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{large}");
    for answer in [text(&large), unannounced] {
        let address = server(vec![answer.clone()]).await;
        let refused = get(&format!("http://{address}/"), LIMITS).await;
        assert_eq!(refused.unwrap_err(), FetchError::TooLarge);
        let address = server(vec![answer]).await;
        let cut = get(&format!("http://{address}/"), beginning(Duration::from_secs(20))).await;
        assert_eq!(cut.unwrap().body.len(), 1000);
    }
    let address = server(vec![text(&"x".repeat(1000))]).await;
    assert!(get(&format!("http://{address}/"), LIMITS).await.is_ok());
}

#[tokio::test]
async fn who_does_not_answer_or_breaks_off_is_told_apart() {
    let address = server(Vec::new()).await;
    let limits = Limits {
        time: Duration::from_millis(50),
        ..LIMITS
    };
    assert_eq!(
        get(&format!("http://{address}/"), limits).await.unwrap_err(),
        FetchError::TimedOut
    );
    let address = server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_owned()]).await;
    assert_eq!(
        get(&format!("http://{address}/"), LIMITS).await.unwrap_err(),
        FetchError::Unreachable
    );
}

#[tokio::test]
async fn of_a_body_that_never_ends_the_beginning_will_do() {
    let endless = "HTTP/1.1 200 OK\r\n\r\nbeginning".to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _asked = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(endless.as_bytes()).await.unwrap();
            held.push(stream);
        }
    });
    let short = Duration::from_millis(200);
    let answer = get(&format!("http://{address}/"), beginning(short)).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"beginning"[..]));
    let limits = Limits { time: short, ..LIMITS };
    let answer = get(&format!("http://{address}/"), limits).await;
    assert_eq!(answer.unwrap_err(), FetchError::TimedOut);
}
