//! A bucket for a test: a server on loopback that speaks S3 and checks signatures, over a folder that is gone with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use files::{BucketConfig, FilesConfig};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const BUCKET: &str = "taskmed";
const KEY_ID: &str = "AKIDTASKMED";

/// A server with one empty bucket. It can be stopped and started again, at the same address and with what it holds.
pub struct TestBucket {
    folder: PathBuf,
    address: SocketAddr,
    service: S3Service,
    serving: Mutex<Vec<JoinHandle<()>>>,
}

impl TestBucket {
    /// The secret of who may use the bucket.
    pub const SECRET: &str = "the-secret-of-a-bucket-of-tests";

    /// Starts a server.
    ///
    /// # Panics
    /// When there is no free port, or no place for the folder.
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        // The port is taken, and so is the name.
        let folder = std::env::temp_dir().join(format!("taskmed-bucket-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(folder.join(BUCKET)).expect("a folder can be made");
        let mut service = S3ServiceBuilder::new(FileSystem::new(&folder).expect("the folder is there"));
        service.set_auth(SimpleAuth::from_single(KEY_ID, Self::SECRET));
        let bucket = Self {
            folder,
            address,
            service: service.build(),
            serving: Mutex::default(),
        };
        bucket.serve(listener);
        Arc::new(bucket)
    }

    /// The settings of who may use the bucket.
    #[must_use]
    pub fn config(&self) -> BucketConfig {
        BucketConfig {
            name: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: Self::SECRET.into(),
        }
    }

    /// The settings of a gateway that keeps its files here.
    #[must_use]
    pub fn files(&self) -> FilesConfig {
        FilesConfig::Bucket(self.config())
    }

    /// Refuses all connections, and ends those that there are.
    pub async fn stop(&self) {
        let serving = std::mem::take(&mut *self.serving.lock().unwrap_or_else(PoisonError::into_inner));
        for task in serving {
            task.abort();
            let _ended = task.await;
        }
    }

    /// Serves again after [`Self::stop`].
    ///
    /// # Panics
    /// When another has taken the port meanwhile.
    pub async fn start_again(&self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still free");
        self.serve(listener);
    }

    fn serve(&self, listener: TcpListener) {
        let service = self.service.clone();
        let task = tokio::spawn(async move {
            // With the task end the connections that it serves.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve_one(socket, service.clone()));
            }
        });
        self.serving.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// How many files of clinics are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        fn count(directory: &std::path::Path) -> usize {
            let Ok(entries) = std::fs::read_dir(directory) else {
                return 0;
            };
            let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
            paths.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(&self.folder.join(BUCKET).join("clinics"))
    }
}

async fn serve_one(socket: TcpStream, service: S3Service) {
    let http = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new()).http1_only();
    // A client that goes away is no failure of ours.
    let _ended = http.serve_connection(TokioIo::new(socket), service).await;
}

impl Drop for TestBucket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("the bucket of a test was left behind: {error}");
        }
    }
}
