//! What PostgreSQL has read, by its own counters, and whether that is no more than it may be.

use std::collections::BTreeMap;

use test_support::{Role, TestDatabase};

/// What is read, and what it may cost.
pub(super) struct Bounds {
    pub(super) what: &'static str,
    /// Indexes each of which must be used.
    pub(super) uses: &'static [&'static str],
    /// The most entries of indexes of the large tables that one round may read.
    pub(super) most_entries: i64,
    /// How many rounds there are.
    pub(super) rounds: usize,
}

/// What was read: sequential scans by table, and scans and entries by index.
#[derive(Debug, Default, Clone)]
struct Usage {
    sequential: BTreeMap<String, i64>,
    indexes: BTreeMap<String, (i64, i64)>,
}

impl Usage {
    async fn of(database: &TestDatabase) -> Self {
        let maintenance = database.connect(Role::Maintenance).await;
        let tables = maintenance
            .query("SELECT relname::text, seq_scan FROM pg_stat_user_tables", &[])
            .await
            .unwrap();
        let indexes = maintenance
            .query(
                "SELECT indexrelname::text, idx_scan, idx_tup_read FROM pg_stat_user_indexes",
                &[],
            )
            .await
            .unwrap();
        Self {
            sequential: tables.iter().map(|row| (row.get(0), row.get(1))).collect(),
            indexes: indexes
                .iter()
                .map(|row| (row.get(0), (row.get(1), row.get(2))))
                .collect(),
        }
    }

    /// What came since `before`.
    fn since(&self, before: &Self) -> Self {
        let tables = self.sequential.iter();
        let indexes = self.indexes.iter();
        Self {
            sequential: tables
                .map(|(name, scans)| (name.clone(), scans - before.sequential.get(name).unwrap_or(&0)))
                .filter(|(_, scans)| *scans > 0)
                .collect(),
            indexes: indexes
                .map(|(name, (scans, entries))| {
                    let (scans_before, entries_before) = before.indexes.get(name).copied().unwrap_or_default();
                    (name.clone(), (scans - scans_before, entries - entries_before))
                })
                .filter(|(_, (scans, _))| *scans > 0)
                .collect(),
        }
    }

    /// The entries read of all indexes of the `large` tables.
    fn entries(&self, large: &[&str]) -> i64 {
        let of_large = |name: &str| large.iter().any(|table| name.starts_with(table));
        let indexes = self.indexes.iter();
        indexes
            .filter(|(name, _)| of_large(name))
            .map(|(_, (_, entries))| entries)
            .sum()
    }

    /// In what this was more than `bounds`.
    fn faults(&self, bounds: &Bounds, large: &[&str]) -> Vec<String> {
        let Bounds {
            what,
            uses,
            most_entries,
            rounds,
        } = bounds;
        let mut faults = Vec::new();
        for table in large.iter().filter(|table| self.sequential.contains_key(**table)) {
            faults.push(format!("{what}: reads all of {table}"));
        }
        for index in uses.iter().filter(|index| !self.indexes.contains_key(**index)) {
            faults.push(format!("{what}: does not use {index}, but {:?}", self.indexes));
        }
        let rounds = i64::try_from(*rounds).unwrap();
        if self.entries(large) > most_entries * rounds {
            let each = self.entries(large) / rounds;
            faults.push(format!(
                "{what}: reads {each} entries, not at most {most_entries}: {:?}",
                self.indexes
            ));
        }
        faults
    }
}

/// Does `work`, all of it as `role`, and says in what it read more of the `large` tables than `bounds` allow.
pub(super) async fn watch(
    database: &TestDatabase,
    role: Role,
    large: &[&str],
    bounds: Bounds,
    work: impl AsyncFnOnce(),
) -> Vec<String> {
    let before = Usage::of(database).await;
    work().await;
    end_connections(database, role).await;
    Usage::of(database).await.since(&before).faults(&bounds, large)
}

/// Ends every other connection of `role`, and waits until they are gone: only then is all that they did counted.
pub(super) async fn end_connections(database: &TestDatabase, role: Role) {
    database
        .connect(role)
        .await
        .execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
            &[],
        )
        .await
        .unwrap();
}

/// Has the planner learn what is there, which only the owner of the tables may, and ends the connections that made it.
pub(super) async fn analyze(database: &TestDatabase) {
    database
        .connect(Role::Owner)
        .await
        .batch_execute("ANALYZE")
        .await
        .unwrap();
    end_connections(database, Role::Maintenance).await;
}
