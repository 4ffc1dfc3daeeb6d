//! The tenant tables, and the form they must have, read from PostgreSQL's own catalogue.

use test_support::{Role, TestDatabase};
use tokio_postgres::{Client, Error};
use uuid::Uuid;

/// A table whose rows belong to clinics.
pub(super) struct Table {
    pub(super) name: String,
    /// The column that says whose a row is.
    pub(super) clinic_column: String,
    /// The columns that can be written, separated by commas.
    columns: String,
}

impl Table {
    /// A write of every row that changes nothing.
    pub(super) fn touch_all(&self) -> String {
        format!("UPDATE {0} SET {1} = {1}", self.name, self.clinic_column)
    }

    /// Inserts, by `app`, a copy of a row of `clinic` that `maintenance` can see.
    pub(super) async fn insert_copy(&self, maintenance: &Client, app: &Client, clinic: Uuid) -> Result<u64, Error> {
        let Self {
            name,
            clinic_column,
            columns,
        } = self;
        let row: serde_json::Value = maintenance
            .query_one(
                &format!("SELECT to_jsonb(t) FROM {name} t WHERE {clinic_column} = $1 LIMIT 1"),
                &[&clinic],
            )
            .await
            .unwrap()
            .get(0);
        let insert =
            format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{name}, $1)");
        app.execute(&insert, &[&row]).await
    }
}

/// Every tenant table there is.
pub(super) async fn tenant_tables(client: &Client) -> Vec<Table> {
    let rows = client
        .query(
            "SELECT c.relname::text, CASE c.relname WHEN 'clinics' THEN 'id' ELSE 'clinic_id' END,
                    (SELECT string_agg(quote_ident(w.attname), ', ') FROM pg_attribute w
                     WHERE w.attrelid = c.oid AND w.attnum > 0 AND NOT w.attisdropped AND w.attgenerated = '')
             FROM pg_class c
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND (c.relname = 'clinics' OR EXISTS (
                   SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'clinic_id' AND NOT a.attisdropped))
             ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let tables: Vec<_> = rows
        .iter()
        .map(|row| Table {
            name: row.get(0),
            clinic_column: row.get(1),
            columns: row.get(2),
        })
        .collect();
    assert!(tables.len() > 20, "the catalogue was not read right");
    tables
}

/// Tables of people, who belong to no clinic, and of the worker's timetable; each has policies of its own, tried in `walls`.
const GLOBAL_TABLES: &[&str] = &["job_schedules", "password_resets", "user_recovery_codes", "users"];

/// Indexes that serve work across clinics, or look-ups before a clinic is known.
const GLOBAL_INDEXES: &[&str] = &[
    "idempotency_keys_by_expiry",
    "memberships_by_user",
    "outbox_due",
    "outbox_handled",
    "sessions_open_everywhere",
];

/// Functions that look past row-level security and name the clinic themselves.
const DEFINER_FUNCTIONS: &[&str] = &["contacts_by_digits", "contacts_by_part_of_name", "messages_by_text"];

/// Policies besides `tenant`: table, policy, for whom.
const OTHER_POLICIES: &[(&str, &str, &str)] = &[
    // These close further: of appointments, only untouched imports may be removed.
    ("appointment_moves", "only_untouched_imports", "taskmed_app"),
    (
        "appointment_reminders",
        "only_unsent_of_untouched_imports",
        "taskmed_app",
    ),
    ("appointments", "only_untouched_imports", "taskmed_app"),
    ("clinics", "named_clinic", "public"),
    ("clinics", "own_clinics", "public"),
    ("clinics", "worker", "taskmed_worker"),
    ("contact_phones", "search", "taskmed_owner"),
    ("contacts", "search", "taskmed_owner"),
    ("idempotency_keys", "worker", "taskmed_worker"),
    ("job_schedules", "worker", "taskmed_worker"),
    ("memberships", "own_memberships", "public"),
    ("outbox", "jobs_alone_are_taken_back", "taskmed_app"),
    ("outbox", "waiting_or_given_up_is_moved", "taskmed_app"),
    ("messages", "search", "taskmed_owner"),
    ("outbox", "worker", "taskmed_worker"),
    ("outbox", "worker_makes_jobs_alone", "taskmed_worker"),
    ("password_resets", "self", "public"),
    ("sessions", "own_sessions", "public"),
    ("user_recovery_codes", "self", "public"),
    ("users", "colleagues", "public"),
    ("users", "self", "public"),
];

async fn database() -> Option<(TestDatabase, Client)> {
    let database = TestDatabase::create().await?;
    let owner = database.connect(Role::Owner).await;
    Some((database, owner))
}

/// The first column of each row, as text.
async fn texts(client: &Client, query: &str) -> Vec<String> {
    let rows = client
        .query(query, &[])
        .await
        .unwrap_or_else(|error| panic!("{query}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_table_forces_the_security_of_rows() {
    let Some((_database, owner)) = database().await else {
        return;
    };
    let open = texts(
        &owner,
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
           AND relname <> '__diesel_schema_migrations' AND NOT (relrowsecurity AND relforcerowsecurity)",
    )
    .await;
    assert!(open.is_empty(), "close these with close_tenant_table: {open:?}");
    let tenants: Vec<_> = tenant_tables(&owner)
        .await
        .into_iter()
        .map(|table| table.name)
        .collect();
    let others = texts(
        &owner,
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
           AND relname <> '__diesel_schema_migrations' ORDER BY 1",
    )
    .await;
    let others: Vec<_> = others.into_iter().filter(|name| !tenants.contains(name)).collect();
    assert_eq!(others, GLOBAL_TABLES, "a table without clinic_id belongs to nobody");
}

#[tokio::test]
async fn every_policy_is_the_tenants_or_known() {
    let Some((_database, owner)) = database().await else {
        return;
    };
    let rows = owner
        .query(
            "SELECT tablename::text, policyname::text, array_to_string(roles, ','), qual, with_check, permissive
             FROM pg_policies ORDER BY 1, 2",
            &[],
        )
        .await
        .unwrap();
    let mut others = Vec::new();
    let mut closed = Vec::new();
    for row in &rows {
        let (table, policy, roles): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let column = if table == "clinics" { "id" } else { "clinic_id" };
        let tenant = format!("({column} = (NULLIF(current_setting('app.clinic_id'::text, true), ''::text))::uuid)");
        if policy == "tenant" {
            assert_eq!(row.get::<_, Option<String>>(3), Some(tenant), "{table}");
            assert_eq!(
                row.get::<_, Option<String>>(4),
                None,
                "{table}: writes are checked by the same rule"
            );
            closed.push(table);
        } else {
            others.push((table, policy, roles));
        }
    }
    let tenants: Vec<_> = tenant_tables(&owner)
        .await
        .into_iter()
        .map(|table| table.name)
        .collect();
    assert_eq!(closed, tenants, "every tenant table has the policy `tenant`");
    let known: Vec<_> = OTHER_POLICIES
        .iter()
        .map(|(t, p, r)| ((*t).to_owned(), (*p).to_owned(), (*r).to_owned()))
        .collect();
    let unknown: Vec<_> = others.iter().filter(|other| !known.contains(other)).collect();
    assert!(unknown.is_empty(), "policies that open a table further: {unknown:?}");
}

#[tokio::test]
async fn every_key_and_index_starts_with_the_clinic() {
    let Some((_database, owner)) = database().await else {
        return;
    };
    let rows = owner
        .query(
            "SELECT i.relname::text, t.relname::text, x.indisprimary, a.attname::text
             FROM pg_index x
             JOIN pg_class i ON i.oid = x.indexrelid
             JOIN pg_class t ON t.oid = x.indrelid
             LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
             WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
               AND EXISTS (SELECT FROM pg_attribute c WHERE c.attrelid = t.oid AND c.attname = 'clinic_id')
             ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let wrong: Vec<(String, String)> = rows
        .iter()
        .filter(|row| row.get::<_, Option<String>>(3).as_deref() != Some("clinic_id"))
        .map(|row| (row.get::<_, String>(0), row.get::<_, String>(1)))
        .filter(|(index, _)| !GLOBAL_INDEXES.contains(&index.as_str()))
        .collect();
    assert!(
        wrong.is_empty(),
        "(index, table) that do not start with clinic_id: {wrong:?}"
    );
    let keyed: Vec<String> = rows
        .iter()
        .filter(|row| row.get::<_, bool>(2))
        .map(|row| row.get::<_, String>(1))
        .collect();
    for table in tenant_tables(&owner)
        .await
        .into_iter()
        .filter(|table| table.name != "clinics")
    {
        assert!(keyed.contains(&table.name), "{} has no primary key", table.name);
    }
}

#[tokio::test]
async fn every_reference_to_a_tenants_row_names_the_clinic() {
    let Some((_database, owner)) = database().await else {
        return;
    };
    let wrong = texts(
        &owner,
        "SELECT k.conname::text || ' of ' || k.conrelid::regclass::text
         FROM pg_constraint k
         WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND k.conparentid = 0
           AND EXISTS (SELECT FROM pg_attribute c WHERE c.attrelid = k.confrelid AND c.attname = 'clinic_id')
           AND NOT EXISTS (
               SELECT FROM unnest(k.conkey, k.confkey) AS pair (own, other)
               JOIN pg_attribute o ON o.attrelid = k.conrelid AND o.attnum = pair.own AND o.attname = 'clinic_id'
               JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = pair.other AND f.attname = 'clinic_id')",
    )
    .await;
    assert!(wrong.is_empty(), "foreign keys that may cross clinics: {wrong:?}");
}

#[tokio::test]
async fn nothing_is_reachable_beside_the_policies() {
    let Some((_database, owner)) = database().await else {
        return;
    };
    let granted_partitions = texts(
        &owner,
        "SELECT c.relname::text || ' to ' || r.role
         FROM pg_class c, unnest(ARRAY['taskmed_app', 'taskmed_worker']) AS r (role)
         WHERE c.relispartition AND has_table_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')",
    )
    .await;
    assert!(
        granted_partitions.is_empty(),
        "partitions have no policies of their own: {granted_partitions:?}"
    );
    let truncatable = texts(
        &owner,
        "SELECT c.relname::text FROM pg_class c, unnest(ARRAY['taskmed_app', 'taskmed_worker']) AS r (role)
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND has_table_privilege(r.role, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')",
    )
    .await;
    assert!(
        truncatable.is_empty(),
        "policies do not hold for TRUNCATE: {truncatable:?}"
    );
    let views = texts(
        &owner,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
         AND NOT COALESCE('security_invoker=true' = ANY (reloptions), false)",
    )
    .await;
    assert!(views.is_empty(), "views that read with their owner's rights: {views:?}");
    let definers = texts(
        &owner,
        "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY 1",
    )
    .await;
    assert_eq!(definers, DEFINER_FUNCTIONS);
    let loose = texts(
        &owner,
        "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
         AND NOT COALESCE(array_to_string(proconfig, ' ') LIKE '%search_path=pg_catalog%', false)",
    )
    .await;
    assert!(
        loose.is_empty(),
        "functions that run as their owner without a fixed search_path: {loose:?}"
    );
}

#[tokio::test]
async fn the_servers_roles_own_nothing_and_pass_nothing_by() {
    let Some((_database, owner)) = database().await else {
        return;
    };
    let strong = texts(
        &owner,
        "SELECT rolname::text FROM pg_roles WHERE rolname IN ('taskmed_owner', 'taskmed_app', 'taskmed_worker')
         AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication)",
    )
    .await;
    assert!(strong.is_empty(), "{strong:?}");
    let owned = texts(
        &owner,
        "SELECT c.relname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
         WHERE r.rolname IN ('taskmed_app', 'taskmed_worker')
         UNION ALL
         SELECT p.proname::text FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
         WHERE r.rolname IN ('taskmed_app', 'taskmed_worker')",
    )
    .await;
    assert!(owned.is_empty(), "{owned:?}");
    let memberships = texts(
        &owner,
        "SELECT m.rolname::text FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
         WHERE m.rolname IN ('taskmed_app', 'taskmed_worker')",
    )
    .await;
    assert!(memberships.is_empty(), "these may act as other roles: {memberships:?}");
    let may_create: bool = owner
        .query_one("SELECT has_schema_privilege('taskmed_app', 'public', 'CREATE')", &[])
        .await
        .unwrap()
        .get(0);
    assert!(!may_create);
    let migrations_open: bool = owner
        .query_one(
            "SELECT has_table_privilege('taskmed_app', '__diesel_schema_migrations', 'INSERT, UPDATE, DELETE')",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(!migrations_open);
}
