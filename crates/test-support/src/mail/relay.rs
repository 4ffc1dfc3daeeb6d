//! A network that loses answers: a relay before a real mail server that passes everything on, and cuts the connection once the
//! server has taken a mail, before the sender hears of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A relay that loses the first answers to contents. Gone when dropped.
#[derive(Debug)]
pub struct LossyRelay {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl LossyRelay {
    /// A relay before the server on `port` of loopback that loses so many answers, and then none.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn before(port: u16, losses: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let losses = Arc::new(AtomicUsize::new(losses));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let losses = Arc::clone(&losses);
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", port)).await.expect("the mail server");
                    pass_on(client, server, &losses).await;
                });
            }
        });
        Self { address, task }
    }

    /// Where to send.
    #[must_use]
    pub fn smtp_url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }
}

impl Drop for LossyRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes both ways on, until either side ends or an answer is lost.
async fn pass_on(mut client: TcpStream, mut server: TcpStream, losses: &AtomicUsize) {
    let (mut from_client, mut from_server) = (vec![0; 16_384], vec![0; 16_384]);
    let mut tail: Vec<u8> = Vec::new();
    let mut content_ended = false;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(bytes @ 1..) = read else { return };
                let sent = from_client.get(..bytes).unwrap_or_default();
                tail.extend_from_slice(sent);
                content_ended = tail.ends_with(b"\r\n.\r\n");
                tail.drain(..tail.len().saturating_sub(5));
                if server.write_all(sent).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                let Ok(bytes @ 1..) = read else { return };
                let answer = from_server.get(..bytes).unwrap_or_default();
                let lose = || losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                if content_ended && answer.starts_with(b"250") && lose() {
                    return;
                }
                if client.write_all(answer).await.is_err() { return }
            }
        }
    }
}
