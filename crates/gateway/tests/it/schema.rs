//! The schema that the code believes in is the one that the migrations make, and every migration goes back as well.

use std::collections::{BTreeMap, BTreeSet};

use test_support::{Role, TestDatabase, world};
use tokio_postgres::Client;

/// Tables with their columns: name to type, `NULL` after it where it may be null.
type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// The tables of `db::schema`, read from its source.
fn declared() -> Tables {
    let source = include_str!("../../../db/src/schema.rs");
    let mut tables = Tables::new();
    let mut lines = source.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line != "diesel::table! {" {
            continue;
        }
        let head = lines.next().unwrap();
        let name = head.split_whitespace().next().unwrap();
        let columns = lines.by_ref().take_while(|line| *line != "}").filter_map(|line| {
            let (column, sql_type) = line.trim_end_matches(',').split_once(" -> ")?;
            Some((column.to_owned(), postgres_type(sql_type)))
        });
        tables.insert(name.to_owned(), columns.collect());
    }
    tables
}

/// The name that the catalogue has for diesel's `sql_type`.
fn postgres_type(sql_type: &str) -> String {
    if let Some(inner) = sql_type
        .strip_prefix("Nullable<")
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return format!("{} NULL", postgres_type(inner));
    }
    let name = match sql_type {
        "Array<Text>" => "text[]",
        "BigInt" => "bigint",
        "Binary" => "bytea",
        "Bool" => "boolean",
        "Date" => "date",
        "Integer" => "integer",
        "Jsonb" => "jsonb",
        "SmallInt" => "smallint",
        "Text" => "text",
        "Time" => "time without time zone",
        "Timestamptz" => "timestamp with time zone",
        "Uuid" => "uuid",
        other => panic!("name the PostgreSQL type of {other} here"),
    };
    name.to_owned()
}

/// The tables that are there.
async fn existing(client: &Client) -> Tables {
    let rows = client
        .query(
            "SELECT c.relname::text, a.attname::text,
                    format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '' ELSE ' NULL' END
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND c.relname <> '__diesel_schema_migrations' AND a.attnum > 0 AND NOT a.attisdropped",
            &[],
        )
        .await
        .unwrap();
    let mut tables = Tables::new();
    for row in &rows {
        tables.entry(row.get(0)).or_default().insert(row.get(1), row.get(2));
    }
    tables
}

/// Everything that migrations can make, as one text for each thing: what a way back must take away.
async fn everything(client: &Client) -> BTreeSet<String> {
    let rows = client
        .query(
            "SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                    || ' ' || a.attnotnull || ' ' || COALESCE(pg_get_expr(d.adbin, d.adrelid), '')
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
               AND c.relname <> '__diesel_schema_migrations'
             UNION SELECT 'index ' || pg_get_indexdef(x.indexrelid) FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
             WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> '__diesel_schema_migrations'
             UNION SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
             FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
               AND conrelid::regclass::text <> '__diesel_schema_migrations'
             UNION SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
             UNION SELECT 'policy ' || tablename || ' ' || policyname || ' ' || COALESCE(qual, '') FROM pg_policies
             UNION SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p
             WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e')
             UNION SELECT 'grant ' || c.relname || ' ' || g.grantee::regrole || ' ' || g.privilege_type
             FROM pg_class c, aclexplode(c.relacl) g
             WHERE c.relnamespace = 'public'::regnamespace AND g.grantee <> 0 AND c.relkind IN ('r', 'p')
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e')",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_code_knows_the_tables_as_they_are() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let owner = database.connect(Role::Owner).await;
    let (declared, existing) = (declared(), existing(&owner).await);
    assert_eq!(declared.keys().collect::<Vec<_>>(), existing.keys().collect::<Vec<_>>());
    for (table, columns) in &existing {
        assert_eq!(
            declared.get(table),
            Some(columns),
            "db::schema::{table} differs from what the migrations make"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_way_back_takes_everything_away_and_the_way_up_brings_it_again() {
    let Some(database) = TestDatabase::create_empty().await else {
        return;
    };
    let config = database.config(Role::Owner);
    let owner = database.connect(Role::Owner).await;
    let before = everything(&owner).await;
    let ran = db::migrations::run(&config, world::now()).await.unwrap();
    assert!(!ran.is_empty());
    assert!(db::migrations::pending(&config).await.unwrap().is_empty());
    let first = everything(&owner).await;
    db::migrations::revert_all(&config).await.unwrap();
    let left: Vec<_> = everything(&owner).await.difference(&before).cloned().collect();
    assert!(left.is_empty(), "the way back leaves {left:#?}");
    assert_eq!(db::migrations::pending(&config).await.unwrap().len(), ran.len());
    assert_eq!(db::migrations::run(&config, world::now()).await.unwrap(), ran);
    assert_eq!(everything(&owner).await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_migrate_at_once_do_it_once() {
    let Some(database) = TestDatabase::create_empty().await else {
        return;
    };
    let config = database.config(Role::Owner);
    let (one, other) = tokio::join!(
        db::migrations::run(&config, world::now()),
        db::migrations::run(&config, world::now())
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.is_empty() != other.is_empty(), "{one:?} and {other:?}");
}

#[tokio::test]
async fn the_coming_months_have_partitions() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let owner = database.connect(Role::Owner).await;
    let partitions: i64 = owner
        .query_one(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_log'::regclass",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(partitions > 12, "{partitions}");
    let made = db::migrations::make_partitions(&database.config(Role::Owner), world::now())
        .await
        .unwrap();
    assert_eq!(made, 0, "they were there already");
}
