//! Names that lead elsewhere each time they are looked up, and addresses in every dress.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::resolver::LookingUp;

/// A name that leads elsewhere each time it is asked for.
struct Rebinding(Mutex<VecDeque<Vec<&'static str>>>);

impl LookUp for Rebinding {
    fn look_up(&self, _name: String) -> LookingUp {
        let next = self.0.lock().unwrap().pop_front().unwrap_or_default();
        let addresses: Vec<IpAddr> = next.iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(addresses) })
    }
}

fn rules(networks: &str) -> OutwardRules {
    OutwardRules {
        networks: networks.parse().unwrap(),
        ..OutwardRules::default()
    }
}

const LIMITS: Limits = Limits {
    time: Duration::from_secs(30),
    bytes: 1_000,
    wanted: Wanted::Whole,
    redirects: 3,
};

async fn get(fetcher: &Fetcher, url: &str, limits: Limits) -> Result<Answer, FetchError> {
    let request = Request {
        method: Method::GET,
        target: Target::parse(url, fetcher.allowed())?,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        limits,
    };
    fetcher.send(request).await
}

/// A listener that must never be connected to.
async fn trap() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn assert_untouched(listener: &TcpListener) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(listener.poll_accept(&mut context).is_pending(), "somebody connected");
}

#[tokio::test]
async fn a_name_that_leads_inward_is_not_connected_to_however_it_answered_before() {
    let (listener, port) = trap().await;
    let answers = [
        vec!["127.0.0.1"],
        vec!["::ffff:127.0.0.1"],
        vec!["64:ff9b::7f00:1", "10.0.0.1"],
        vec!["127.0.0.1"],
    ];
    let look_up = Arc::new(Rebinding(Mutex::new(answers.into())));
    // 192.0.2.0/24 is nobody's: only so may there be names without TLS at all.
    let fetcher = Fetcher::with_look_up(&rules("192.0.2.0/24"), look_up).unwrap();
    for (scheme, wanted) in [
        ("http", FetchError::NotPublic),
        ("https", FetchError::NotPublic),
        ("http", FetchError::NotPublic),
        ("https", FetchError::NotPublic),
        ("https", FetchError::UnknownHost),
    ] {
        let came = get(&fetcher, &format!("{scheme}://hooks.example:{port}/"), LIMITS).await;
        assert_eq!(came.err(), Some(wanted), "{scheme}");
    }
    assert_untouched(&listener);
}

/// Answers one request with `answer`, and hangs up when the other side does.
async fn serve(listener: &TcpListener, answer: &str) {
    let (mut stream, _peer) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    let _ended = stream.read(&mut [0; 1]).await;
}

#[tokio::test]
async fn of_several_addresses_only_those_permitted_are_connected_to() {
    let (inward, port) = trap().await;
    let served = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let answers = [vec!["127.0.0.1", "127.0.0.2"]];
    let look_up = Arc::new(Rebinding(Mutex::new(answers.into())));
    let fetcher = Fetcher::with_look_up(&rules("127.0.0.2"), look_up).unwrap();
    let serving = tokio::spawn(async move { serve(&served, "HTTP/1.1 204 Said\r\n\r\n").await });
    let answer = get(&fetcher, &format!("http://hooks.example:{port}/"), LIMITS)
        .await
        .unwrap();
    assert_eq!(answer.status, 204);
    serving.await.unwrap();
    assert_untouched(&inward);
}

#[tokio::test]
async fn an_address_in_the_url_is_judged_as_the_one_it_is() {
    let (listener, port) = trap().await;
    let fetcher = Fetcher::new(&rules("192.0.2.0/24")).unwrap();
    for host in ["127.0.0.1", "localhost", "[::ffff:7f00:1]", "2130706433", "[::1]", "0"] {
        for scheme in ["http", "https"] {
            let came = get(&fetcher, &format!("{scheme}://{host}:{port}/"), LIMITS).await;
            assert_eq!(came.err(), Some(FetchError::NotPublic), "{scheme} {host}");
        }
    }
    assert_untouched(&listener);
}
