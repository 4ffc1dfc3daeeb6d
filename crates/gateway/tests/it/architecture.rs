//! Who may import whom, and who may write which table: the rules of docs/architecture.md, read from the manifests and sources.

use std::collections::BTreeMap;
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Bottom up: each may import those before it.
const PLATFORM: &[&str] = &[
    "kernel",
    "db",
    "fetch",
    "tabular",
    "bus",
    "mail",
    "whatsapp",
    "files",
    "cache",
    "auth",
    "jobs",
    "telemetry",
    "rest",
];
/// These import the platform, and never each other.
const DOMAINS: &[&str] = &["clinics", "contacts", "appointments", "conversations", "integrations"];
/// Programs beside the product: they import the platform, and nothing imports them.
const TOOLS: [&str; 1] = ["loadtests"];

/// Who writes a table, and nobody else.
const WRITERS: &[(&str, &[&str])] = &[
    ("clinics", &["clinics"]),
    ("clinic_keys", &["auth"]),
    ("users", &["clinics"]),
    ("memberships", &["clinics"]),
    ("sessions", &["clinics"]),
    ("refresh_tokens", &["clinics"]),
    // Authentication notes that a key is in use.
    ("api_keys", &["clinics", "auth"]),
    ("invitations", &["clinics"]),
    ("user_recovery_codes", &["clinics"]),
    ("password_resets", &["clinics"]),
    ("practitioners", &["clinics"]),
    ("rooms", &["clinics"]),
    ("services", &["clinics"]),
    ("practitioner_services", &["clinics"]),
    ("service_rooms", &["clinics"]),
    ("opening_hours", &["clinics"]),
    ("time_off", &["clinics"]),
    ("holidays", &["clinics"]),
    ("contacts", &["contacts"]),
    ("contact_phones", &["contacts"]),
    ("contact_consents", &["contacts"]),
    ("contact_merges", &["contacts"]),
    ("appointments", &["appointments"]),
    ("appointment_moves", &["appointments"]),
    ("appointment_series", &["appointments"]),
    ("holds", &["appointments"]),
    ("occupancies", &["appointments"]),
    ("calendar_feeds", &["appointments"]),
    ("webhook_attempts", &["integrations"]),
    ("webhook_deliveries", &["integrations"]),
    ("webhook_endpoints", &["integrations"]),
    // An import spans the domains.
    ("imports", &["gateway"]),
    ("import_rows", &["gateway"]),
    ("outreach_settings", &["appointments"]),
    ("waitlist_entries", &["appointments"]),
    ("waitlist_offers", &["appointments"]),
    ("waitlist_sweeps", &["appointments"]),
    ("reminder_rules", &["appointments"]),
    ("appointment_reminders", &["appointments"]),
    ("external_calendars", &["appointments"]),
    ("external_busy", &["appointments"]),
    ("inboxes", &["conversations"]),
    ("inbox_polls", &["conversations"]),
    ("channel_identities", &["conversations"]),
    ("conversations", &["conversations"]),
    ("messages", &["conversations"]),
    ("message_provider_ids", &["conversations"]),
    ("message_attachments", &["conversations"]),
    ("canned_responses", &["conversations"]),
    ("message_templates", &["conversations"]),
    ("audit_log", &["db"]),
    // Events are written with the work they tell of; the worker takes them up.
    ("outbox", &["db", "jobs"]),
    ("job_schedules", &["jobs"]),
    ("realtime_tickets", &["gateway"]),
    // The worker removes what is past.
    ("idempotency_keys", &["rest", "jobs"]),
];

/// A crate of ours without its prefix.
fn short(name: &str) -> Option<&str> {
    name.strip_prefix("taskmed-")
}

/// Whether `importer` may import `imported` into what is built for users.
fn may_import(importer: &str, imported: &str) -> bool {
    let rank = |name: &str| PLATFORM.iter().position(|platform| *platform == name);
    match (importer, rank(importer), rank(imported)) {
        (_, Some(own), Some(other)) => other < own,
        (_, Some(_), None) => false,
        ("gateway", ..) => imported != "test-support" && !TOOLS.contains(&imported),
        // It stands beside the domains, below the tests.
        ("test-support", _, other) => other.is_some() || DOMAINS.contains(&imported),
        (_, None, other) => other.is_some(),
    }
}

#[test]
fn the_arrows_point_down() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let importer = short(&package.name).expect("our crates have our prefix");
        let placed = PLATFORM.contains(&importer)
            || DOMAINS.contains(&importer)
            || TOOLS.contains(&importer)
            || ["gateway", "test-support"].contains(&importer);
        assert!(
            placed,
            "give {importer} its place in this test and in docs/architecture.md"
        );
        for dependency in &package.dependencies {
            let Some(imported) = short(&dependency.name) else {
                continue;
            };
            let for_tests = dependency.kind == DependencyKind::Development && imported == "test-support";
            if !for_tests && !may_import(importer, imported) {
                wrong.push(format!("{importer} imports {imported}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_takes_lints_and_versions_from_the_workspace() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    for package in &metadata.packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package.name);
        let own_versions: Vec<_> = manifest
            .lines()
            .skip_while(|line| !line.contains("dependencies]"))
            .filter(|line| line.contains("version = ") || line.contains("git = "))
            .collect();
        assert!(own_versions.is_empty(), "{}: {own_versions:?}", package.name);
    }
}

/// Every Rust file below `directory`.
fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
}

/// The tables that `text` writes by diesel: the first word after `insert_into(` and its like.
fn tables_written(text: &str) -> Vec<&str> {
    ["insert_into(", "update(", "delete(", "insert_or_ignore_into("]
        .iter()
        .flat_map(|call| text.match_indices(call).map(move |(at, _)| &text[at + call.len()..]))
        .filter_map(|rest| {
            let (path, _) = rest.trim_start().split_once("::table")?;
            let name = path.rsplit("::").next()?;
            let is_name = !path.is_empty() && path.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
            is_name.then_some(name)
        })
        .collect()
}

#[test]
fn each_table_is_written_by_its_own_crate() {
    let writers: BTreeMap<_, _> = WRITERS.iter().copied().collect();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut wrong = Vec::new();
    let mut writes = 0;
    for importer in PLATFORM.iter().chain(DOMAINS).chain(&["gateway"]) {
        let mut files = Vec::new();
        sources(&crates.join(importer).join("src"), &mut files);
        for (file, text) in &files {
            for table in tables_written(text) {
                writes += 1;
                if !writers.get(table).is_some_and(|allowed| allowed.contains(importer)) {
                    wrong.push(format!("{file} writes {table}"));
                }
            }
        }
    }
    assert!(writes > 20, "the sources were not read right: {writes} writes");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_table_has_a_writer() {
    let declared = include_str!("../../../db/src/schema.rs");
    let mut lines = declared.lines();
    let mut ownerless = Vec::new();
    while let Some(line) = lines.next() {
        if line == "diesel::table! {" {
            let name = lines.next().and_then(|head| head.split_whitespace().next()).unwrap();
            if !WRITERS.iter().any(|(table, _)| *table == name) {
                ownerless.push(name);
            }
        }
    }
    assert!(ownerless.is_empty(), "say who writes {ownerless:?}");
}
