//! The audit log: who did or saw what. A write's row is in its transaction; reads of personal data go through a buffer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{Actor, AuditEntryId, Caller, ClinicId, Origin, RequestId, System, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::error::DbError;
use crate::pool::Db;
use crate::schema::audit_log;
use crate::tenant::TenantRead;

/// One thing that was done or seen. Names rows and fields, never their values.
#[derive(Debug, Clone)]
pub struct AuditRecord {
    action: &'static str,
    resource: &'static str,
    resource_id: Option<Uuid>,
    detail: Option<Value>,
    reason: Option<String>,
}

impl AuditRecord {
    /// `action` (such as `contacts.update`) done on the row `id` of `resource` (such as `contact`).
    #[must_use]
    pub const fn new(action: &'static str, resource: &'static str, id: &Uuid) -> Self {
        Self {
            action,
            resource,
            resource_id: Some(*id),
            detail: None,
            reason: None,
        }
    }

    /// `action` done on several rows, or on none in particular, such as a search.
    #[must_use]
    pub const fn over(action: &'static str, resource: &'static str) -> Self {
        Self {
            action,
            resource,
            resource_id: None,
            detail: None,
            reason: None,
        }
    }

    /// Adds what else is worth knowing: names of changed fields, counts, ids; no personal data.
    #[must_use]
    pub fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Adds the reason that the actor gave.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub(crate) fn into_row(self, tx: &TenantRead<'_>) -> AuditRow {
        self.row_of(tx.clinic(), tx.actor(), tx.origin(), tx.now())
    }

    fn row_of(self, clinic: ClinicId, actor: Actor, origin: Origin, now: Timestamp) -> AuditRow {
        AuditRow {
            clinic_id: clinic,
            id: AuditEntryId::new_at(now),
            occurred_at: now,
            actor_kind: actor.kind(),
            actor_id: actor.id().copied(),
            component: match actor {
                Actor::System { component } => Some(component),
                _ => None,
            },
            action: self.action,
            resource: self.resource,
            resource_id: self.resource_id,
            detail: self.detail,
            reason: self.reason,
            request_id: origin.request.map(Uuid::from),
            address: origin.address.map(|address| address.to_string()),
        }
    }
}

/// A row of the audit log.
#[derive(Debug, diesel::Insertable)]
#[diesel(table_name = audit_log, treat_none_as_default_value = false)]
pub(crate) struct AuditRow {
    clinic_id: ClinicId,
    id: AuditEntryId,
    occurred_at: Timestamp,
    actor_kind: &'static str,
    actor_id: Option<Uuid>,
    component: Option<&'static str>,
    action: &'static str,
    resource: &'static str,
    resource_id: Option<Uuid>,
    detail: Option<Value>,
    reason: Option<String>,
    request_id: Option<Uuid>,
    address: Option<String>,
}

pub(crate) async fn insert(connection: &AsyncPgConnection, row: AuditRow) -> Result<(), DbError> {
    diesel::insert_into(audit_log::table)
        .values(row)
        .execute(&mut &*connection)
        .await?;
    Ok(())
}

/// Reads of personal data on their way into the audit log: cache hits too, so they cannot wait for a transaction of their own.
///
/// What one caller sees again and again between two flushes becomes one row that says how often and until when. Bounded;
/// flushed at least every second by the gateway and on stop. A kill loses at most the last second, an overflow is counted and
/// logged (see docs/security.md). One per process.
#[derive(Debug)]
pub struct ReadAudit {
    waiting: Mutex<HashMap<Sight, Sightings>>,
    capacity: usize,
    overflowed: AtomicU64,
}

/// Who saw what, from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sight {
    clinic: ClinicId,
    actor: Actor,
    address: Option<IpAddr>,
    action: &'static str,
    resource: &'static str,
    resource_id: Option<Uuid>,
    detail: Option<String>,
    reason: Option<String>,
}

/// How often, and when.
#[derive(Debug, Clone, Copy)]
struct Sightings {
    request: Option<RequestId>,
    first: Timestamp,
    last: Timestamp,
    times: u32,
}

impl ReadAudit {
    /// A buffer for `capacity` different sights.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(HashMap::new()),
            capacity,
            overflowed: AtomicU64::new(0),
        }
    }

    /// Notes that `caller` saw what `record` names, at `now`.
    pub fn record(&self, caller: &impl Caller, record: AuditRecord, now: Timestamp) {
        let origin = caller.origin();
        let sight = Sight {
            clinic: caller.clinic(),
            actor: caller.actor(),
            address: origin.address,
            action: record.action,
            resource: record.resource,
            resource_id: record.resource_id,
            detail: record.detail.map(|detail| detail.to_string()),
            reason: record.reason,
        };
        let mut waiting = self.lock();
        if let Some(sightings) = waiting.get_mut(&sight) {
            sightings.times = sightings.times.saturating_add(1);
            sightings.last = now;
        } else if waiting.len() < self.capacity {
            waiting.insert(
                sight,
                Sightings {
                    request: origin.request,
                    first: now,
                    last: now,
                    times: 1,
                },
            );
        } else {
            drop(waiting);
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes all that waits, clinic by clinic; what cannot be written now waits on.
    ///
    /// # Errors
    /// The database's failure; nothing is lost by it but what no longer fits.
    pub async fn flush(&self, db: &Db) -> Result<(), DbError> {
        let lost = self.overflowed.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(
                lost,
                "reads were not audited: the buffer was full; raise its size or look at the database"
            );
        }
        let mut by_clinic: HashMap<ClinicId, Vec<(Sight, Sightings)>> = HashMap::new();
        for (sight, sightings) in std::mem::take(&mut *self.lock()) {
            by_clinic.entry(sight.clinic).or_default().push((sight, sightings));
        }
        let mut result = Ok(());
        for (clinic, seen) in by_clinic {
            if result.is_ok() {
                result = insert_all(db, clinic, &seen).await;
            }
            if result.is_err() {
                let mut waiting = self.lock();
                for (sight, sightings) in seen {
                    waiting
                        .entry(sight)
                        .and_modify(|later| {
                            later.first = sightings.first;
                            later.times = later.times.saturating_add(sightings.times);
                        })
                        .or_insert(sightings);
                }
            }
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sight, Sightings>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sight {
    fn row(&self, sightings: &Sightings) -> AuditRow {
        let mut detail: Option<Value> = self
            .detail
            .as_deref()
            .and_then(|detail| serde_json::from_str(detail).ok());
        if sightings.times > 1 {
            detail = Some(serde_json::json!({
                "times": sightings.times,
                "until": sightings.last,
                "of": detail,
            }));
        }
        let record = AuditRecord {
            action: self.action,
            resource: self.resource,
            resource_id: self.resource_id,
            detail,
            reason: self.reason.clone(),
        };
        let origin = Origin {
            request: sightings.request,
            address: self.address,
        };
        record.row_of(self.clinic, self.actor, origin, sightings.first)
    }
}

/// Rows per statement: thirteen binds each, below PostgreSQL's 65,535.
const ROWS_AT_ONCE: usize = 500;

async fn insert_all(db: &Db, clinic: ClinicId, seen: &[(Sight, Sightings)]) -> Result<(), DbError> {
    db.write(&System::acting_for(clinic, "read_audit"), async |tx| {
        for part in seen.chunks(ROWS_AT_ONCE) {
            let rows: Vec<AuditRow> = part.iter().map(|(sight, sightings)| sight.row(sightings)).collect();
            diesel::insert_into(audit_log::table)
                .values(rows)
                .execute(&mut tx.conn())
                .await?;
        }
        Ok::<(), DbError>(())
    })
    .await
}
