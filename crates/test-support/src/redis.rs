//! A Redis of a test's own, which can be stopped and started in the middle of it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a Redis may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis on a free port of this machine, gone with the test. It keeps nothing on disk.
#[derive(Debug)]
pub struct TestRedis {
    address: SocketAddr,
    server: Option<Child>,
}

impl TestRedis {
    /// Starts one; `None`, with a message, where `redis-server` is not installed.
    ///
    /// # Panics
    /// When it does not start, or is not installed under `CI=true`.
    #[must_use]
    pub fn start() -> Option<Self> {
        // Between the look for a free port and its use another may take it; then the next one is tried.
        for _attempt in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
            let mut redis = Self {
                address: port.expect("there is a free port"),
                server: None,
            };
            match redis.launch() {
                Ok(()) if redis.answers() => return Some(redis),
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    let message = "redis-server is not installed";
                    assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
                    eprintln!("test skipped: {message}");
                    return None;
                }
                Err(error) => panic!("redis-server does not start: {error}"),
            }
        }
        panic!("redis-server does not start");
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Kills it: connections break at once, and whatever it held is lost.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _gone_already = server.kill();
            let _gone_already = server.wait();
        }
    }

    /// Starts it again, empty, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.launch().expect("redis-server starts");
        assert!(self.answers(), "redis-server does not come back");
    }

    fn launch(&mut self) -> std::io::Result<()> {
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir", "/tmp"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.server = Some(server);
        Ok(())
    }

    /// Whether it comes to take connections.
    fn answers(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let ended = self
                .server
                .as_mut()
                .is_none_or(|server| !matches!(server.try_wait(), Ok(None)));
            if ended {
                return false;
            }
            if TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_ok() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
