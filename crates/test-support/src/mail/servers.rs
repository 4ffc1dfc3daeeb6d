//! Starting the servers, and reaching into what they keep.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use std::{fs, thread};

use super::settings::{self, Ports};
use super::{DOMAIN, Refusal};
use crate::certificates::Authority;

/// Where Debian puts servers, which need not be on an ordinary user's PATH.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// The programs of the servers.
pub(super) struct Programs {
    exim: PathBuf,
    dovecot: PathBuf,
}

/// The programs, or which one is missing.
pub(super) fn programs() -> Result<Programs, &'static str> {
    let find = |name: &'static str| {
        let candidates = PLACES.iter().map(|place| Path::new(place).join(name));
        candidates.into_iter().find(|path| path.is_file()).ok_or(name)
    };
    Ok(Programs {
        exim: find("exim4")?,
        dovecot: find("dovecot")?,
    })
}

/// Running servers.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) directory: PathBuf,
    pub(super) ports: Ports,
    refusals: Mutex<Vec<(String, Refusal)>>,
    written: AtomicU32,
    /// Its standard input ends with this process, and the servers with that.
    _supervisor: Child,
}

impl Servers {
    /// Starts the servers, on other ports when another program was quicker to take one.
    pub(super) fn start(programs: &Programs) -> Self {
        for _ in 0..3 {
            if let Some(servers) = Self::try_start(programs) {
                return servers;
            }
        }
        panic!("the mail servers do not start: their logs are in the temporary directory")
    }

    fn try_start(programs: &Programs) -> Option<Self> {
        let runner = Runner::find();
        let directory = make_directory();
        let ports = Ports {
            smtp: free_port(),
            submission: free_port(),
            smtps: free_port(),
            imap: free_port(),
            imaps: free_port(),
        };
        for part in ["spool", "log", "run", "mail"] {
            fs::create_dir(directory.join(part)).expect("a directory can be made");
        }
        // Without the set-uid bit of the original: it shall not become root.
        fs::copy(&programs.exim, directory.join("exim4")).expect("exim can be copied");
        set_mode(&directory.join("exim4"), 0o755);
        let exim = settings::exim(&directory, ports, &runner.user, &runner.group);
        write(&directory.join("exim.conf"), &exim);
        let dovecot = settings::dovecot(&directory, ports, &runner.user, &runner.group);
        write(&directory.join("dovecot.conf"), &dovecot);
        write(&directory.join("refusals"), "");
        make_certificates(&directory);
        runner.own(&directory);
        let supervisor = runner
            .command()
            .args(["sh", "-c", settings::SUPERVISOR])
            .env("DIRECTORY", &directory)
            .env("DOVECOT", &programs.dovecot)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a shell can be started");
        let servers = Self {
            directory,
            ports,
            refusals: Mutex::default(),
            written: AtomicU32::new(0),
            _supervisor: supervisor,
        };
        if servers.answer() {
            return Some(servers);
        }
        for log in [
            "exim-start",
            "dovecot-start",
            "exim-mainlog",
            "exim-paniclog",
            "dovecot",
        ] {
            let text = fs::read_to_string(servers.directory.join("log").join(log)).unwrap_or_default();
            eprintln!("{log}:\n{text}");
        }
        None
    }

    /// Waits until every port is served.
    fn answer(&self) -> bool {
        let Ports {
            smtp,
            submission,
            smtps,
            imap,
            imaps,
        } = self.ports;
        [smtp, submission, smtps, imap, imaps].into_iter().all(|port| {
            (0..200).any(|_| {
                let answers = TcpStream::connect(("127.0.0.1", port)).is_ok();
                if !answers {
                    thread::sleep(Duration::from_millis(50));
                }
                answers
            })
        })
    }

    /// Makes a mailbox; one that is there stays.
    pub(super) fn make_mailbox(&self, name: &str) {
        let directory = self.directory.join("mail").join(name);
        if !directory.is_dir() {
            fs::create_dir(&directory).expect("a directory can be made");
            Runner::find().own(&directory);
        }
    }

    /// Says in the servers' file whom to refuse.
    pub(super) fn refuse(&self, name: &str, refusal: Option<Refusal>) {
        let mut refusals = self.refusals.lock().expect("no test panicked here");
        refusals.retain(|(refused, _)| refused != name);
        refusals.extend(refusal.map(|refusal| (name.to_owned(), refusal)));
        let mut text = String::new();
        for (name, refusal) in refusals.iter() {
            let word = match refusal {
                Refusal::Temporary => "temporary",
                Refusal::Permanent => "permanent",
                Refusal::Bounce => "bounce",
            };
            writeln!(text, "{name}: {word}").expect("text can be written");
        }
        let unfinished = self.directory.join("refusals.new");
        write(&unfinished, &text);
        fs::rename(unfinished, self.directory.join("refusals")).expect("a file can be renamed");
    }

    /// Puts a file where a delivery would.
    pub(super) fn put(&self, name: &str, raw: &[u8], delivered_at: Option<SystemTime>) {
        let runner = Runner::find();
        let maildir = self.directory.join("mail").join(name).join("Maildir");
        for part in ["", "tmp", "new", "cur"] {
            let directory = maildir.join(part);
            if !directory.is_dir() {
                fs::create_dir(&directory).expect("a directory can be made");
                runner.own(&directory);
            }
        }
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let file = format!("{:010}.{number:06}.{DOMAIN}", crate::database::seconds_now());
        let unfinished = maildir.join("tmp").join(&file);
        fs::write(&unfinished, raw).expect("a file can be written");
        if let Some(at) = delivered_at {
            let written = fs::File::options().write(true).open(&unfinished).expect("the file");
            written.set_modified(at).expect("its time can be set");
        }
        runner.own(&unfinished);
        fs::rename(unfinished, maildir.join("new").join(file)).expect("a file can be renamed");
    }

    /// Removes what dovecot knows of a mailbox besides its mails, and gives it another number.
    pub(super) fn renumber(&self, name: &str) {
        let maildir = self.directory.join("mail").join(name).join("Maildir");
        let list = maildir.join("dovecot-uidlist");
        let text = fs::read_to_string(&list).expect("the mailbox has been opened");
        let before = text
            .split_whitespace()
            .find_map(|word| word.strip_prefix('V'))
            .expect("a number");
        let next = before.parse::<u32>().expect("a number").saturating_add(1);
        let header = text
            .lines()
            .next()
            .expect("a header")
            .replace(&format!("V{before}"), &format!("V{next}"));
        for entry in fs::read_dir(&maildir).expect("a directory").flatten() {
            if entry.file_name().to_string_lossy().starts_with("dovecot") {
                fs::remove_file(entry.path()).expect("a file can be removed");
            }
        }
        fs::write(&list, format!("{header}\n")).expect("a file can be written");
        Runner::find().own(&list);
    }
}

/// Whom the servers run as: never root.
struct Runner {
    user: String,
    group: String,
    ids: Option<(u32, u32)>,
}

impl Runner {
    fn find() -> Self {
        let id = |arguments: &[&str]| {
            let output = Command::new("id").args(arguments).output().expect("id answers");
            String::from_utf8(output.stdout).expect("text").trim().to_owned()
        };
        if id(&["-u"]) == "0" {
            let number = |flag: &str| id(&[flag, "nobody"]).parse().expect("a number");
            Self {
                user: "nobody".to_owned(),
                group: id(&["-gn", "nobody"]),
                ids: Some((number("-u"), number("-g"))),
            }
        } else {
            Self {
                user: id(&["-un"]),
                group: id(&["-gn"]),
                ids: None,
            }
        }
    }

    /// What a command for the servers begins with.
    fn command(&self) -> Command {
        match self.ids {
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={group}")]);
                command.args(["--clear-groups", "--inh-caps=-all", "setsid"]);
                command
            }
            None => Command::new("setsid"),
        }
    }

    /// Gives them `path`, with all that is below.
    fn own(&self, path: &Path) {
        if let Some((user, group)) = self.ids {
            chown(path, Some(user), Some(group)).expect("root can give files away");
            if path.is_dir() {
                for entry in fs::read_dir(path).expect("a directory can be read").flatten() {
                    self.own(&entry.path());
                }
            }
        }
    }
}

fn make_directory() -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!(
        "taskmed-mail-{}-{number}-{}",
        std::process::id(),
        crate::database::seconds_now()
    );
    let directory = std::env::temp_dir().join(name);
    fs::create_dir(&directory).expect("a directory can be made");
    set_mode(&directory, 0o755);
    directory
}

/// A free port below those that outgoing connections take theirs from.
fn free_port() -> u16 {
    use std::hash::{BuildHasher as _, RandomState};
    loop {
        let port = 20_000 + u16::try_from(RandomState::new().hash_one(0) % 12_000).expect("a small number");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An authority, and a certificate of it for `localhost`.
fn make_certificates(directory: &Path) {
    let authority = Authority::new();
    let server = authority.certify(&["localhost"]);
    write(&directory.join("ca.pem"), authority.pem());
    write(&directory.join("server.pem"), &server.certificate);
    write(&directory.join("server.key"), &server.key);
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file can be written");
    set_mode(path, 0o644);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("modes can be set");
}
