//! Appointments from other systems' files, through the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use test_support::{Role, TestDatabase, keys, world};
use tokio_postgres::Client;

/// A database, and a folder for files, both gone with this.
struct Import {
    database: TestDatabase,
    folder: PathBuf,
}

/// How a run ended.
struct Run {
    output: Output,
    /// What became of each line, by its number.
    lines: BTreeMap<u64, Value>,
}

impl Import {
    async fn new() -> Option<Self> {
        let database = TestDatabase::create().await?;
        let folder = std::env::temp_dir().join(format!("{}-import", database.name()));
        fs::create_dir_all(&folder).unwrap();
        Some(Self { database, folder })
    }

    /// A file with `text` in it.
    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.join("agenda.csv");
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs `taskmed import appointments FILE --clinic aurora` with `options`.
    fn run(&self, file: &std::path::Path, options: &[&str]) -> Run {
        let report = self.folder.join("report.jsonl");
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskmed"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TASKMED_")) {
            command.env_remove(name);
        }
        command
            .env("TASKMED_ENVIRONMENT", "development")
            .env("TASKMED_DATABASE_URL", self.database.url(Role::App))
            .env("TASKMED_DATABASE_WORKER_URL", self.database.url(Role::Worker))
            .env("TASKMED_FILES_DIR", std::env::temp_dir().join(self.database.name()))
            .env("TASKMED_MASTER_KEY", STANDARD.encode([9; 32]))
            .env("TASKMED_SIGNING_KEYS_PEM", keys::signing_key(7))
            .args(["import", "appointments"])
            .arg(file)
            .args(["--clinic", "aurora", "--report"])
            .arg(&report)
            .args(options);
        let output = command.output().unwrap();
        let lines = fs::read_to_string(&report).unwrap_or_default();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        Run {
            output,
            lines: lines.map(|row| (row["line"].as_u64().unwrap(), row)).collect(),
        }
    }

    async fn maintenance(&self) -> Client {
        self.database.connect(Role::Maintenance).await
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        // A folder that is left behind in the system's place for such is no failure.
        let _kept = fs::remove_dir_all(&self.folder);
    }
}

impl Run {
    /// Asserts the exit code; gives what was printed.
    #[track_caller]
    fn ended(&self, code: i32) -> String {
        let said = String::from_utf8_lossy(&self.output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&self.output.stderr);
        assert_eq!(self.output.status.code(), Some(code), "{said}{complained}");
        said
    }

    /// What became of each line.
    fn outcomes(&self) -> Vec<&str> {
        self.lines
            .values()
            .map(|row| row["outcome"].as_str().unwrap())
            .collect()
    }
}

const HEADINGS: &str = "Código do agendamento;Paciente;Data de nascimento;CPF;CRM;Data;Horário;Duração;Situação";

fn table(lines: &[&str]) -> String {
    [&[HEADINGS], lines].concat().join("\n")
}

#[tokio::test]
async fn one_unit_of_a_real_file_goes_in_but_for_its_bad_row() {
    let data = std::env::var_os("TASKMED_REAL_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let file = data.join("vitoria-appointments-2016.csv.gz");
    if !file.is_file() {
        eprintln!(
            "test skipped: there is no file {}; TASKMED_REAL_DATA names its folder",
            file.display()
        );
        return;
    }
    let Some(import) = Import::new().await else { return };
    let run = import.run(&file, &["--unit", "ROMÃO", "--lay-out", "--minutes", "10"]);
    let said = run.ended(3);
    assert!(
        said.contains("2214 went in, 0 were there already, 1 rejected"),
        "{said}"
    );
    assert!(said.contains("line 99834"), "{said}");
    let bad = &run.lines[&99_834];
    assert_eq!(
        (bad["outcome"].as_str(), bad["faults"][0]["pointer"].as_str()),
        (Some("rejected"), Some("contact_age"))
    );
    assert_eq!(run.lines.len(), 2215);
    let maintenance = import.maintenance().await;
    let kept = "SELECT count(*), count(*) FILTER (WHERE status = 'no_show'), count(DISTINCT contact_id)
                FROM appointments WHERE source = 'import'";
    let kept = maintenance.query_one(kept, &[]).await.unwrap();
    let counts: (i64, i64, i64) = (kept.get(0), kept.get(1), kept.get(2));
    let people = "SELECT count(*) FROM contacts WHERE custom_fields ? 'external_id'";
    let people: i64 = maintenance.query_one(people, &[]).await.unwrap().get(0);
    assert_eq!((counts.0, counts.2), (2214, people));
    assert!(counts.1 > 0);
    let overlaps = "SELECT count(*) FROM appointments a JOIN appointments b ON a.practitioner_id = b.practitioner_id
        AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at";
    let overlaps: i64 = maintenance.query_one(overlaps, &[]).await.unwrap().get(0);
    assert_eq!(overlaps, 0);
}

#[tokio::test]
async fn a_file_that_comes_again_goes_in_once() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;09:00;30;agendado",
    ]));
    assert!(import.run(&file, &[]).ended(0).contains("1 went in"));
    let again = import.run(&file, &[]);
    assert!(
        again.ended(0).contains("0 went in, 1 were there already"),
        "{}",
        again.ended(0)
    );
    assert_eq!(again.outcomes(), ["duplicate"]);
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;09:00;30;agendado",
    ]));
    let run = import.run(&file, &["--dry-run"]);
    assert!(run.ended(0).contains("1 would go in"));
    let kept = "SELECT (SELECT count(*) FROM appointments WHERE source = 'import')
                     + (SELECT count(*) FROM contacts WHERE name = 'Rosa Lima')";
    let kept: i64 = import.maintenance().await.query_one(kept, &[]).await.unwrap().get(0);
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn known_people_are_found_and_not_made_again() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;M. Silva;;529.982.247-25;CRM-SP 123456;24/11/2026;09:00;30;agendado",
        "A2;joao  pereira;1950-07-30;;CRM-SP 123456;24/11/2026;10:00;30;agendado",
    ]));
    import.run(&file, &[]).ended(0);
    let query = "SELECT contact_id FROM appointments WHERE source = 'import' ORDER BY starts_at";
    let rows = import.maintenance().await.query(query, &[]).await.unwrap();
    let contacts: Vec<uuid::Uuid> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        contacts,
        [*world::contact("maria").as_uuid(), *world::contact("joao").as_uuid()]
    );
}

#[tokio::test]
async fn bad_lines_are_told_with_their_reasons_and_the_rest_goes_in() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;09:00;30;agendado",
        "A2;Rosa Lima;1980-05-04;;CRM-SP 999999;24/11/2026;10:00;30;agendado",
        "A3;Rosa Lima;1980-05-04;111.111.111-11;CRM-SP 123456;31/02/2026;10:00;0;talvez",
        "A4;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;09:15;30;agendado",
        "A5;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;10:00;30;agendado",
    ]));
    let run = import.run(&file, &[]);
    assert!(
        run.ended(3).contains("2 went in, 0 were there already, 3 rejected"),
        "{}",
        run.ended(3)
    );
    assert_eq!(
        run.outcomes(),
        ["created", "rejected", "rejected", "rejected", "created"]
    );
    let codes = |line: u64| -> Vec<String> {
        let faults = run.lines[&line]["faults"].as_array().unwrap().iter();
        faults
            .map(|fault| {
                format!(
                    "{} {}",
                    fault["pointer"].as_str().unwrap(),
                    fault["code"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(codes(3), ["practitioner unknown"]);
    assert_eq!(codes(5), ["starts_at appointment_conflict"]);
    assert_eq!(codes(4).len(), 2, "{:?}", codes(4));
}

#[tokio::test]
async fn what_was_cancelled_stands_beside_what_took_its_time() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;09:00;30;agendado",
        "A2;Ida Soares;1990-01-01;;CRM-SP 123456;24/11/2026;09:00;30;cancelado",
        "A3;Ivo Soares;1991-01-01;;CRM-SP 123456;24/11/2026;09:00;30;faltou",
    ]));
    let run = import.run(&file, &[]);
    assert!(run.ended(0).contains("3 went in"), "{}", run.ended(0));
    let squeezed = "SELECT count(*) FROM appointments WHERE source = 'import' AND overbooked";
    let squeezed: i64 = import
        .maintenance()
        .await
        .query_one(squeezed, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(squeezed, 0);
}

#[tokio::test]
async fn what_was_outside_hours_goes_in_and_is_told() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;Rosa Lima;1980-05-04;;CRM-SP 123456;25/12/2016;22:00;30;atendido",
    ]));
    let run = import.run(&file, &[]);
    run.ended(0);
    let notes = run.lines[&2]["notes"].to_string();
    assert!(notes.contains("outside opening hours"), "{notes}");
}

#[tokio::test]
async fn overbooking_lines_are_taken_when_that_is_asked_for_and_told() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;09:00;30;agendado",
        "A2;Ida Soares;1990-01-01;;CRM-SP 123456;24/11/2026;09:15;30;agendado",
    ]));
    let run = import.run(&file, &["--overbook"]);
    run.ended(0);
    let notes = run.lines[&3]["notes"].to_string();
    assert!(notes.contains("overbooked"), "{notes}");
}

#[tokio::test]
async fn unknown_people_can_be_refused() {
    let Some(import) = Import::new().await else { return };
    let file = import.file(&table(&[
        "A1;Rosa Lima;1980-05-04;;CRM-SP 123456;24/11/2026;09:00;30;agendado",
    ]));
    assert!(
        import
            .run(&file, &["--known-people-only"])
            .ended(3)
            .contains("1 rejected")
    );
}

#[tokio::test]
async fn what_cannot_be_tried_ends_with_a_sentence() {
    let Some(import) = Import::new().await else { return };
    let absent = import.run(&import.folder.join("absent.csv"), &[]);
    absent.ended(2);
    assert!(String::from_utf8_lossy(&absent.output.stderr).contains("cannot read"));
    let headless = import.file("a;b\n1;2\n");
    let refused = import.run(&headless, &[]);
    assert_ne!(refused.output.status.code(), Some(0));
    assert!(!String::from_utf8_lossy(&refused.output.stderr).trim().is_empty());
}
