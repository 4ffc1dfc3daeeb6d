//! Loads a small file, and looks at what stands in the database then.

use std::path::Path;
use std::sync::Arc;

use auth::passwords::Verdict;
use flate2::read::MultiGzDecoder;
use kernel::{Clock, SystemClock};
use test_support::{Role, TestDatabase, keys};
use tokio_postgres::Client;

use super::*;
use crate::vitoria::record::{self, Recorded};

const FILE: &str = "\
PatientId,AppointmentID,Gender,ScheduledDay,AppointmentDay,Age,Neighbourhood,Scholarship,Hipertension,Diabetes,Alcoholism,Handcap,SMS_received,No-show
1,101,F,2016-04-28T10:00:00Z,2016-05-02T00:00:00Z,62,JARDIM DA PENHA,1,1,0,0,2,1,No
1,102,F,2016-04-28T10:00:01Z,2016-05-02T00:00:00Z,62,JARDIM DA PENHA,0,0,0,0,0,0,No
2,103,M,2016-05-02T20:00:00Z,2016-05-02T00:00:00Z,0,JARDIM DA PENHA,0,0,0,0,0,0,Yes
3,104,M,2016-05-02T20:00:00Z,2016-05-02T00:00:00Z,-1,JARDIM DA PENHA,0,0,0,0,0,0,No
4,105,M,2016-05-01T20:00:00Z,2016-05-03T00:00:00Z,30,CENTRO,0,0,0,0,0,0,No
";

struct Loading {
    database: TestDatabase,
    maintenance: Client,
}

impl Loading {
    async fn begin() -> Option<Self> {
        let database = TestDatabase::create().await?;
        let maintenance = database.connect(Role::Maintenance).await;
        Some(Self { database, maintenance })
    }

    async fn load(&self, recorded: &Recorded, again: bool) -> Result<Loaded, LoadError> {
        let target = Target {
            maintenance: self.database.url(Role::Maintenance).into(),
            owner: self.database.url(Role::Owner).into(),
        };
        let keys = ClinicKeys::new(Arc::clone(&keys::auth_config().master_keys));
        let plan = Plan::new(&recorded.records, 1).unwrap();
        load(&target, &keys, plan, SystemClock.now(), again, &ProgressBar::hidden()).await
    }

    /// One number that `query` gives.
    async fn count(&self, query: &str) -> i64 {
        self.maintenance.query_one(query, &[]).await.unwrap().get(0)
    }
}

fn small() -> Recorded {
    record::read(FILE.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_small_file_becomes_clinics() {
    let Some(loading) = Loading::begin().await else { return };
    let loaded = loading.load(&small(), false).await.unwrap();
    assert_eq!((loaded.clinics, loaded.people, loaded.appointments), (2, 3, 4));

    let rows = loading
        .maintenance
        .query(
            "SELECT concat_ws(' | ', c.slug, a.status, a.starts_at, a.notes, t.sex, t.tags, t.custom_fields,
                              CASE WHEN o.id IS NULL THEN 'free' ELSE 'busy' END)
             FROM appointments a
             JOIN clinics c ON c.id = a.clinic_id
             JOIN contacts t ON t.clinic_id = a.clinic_id AND t.id = a.contact_id
             LEFT JOIN occupancies o ON o.clinic_id = a.clinic_id AND o.appointment_id = a.id
             WHERE c.slug LIKE 'vitoria-%'
             ORDER BY a.notes",
            &[],
        )
        .await
        .unwrap();
    let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        rows,
        [
            "vitoria-jardim-da-penha | completed | 2016-05-02 11:00:00+00 | Registro 101. Lembrete por SMS enviado | female \
             | {\"Bolsa Família\",Hipertensão} | {\"paciente\": \"1\", \"deficiencias\": 2} | busy",
            "vitoria-jardim-da-penha | completed | 2016-05-02 11:15:00+00 | Registro 102 | female \
             | {\"Bolsa Família\",Hipertensão} | {\"paciente\": \"1\", \"deficiencias\": 2} | busy",
            "vitoria-jardim-da-penha | no_show | 2016-05-02 11:30:00+00 | Registro 103 | male \
             | {} | {\"paciente\": \"2\"} | free",
            "vitoria-centro | completed | 2016-05-03 11:00:00+00 | Registro 105 | male | {} | {\"paciente\": \"4\"} | busy",
        ]
    );
}

#[tokio::test]
async fn the_owner_signs_in_and_every_clinic_has_its_key() {
    let Some(loading) = Loading::begin().await else { return };
    loading.load(&small(), false).await.unwrap();
    let row = loading
        .maintenance
        .query_one(
            "SELECT u.password_hash, count(*) FROM users u JOIN memberships m ON m.user_id = u.id
             WHERE u.email = $1 AND m.roles = '{owner}' GROUP BY u.password_hash",
            &[&OWNER_EMAIL],
        )
        .await
        .unwrap();
    let (hash, clinics): (String, i64) = (row.get(0), row.get(1));
    assert_eq!(clinics, 2);
    let passwords = Passwords::new(&password_cost()).unwrap();
    assert_eq!(
        passwords.verify(&OWNER_PASSWORD.into(), &hash).await.unwrap(),
        Verdict::Right
    );
    let keys = "SELECT count(*) FROM clinic_keys k JOIN clinics c ON c.id = k.clinic_id WHERE c.slug LIKE 'vitoria-%'";
    assert_eq!(loading.count(keys).await, 2);
}

#[tokio::test]
async fn a_second_load_must_be_asked_for_and_leaves_nothing_twice() {
    let Some(loading) = Loading::begin().await else { return };
    let before = loading.load(&small(), false).await.unwrap();
    assert!(matches!(
        loading.load(&small(), false).await,
        Err(LoadError::AlreadyThere(2))
    ));
    assert_eq!(loading.load(&small(), true).await.unwrap(), before);
    let appointments =
        "SELECT count(*) FROM appointments a JOIN clinics c ON c.id = a.clinic_id WHERE c.slug LIKE 'vitoria-%'";
    assert_eq!(loading.count(appointments).await, 4);
}

#[tokio::test]
async fn nothing_is_written_when_a_row_is_refused() {
    let Some(loading) = Loading::begin().await else { return };
    let mut recorded = small();
    // A birth before 1880, which no age makes and the database refuses.
    for record in &mut recorded.records {
        record.day = chrono::NaiveDate::from_ymd_opt(1910, 1, 1).unwrap();
        record.age = 122;
    }
    assert!(matches!(
        loading.load(&recorded, false).await,
        Err(LoadError::Database(_))
    ));
    assert_eq!(
        loading
            .count("SELECT count(*) FROM clinics WHERE slug LIKE 'vitoria-%'")
            .await,
        0
    );
}

#[tokio::test]
async fn every_table_of_a_clinic_is_emptied_or_kept_on_purpose() {
    const KEPT: [&str; 5] = ["clinic_keys", "memberships", "sessions", "refresh_tokens", "api_keys"];
    let Some(loading) = Loading::begin().await else { return };
    let tables = loading
        .maintenance
        .query(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND a.attname = 'clinic_id'",
            &[],
        )
        .await
        .unwrap();
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        assert!(
            EMPTIED.contains(&table.as_str()) != KEPT.contains(&table.as_str()),
            "say in EMPTIED or KEPT what becomes of {table}"
        );
    }
}

#[tokio::test]
async fn the_recorded_appointments_go_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/vitoria-appointments-2016.csv.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("passed over: {} is not there", path.display());
        return;
    };
    let Some(loading) = Loading::begin().await else { return };
    let recorded = record::read(MultiGzDecoder::new(file)).unwrap();
    assert!(recorded.bad.iter().any(|bad| bad.reason.starts_with("Age \"-1\"")));
    assert_eq!(recorded.records.len() + recorded.bad.len(), 110_527);
    let loaded = loading.load(&recorded, false).await.unwrap();
    assert_eq!((loaded.clinics, loaded.appointments), (81, recorded.records.len()));
}
