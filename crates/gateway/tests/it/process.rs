//! The program itself, as an operator starts it: its commands, and a server that can be killed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use test_support::{Api, Role, TestBucket, TestDatabase, keys};
use tokio::io::{AsyncBufReadExt, BufReader};

/// The program over a test's database, with settings of its own and none of the shell's.
pub(crate) struct Process {
    settings: BTreeMap<String, String>,
}

/// How a command ended.
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

/// A server in a process of its own, killed with this.
pub(crate) struct Server {
    /// Where it is called.
    pub api: Api,
    child: tokio::process::Child,
}

impl Process {
    pub(crate) fn of(database: &TestDatabase) -> Self {
        let files = std::env::temp_dir().join(database.name());
        let process = Self {
            settings: BTreeMap::new(),
        };
        process
            .set("TASKMED_ENVIRONMENT", "development")
            .set("TASKMED_LISTEN", "127.0.0.1:0")
            .set("TASKMED_ADMIN_LISTEN", "127.0.0.1:0")
            .set("TASKMED_WORKERS", "1")
            .set("TASKMED_DATABASE_URL", &database.url(Role::App))
            .set("TASKMED_DATABASE_WORKER_URL", &database.url(Role::Worker))
            .set("TASKMED_DATABASE_OWNER_URL", &database.url(Role::Owner))
            .set("TASKMED_FILES_DIR", &files.display().to_string())
            .set("TASKMED_MASTER_KEY", &keys::master_key())
            .set("TASKMED_SIGNING_KEYS_PEM", &keys::signing_key(7))
            .set("TASKMED_LOG_FORMAT", "json")
    }

    /// With another setting.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With files in a bucket.
    pub(crate) fn bucket(mut self, bucket: &Arc<TestBucket>) -> Self {
        self.settings.remove("TASKMED_FILES_DIR");
        let config = bucket.config();
        self.set("TASKMED_FILES_BUCKET", &config.name)
            .set("TASKMED_FILES_BUCKET_ENDPOINT", &config.endpoint.unwrap_or_default())
            .set("TASKMED_FILES_BUCKET_ACCESS_KEY_ID", &config.access_key_id)
            .set("TASKMED_FILES_BUCKET_SECRET_ACCESS_KEY", TestBucket::SECRET)
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskmed"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TASKMED_")) {
            command.env_remove(name);
        }
        command.envs(&self.settings).args(arguments).stdin(Stdio::null());
        command.into()
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().await.unwrap();
        Ended {
            code: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts a server, and gives it when it serves.
    pub(crate) async fn serve(&self) -> Server {
        let mut command = self.command(&["serve"]);
        command.kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(line) = lines.next_line().await.unwrap() else {
                panic!("the server did not start: {said:#?}");
            };
            if let Some(address) = serving(&line) {
                break address;
            }
            said.push(line);
        };
        // Read on, or the server would come to wait for its log to be read.
        tokio::spawn(async move { while let Ok(Some(_line)) = lines.next_line().await {} });
        Server {
            api: Api::at(address),
            child,
        }
    }
}

/// The address in the line that says that the server serves.
fn serving(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    let says = fields.get("message").and_then(Value::as_str) == Some("serving");
    says.then(|| fields.get("address")?.as_str()?.parse().ok())?
}

impl Server {
    /// Kills it, as the system does when memory is short: it learns nothing of it.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
