//! How long after a commit was answered the news of it reach many live connections.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long the last frames may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured, and where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The gateway.
    pub address: SocketAddr,
    /// An access token that may read and write appointments.
    pub token: String,
    /// The appointment that is changed again and again.
    pub appointment: String,
    /// So many connections.
    pub sockets: usize,
    /// So many commits.
    pub commits: usize,
    /// The time from one commit to the next.
    pub pause: Duration,
}

/// Delays over all frames, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delays {
    /// Half of the frames were not later.
    pub median: f64,
    /// All but one in a hundred.
    pub p99: f64,
    /// The latest of all.
    pub latest: f64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A call failed.
    #[error("a call failed: {0}")]
    Http(#[from] reqwest::Error),
    /// A call was refused.
    #[error("the gateway answered {0}")]
    Refused(String),
    /// A connection failed.
    #[error("a live connection failed: {0}")]
    Socket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    /// Frames were lost, or too late.
    #[error("{missing} frames did not come within {} s", PATIENCE.as_secs())]
    Missing {
        /// How many.
        missing: usize,
    },
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens the connections, makes the commits, and gives the delays from each commit's answer to each of its frames. A frame
/// that came before the answer counts as 0.
///
/// # Errors
/// [`LiveError`].
pub async fn measure(plan: &Plan) -> Result<Delays, LiveError> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let (heard, mut arrivals) = mpsc::unbounded_channel();
    let mut readers = Vec::with_capacity(plan.sockets);
    for _ in 0..plan.sockets {
        let socket = open(plan, &http).await?;
        readers.push(tokio::spawn(read(socket, heard.clone())));
    }
    let mut answered = Vec::with_capacity(plan.commits);
    for number in 0..plan.commits {
        let address = format!("http://{}/v1/appointments/{}", plan.address, plan.appointment);
        let change = json!({ "notes": format!("measured {number}") });
        call(http.patch(address).bearer_auth(&plan.token).json(&change)).await?;
        answered.push(Instant::now());
        tokio::time::sleep(plan.pause).await;
    }
    let expected = plan.commits * plan.sockets;
    let mut delays = Vec::with_capacity(expected);
    let all = async {
        while delays.len() < expected
            && let Some((number, at)) = arrivals.recv().await
        {
            let Some(answered_at): Option<&Instant> = answered.get(number) else {
                continue;
            };
            let delay: Duration = Instant::saturating_duration_since(&at, *answered_at);
            delays.push(delay.as_secs_f64() * 1_000.0);
        }
    };
    let _late = tokio::time::timeout(PATIENCE, all).await;
    for reader in &readers {
        reader.abort();
    }
    if delays.len() < expected {
        let missing = expected - delays.len();
        return Err(LiveError::Missing { missing });
    }
    delays.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| delays.get(delays.len() * part / 100).or(delays.last()).copied();
    Ok(Delays {
        median: at(50).unwrap_or_default(),
        p99: at(99).unwrap_or_default(),
        latest: delays.last().copied().unwrap_or_default(),
    })
}

async fn call(request: reqwest::RequestBuilder) -> Result<Value, LiveError> {
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        return Err(LiveError::Refused(format!("{status}: {text}")));
    }
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// A connection that hears of appointments.
async fn open(plan: &Plan, http: &reqwest::Client) -> Result<Socket, LiveError> {
    let address = format!("http://{}/v1/realtime/tickets", plan.address);
    let made = call(http.post(address).bearer_auth(&plan.token)).await?;
    let ticket = made.get("ticket").and_then(Value::as_str).unwrap_or_default();
    let address = format!("ws://{}/v1/realtime?ticket={ticket}", plan.address);
    let (mut socket, _response) = connect_async(address).await.map_err(Box::new)?;
    let wish = json!({ "subscribe": ["appointments"] }).to_string();
    socket.send(Message::text(wish)).await.map_err(Box::new)?;
    // The answer: from here on everything is heard.
    match socket.next().await {
        Some(Ok(_subscribed)) => Ok(socket),
        Some(Err(error)) => Err(Box::new(error).into()),
        None => Err(LiveError::Refused("the end of a live connection".to_owned())),
    }
}

/// Notes which event came when: the commits are made one after the other, so the events come in their order.
async fn read(mut socket: Socket, heard: mpsc::UnboundedSender<(usize, Instant)>) {
    let mut number = 0;
    while let Some(Ok(message)) = socket.next().await {
        let at = Instant::now();
        if let Message::Text(text) = message
            && text.contains("\"appointment.updated\"")
        {
            if heard.send((number, at)).is_err() {
                return;
            }
            number += 1;
        }
    }
}
