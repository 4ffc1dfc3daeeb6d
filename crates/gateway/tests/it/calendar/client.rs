//! A feed as a calendar program of Debian sees it: vdirsyncer, which keeps each event as a file of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use test_support::{Answer, world};

use super::{feed, feed_of_lima};
use crate::agenda::{act, book, consulta, tuesday};
use crate::app::TestApp;

const PROGRAM: &str = "vdirsyncer";

/// A calendar program with a folder of its own, removed with it.
struct CalendarProgram {
    folder: PathBuf,
}

impl CalendarProgram {
    /// The program, subscribed to `feed`; `None`, with a message, where it is not installed.
    fn subscribed(app: &TestApp, feed: &Answer) -> Option<Self> {
        if Command::new(PROGRAM).arg("--version").output().is_err() {
            let message = format!("{PROGRAM} is not installed: `deploy/dev/services.sh install test` does it");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
            eprintln!("test skipped: {message}");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("{}-calendar", app.database.name()));
        fs::create_dir_all(folder.join("events")).unwrap();
        let shown = folder.display();
        let url = format!("http://{}{}", app.api.address(), feed.body["path"].as_str().unwrap());
        let config = format!(
            "[general]\nstatus_path = \"{shown}/status/\"\n\n\
             [pair agenda]\na = \"server\"\nb = \"here\"\ncollections = null\nconflict_resolution = \"a wins\"\n\n\
             [storage server]\ntype = \"http\"\nurl = \"{url}\"\n\n\
             [storage here]\ntype = \"filesystem\"\npath = \"{shown}/events/\"\nfileext = \".ics\"\n"
        );
        fs::write(folder.join("config"), config).unwrap();
        let program = Self { folder };
        program.run(&["discover", "agenda"]);
        Some(program)
    }

    fn run(&self, arguments: &[&str]) {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.folder.join("config")).args(arguments);
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    /// Fetches the feed; gives the text of each event that is there then, by its start: the program gives events from an
    /// address identifiers of its own, since many servers make new ones each time.
    fn synchronise(&self) -> BTreeMap<String, String> {
        self.run(&["sync"]);
        let entries = fs::read_dir(self.folder.join("events")).unwrap();
        let texts = entries.map(|entry| read(&entry.unwrap().path()));
        texts.map(|text| (property(&text, "DTSTART"), text)).collect()
    }
}

impl Drop for CalendarProgram {
    fn drop(&mut self) {
        // A folder that is left behind in the system's place for such is no failure.
        let _kept = fs::remove_dir_all(&self.folder);
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap()
        .replace("\r\n", "\n")
        .replace("\n ", "")
}

fn property(event: &str, name: &str) -> String {
    let line = event.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name}: {event}")).to_owned()
}

#[tokio::test]
async fn a_calendar_program_reads_the_agenda_and_keeps_up_with_it() {
    let Some(app) = TestApp::start().await else { return };
    let feed = feed_of_lima(&app).await;
    let Some(program) = CalendarProgram::subscribed(&app, &feed) else {
        return;
    };
    let reception = app.actor("reception@aurora");
    let booked = book(&reception, consulta(&tuesday("09:00"))).await;
    let events = program.synchronise();
    let starts: Vec<_> = events.keys().map(String::as_str).collect();
    assert_eq!(starts, ["20261123T130000Z", "20261123T140000Z", "20261124T120000Z"]);
    let event = &events["20261124T120000Z"];
    assert_eq!(property(event, "DTEND"), "20261124T123000Z");
    assert_eq!(property(event, "SUMMARY"), "Consulta M.C.S.");
    assert_eq!(property(event, "STATUS"), "TENTATIVE");
    let path = format!("/v1/appointments/{}/reschedule", booked.id());
    reception
        .post(&path, json!({ "starts_at": tuesday("14:00") }))
        .await
        .assert_status(200);
    let maria = world::appointment("maria-monday").to_string();
    act(&reception, &maria, "cancel").await.assert_status(200);
    let events = program.synchronise();
    let starts: Vec<_> = events.keys().map(String::as_str).collect();
    assert_eq!(starts, ["20261123T130000Z", "20261123T140000Z", "20261124T170000Z"]);
    assert_eq!(property(&events["20261123T130000Z"], "STATUS"), "CANCELLED");
}

#[tokio::test]
async fn a_calendar_program_reads_any_name() {
    let Some(app) = TestApp::start().await else { return };
    let names = json!({ "name": "Agenda; \\n, \"nova\"", "show_contact_names": true });
    let feed = feed(&app, names).await;
    let Some(program) = CalendarProgram::subscribed(&app, &feed) else {
        return;
    };
    let path = format!("/v1/contacts/{}", world::contact("maria"));
    let odd = json!({ "social_name": "Zoë O'Neill, \\n; Çağla 日本" });
    app.actor("reception@aurora").patch(&path, odd).await.assert_status(200);
    let events = program.synchronise();
    let summary = property(&events["20261123T130000Z"], "SUMMARY");
    assert_eq!(summary, "Zoë O'Neill\\, \\\\n\\; Çağla 日本 – Consulta");
}
