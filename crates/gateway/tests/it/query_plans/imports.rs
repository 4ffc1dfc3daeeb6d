//! Imports and what became of their rows.

use test_support::{Role, TestDatabase, world};

use super::usage::analyze;
use super::{faults_of, get};
use crate::app::TestApp;

/// The tables that are never to be read from beginning to end.
const LARGE: [&str; 3] = ["imports", "import_rows", "audit_log_default"];

/// 2,000 imports in each clinic, of which one has 20,000 rows; that one's id.
async fn imports(database: &TestDatabase) -> String {
    let [aurora, horizonte] = ["aurora", "horizonte"].map(world::clinic);
    let maintenance = database.connect(Role::Maintenance).await;
    maintenance
        .batch_execute(&format!(
            "INSERT INTO imports (clinic_id, id, kind, filename, bytes, sha256, again, encoding, delimiter, headings, sample, settings,
                                  status, work, rows_total, rows_done)
             SELECT clinic, gen_random_uuid(), 'contacts', 'pessoas.csv', 1, sha256(n::text::bytea), false, 'utf-8', 'comma', '{{}}',
                    '[]', '{{}}', CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'completed' END, 'import', 1, 1
             FROM unnest(ARRAY['{aurora}', '{horizonte}']::uuid[]) AS clinic, generate_series(1, 2000) AS n"
        ))
        .await
        .unwrap();
    let one: String = maintenance
        .query_one(
            "SELECT id::text FROM imports WHERE clinic_id = $1 ORDER BY id LIMIT 1",
            &[world::clinic("aurora").as_uuid()],
        )
        .await
        .unwrap()
        .get(0);
    maintenance
        .batch_execute(&format!(
            "INSERT INTO import_rows (clinic_id, import_id, line, outcome, notes, faults)
             SELECT '{aurora}', '{one}', n, CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'created' END, '{{}}', '[]'
             FROM generate_series(1, 20000) AS n"
        ))
        .await
        .unwrap();
    analyze(database).await;
    one
}

#[tokio::test]
async fn imports_and_their_rows_are_listed_by_their_indexes() {
    let Some(app) = TestApp::start().await else { return };
    let one = imports(&app.database).await;
    let of_failed = one.clone();
    let director = app.actor("director@aurora");
    let page = 26 + 20;
    let cases = vec![
        get("imports", &["imports_pkey"], page, |round| {
            format!("/v1/imports?limit={}", 18 + round)
        }),
        get("the rows of an import", &["import_rows_pkey"], page, move |round| {
            format!("/v1/imports/{one}/rows?limit={}", 18 + round)
        }),
        get(
            "the bad rows of an import",
            &["import_rows_by_outcome"],
            page,
            move |round| format!("/v1/imports/{of_failed}/rows?outcome=failed&limit={}", 18 + round),
        ),
    ];
    let faults = faults_of(&app, &director, &LARGE, cases).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
