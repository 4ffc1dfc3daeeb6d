//! Real mail servers for tests: Debian's exim takes mails, refuses them when told to, and delivers them; dovecot serves the
//! mailboxes. One pair a test process, in a directory and on loopback ports of its own, gone with the process.
//!
//! Exim and not postfix, since postfix's master wants to be root and brings its own users and queues, while exim runs whole from
//! one file of settings as anybody, and decides by a look-up in a file that a test writes whom it refuses.

mod relay;
mod servers;
mod settings;

use std::sync::OnceLock;
use std::{env, fs};

use kernel::Timestamp;

pub use self::relay::LossyRelay;
use self::servers::Servers;

/// The servers' name, and the domain of every mailbox.
pub const DOMAIN: &str = "mail.example";

/// The password of every mailbox.
const PASSWORD: &str = "mailbox-password";

/// What the mail server does with mails to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It answers 451 to the recipient.
    Temporary,
    /// It answers 550 to the recipient.
    Permanent,
    /// It takes the mail, and sends back to the sender that there is no such mailbox.
    Bounce,
}

/// The mail servers of this process.
#[derive(Debug, Clone, Copy)]
pub struct MailServers {
    servers: &'static Servers,
}

/// A mailbox of the servers.
#[derive(Debug, Clone)]
pub struct TestMailbox {
    name: String,
    servers: &'static Servers,
}

impl MailServers {
    /// The servers, started when first asked for; `None` with a message when they are not installed, so that the test can pass
    /// over.
    ///
    /// # Panics
    /// When they are not installed under continuous integration (`CI=true`), and when they do not start.
    #[must_use]
    pub fn find() -> Option<Self> {
        static SERVERS: OnceLock<Option<Servers>> = OnceLock::new();
        let servers = SERVERS.get_or_init(|| match servers::programs() {
            Ok(programs) => Some(Servers::start(&programs)),
            Err(missing) => {
                let message = format!("{missing} is not installed: run `deploy/dev/services.sh install test`");
                assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
                eprintln!("test skipped: {message}");
                None
            }
        });
        servers.as_ref().map(|servers| Self { servers })
    }

    /// The mailbox `name@mail.example`, made if it is not there. A mailbox that nobody has made is refused as unknown. Tests run
    /// beside each other: take names that no other test takes.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn mailbox(&self, name: &str) -> TestMailbox {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        assert!(name.bytes().all(is_plain), "{name} is no plain name of a mailbox");
        self.servers.make_mailbox(name);
        TestMailbox {
            name: name.to_owned(),
            servers: self.servers,
        }
    }

    /// Where mails are taken in the clear, with or without a name and password.
    #[must_use]
    pub fn smtp_url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.servers.ports.smtp)
    }

    /// The port of [`Self::smtp_url`].
    #[must_use]
    pub fn smtp_port(&self) -> u16 {
        self.servers.ports.smtp
    }

    /// The port at which mailboxes are read in the clear or after STARTTLS.
    #[must_use]
    pub fn imap_port(&self) -> u16 {
        self.servers.ports.imap
    }

    /// Where mails are taken after STARTTLS, by who signs in with `password`.
    #[must_use]
    pub fn submission_url(&self, password: &str) -> String {
        format!("smtp://clinic:{password}@localhost:{}", self.servers.ports.submission)
    }

    /// Where mails are taken over TLS from the first byte, by who signs in with `password`.
    #[must_use]
    pub fn smtps_url(&self, password: &str) -> String {
        format!("smtps://clinic:{password}@localhost:{}", self.servers.ports.smtps)
    }

    /// The password that lets in at [`Self::submission_url`] and [`Self::smtps_url`].
    #[must_use]
    pub const fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The certificate authority of the servers, in PEM.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn authority(&self) -> Vec<u8> {
        fs::read(self.servers.directory.join("ca.pem")).expect("the authority's certificate")
    }
}

impl TestMailbox {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}@{DOMAIN}", self.name)
    }

    /// Where it is read in the clear.
    #[must_use]
    pub fn imap_url(&self) -> String {
        format!(
            "imap://{}:{PASSWORD}@127.0.0.1:{}?tls=none",
            self.name, self.servers.ports.imap
        )
    }

    /// Where it is read after STARTTLS, with any password.
    #[must_use]
    pub fn starttls_url(&self, password: &str) -> String {
        format!("imap://{}:{password}@localhost:{}", self.name, self.servers.ports.imap)
    }

    /// Where it is read over TLS, with any password.
    #[must_use]
    pub fn imaps_url(&self, password: &str) -> String {
        format!(
            "imaps://{}:{password}@localhost:{}",
            self.name, self.servers.ports.imaps
        )
    }

    /// Has the server refuse mails to it from now on, or with `None` take them again.
    ///
    /// # Panics
    /// When the server cannot be told.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.servers.refuse(&self.name, refusal);
    }

    /// Puts a mail into it as it is, as if it had been delivered.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn put(&self, raw: &[u8]) {
        self.servers.put(&self.name, raw, None);
    }

    /// As [`Self::put`], as if it had been delivered at `at`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn put_at(&self, raw: &[u8], at: Timestamp) {
        self.servers.put(&self.name, raw, Some(at.as_datetime().into()));
    }

    /// Has the mailbox numbered anew, as after it was restored from a backup.
    ///
    /// # Panics
    /// When its index cannot be removed.
    pub fn renumber(&self) {
        self.servers.renumber(&self.name);
    }
}
