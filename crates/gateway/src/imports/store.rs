//! Every line of SQL about imports; their rows are in `row_store`.

use std::collections::HashSet;

use db::schema::functions::oldest_open_transaction;
use db::schema::{clinics, imports};
use db::{DbError, QueryResultExt, TenantRead, TenantTx};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Actor, ClinicId, ImportId, Timestamp, UserId};
use rest::Paging;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::analysis::Analysis;
use super::model::{Counts, Import, ImportKind, ImportStatus, ImportWork};
use super::settings::Settings;

#[derive(Insertable)]
#[diesel(table_name = imports, treat_none_as_default_value = false)]
struct NewImportRow<'a> {
    clinic_id: ClinicId,
    id: ImportId,
    kind: ImportKind,
    filename: &'a str,
    bytes: i64,
    sha256: &'a [u8],
    again: bool,
    encoding: &'a str,
    delimiter: &'a str,
    headings: &'a [String],
    sample: Value,
    settings: Value,
    status: ImportStatus,
    rows_total: i64,
    created_by: Option<UserId>,
    created_at: Timestamp,
}

/// A file that has come.
pub(super) struct NewImport<'a> {
    pub(super) id: ImportId,
    pub(super) kind: ImportKind,
    pub(super) filename: &'a str,
    pub(super) bytes: u64,
    pub(super) sha256: &'a [u8],
    pub(super) again: bool,
}

fn json(value: &impl Serialize) -> Result<Value, DbError> {
    serde_json::to_value(value)
        .map_err(|error| DbError::from(diesel::result::Error::SerializationError(Box::new(error))))
}

/// Keeps a file that was analysed.
pub(super) async fn insert(tx: &TenantTx<'_>, new: &NewImport<'_>, found: &Analysis) -> Result<Import, DbError> {
    let created_by = match tx.actor() {
        Actor::User { user, .. } => Some(user),
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    };
    let row = NewImportRow {
        clinic_id: tx.clinic(),
        id: new.id,
        kind: new.kind,
        filename: new.filename,
        bytes: i64::try_from(new.bytes).unwrap_or(i64::MAX),
        sha256: new.sha256,
        again: new.again,
        encoding: found.encoding.name(),
        delimiter: found.delimiter.name(),
        headings: &found.headings,
        sample: json(&found.sample)?,
        settings: json(&Settings::default())?,
        status: ImportStatus::Analysed,
        rows_total: found.rows_total,
        created_by,
        created_at: tx.now(),
    };
    diesel::insert_into(imports::table)
        .values(row)
        .returning(Import::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// The import with this id.
pub(super) async fn find(tx: &TenantRead<'_>, id: ImportId) -> Result<Option<Import>, DbError> {
    imports::table
        .filter(imports::clinic_id.eq(tx.clinic()))
        .filter(imports::id.eq(id))
        .select(Import::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// As [`find`], the row locked until the transaction ends.
pub(super) async fn lock(tx: &TenantTx<'_>, id: ImportId) -> Result<Option<Import>, DbError> {
    imports::table
        .filter(imports::clinic_id.eq(tx.clinic()))
        .filter(imports::id.eq(id))
        .select(Import::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Another import of the same content whose rows went in, or are on their way.
pub(super) async fn same_content(
    tx: &TenantRead<'_>,
    own: ImportId,
    kind: ImportKind,
    sha256: &[u8],
) -> Result<Option<ImportId>, DbError> {
    use ImportStatus::{Completed, Failed, Paused, Queued, Running};
    imports::table
        .filter(imports::clinic_id.eq(tx.clinic()))
        .filter(imports::sha256.eq(sha256))
        .filter(imports::kind.eq(kind))
        .filter(imports::id.ne(own))
        .filter(imports::work.eq(ImportWork::Import))
        .filter(imports::status.eq_any([Completed, Failed, Paused, Queued, Running]))
        .select(imports::id)
        .order(imports::created_at.desc())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Holds, until the transaction ends, the right to say which import of the clinic is at work.
pub(super) async fn lock_turns(tx: &TenantTx<'_>) -> Result<(), DbError> {
    clinics::table
        .filter(clinics::id.eq(tx.clinic()))
        .select(clinics::id)
        .for_no_key_update()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Whether an import of the clinic is at work.
pub(super) async fn is_any_running(tx: &TenantRead<'_>) -> Result<bool, DbError> {
    let running = imports::table
        .filter(imports::clinic_id.eq(tx.clinic()))
        .filter(imports::status.eq(ImportStatus::Running));
    diesel::select(diesel::dsl::exists(running))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// The import that has waited longest.
pub(super) async fn next_waiting(tx: &TenantRead<'_>) -> Result<Option<ImportId>, DbError> {
    imports::table
        .filter(imports::clinic_id.eq(tx.clinic()))
        .filter(imports::status.eq(ImportStatus::Queued))
        .order((imports::queued_at, imports::id))
        .select(imports::id)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// What becomes of an import; `None` in the outer option keeps.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = imports)]
pub(super) struct Change {
    pub(super) status: Option<ImportStatus>,
    pub(super) work: Option<ImportWork>,
    pub(super) fault: Option<Option<String>>,
    pub(super) again: Option<bool>,
    pub(super) rows_done: Option<i64>,
    pub(super) created: Option<i64>,
    pub(super) skipped: Option<i64>,
    pub(super) failed: Option<i64>,
    pub(super) removed: Option<i64>,
    pub(super) stayed: Option<i64>,
    pub(super) queued_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Option<Timestamp>>,
    pub(super) file_removed_at: Option<Timestamp>,
    pub(super) headings: Option<Vec<String>>,
    pub(super) sample: Option<Value>,
    pub(super) settings: Option<Value>,
    pub(super) encoding: Option<&'static str>,
    pub(super) delimiter: Option<&'static str>,
    pub(super) rows_total: Option<i64>,
}

impl Change {
    /// To this status.
    pub(super) fn to(status: ImportStatus) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }

    /// How the file is read and what is said about it.
    pub(super) fn read_as(found: Option<&Analysis>, settings: &Settings) -> Result<Self, DbError> {
        let mut change = Self::to(ImportStatus::Analysed);
        change.settings = Some(json(settings)?);
        if let Some(found) = found {
            change.headings = Some(found.headings.clone());
            change.sample = Some(json(&found.sample)?);
            change.encoding = Some(found.encoding.name());
            change.delimiter = Some(found.delimiter.name());
            change.rows_total = Some(found.rows_total);
        }
        Ok(change.at_the_beginning())
    }

    /// Nothing was done yet.
    pub(super) const fn at_the_beginning(mut self) -> Self {
        self.rows_done = Some(0);
        self.created = Some(0);
        self.skipped = Some(0);
        self.failed = Some(0);
        self
    }

    /// `rows` more rows were dealt with, and came to `counts`.
    pub(super) fn further(import: &Import, rows: i64, counts: Counts) -> Self {
        Self {
            rows_done: Some(import.rows_done.saturating_add(rows)),
            created: Some(import.created.saturating_add(counts.created)),
            skipped: Some(import.skipped.saturating_add(counts.skipped)),
            failed: Some(import.failed.saturating_add(counts.failed)),
            ..Self::default()
        }
    }
}

/// Writes an import's row, which the transaction has locked.
pub(super) async fn update(tx: &TenantTx<'_>, id: ImportId, change: Change) -> Result<Import, DbError> {
    diesel::update(
        imports::table
            .filter(imports::clinic_id.eq(tx.clinic()))
            .filter(imports::id.eq(id)),
    )
    .set(change)
    .returning(Import::as_returning())
    .get_result(&mut tx.conn())
    .await
    .or_database()
}

/// Those of `ids` that are imports whose file is kept.
pub(crate) async fn with_file_among(tx: &TenantRead<'_>, ids: &[Uuid]) -> Result<HashSet<Uuid>, DbError> {
    let ids: Vec<ImportId> = ids.iter().copied().map(ImportId::from_uuid).collect();
    let found: Vec<ImportId> = imports::table
        .filter(imports::clinic_id.eq(tx.clinic()))
        .filter(imports::id.eq_any(ids))
        .filter(imports::file_removed_at.is_null())
        .select(imports::id)
        .load(&mut tx.conn())
        .await?;
    Ok(found.into_iter().map(Uuid::from).collect())
}

/// Where a page of imports ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct ImportPosition(ImportId);

impl ImportPosition {
    pub(super) const fn of(import: &Import) -> Self {
        Self(import.id)
    }
}

/// The clinic's imports, the newest first: their ids sort by when they came.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    status: Option<ImportStatus>,
    since: Option<Timestamp>,
    paging: &Paging<ImportPosition>,
) -> Result<Vec<Import>, DbError> {
    let mut query = imports::table
        .filter(imports::clinic_id.eq(tx.clinic()))
        .order(imports::id.desc())
        .limit(paging.fetch())
        .select(Import::as_select())
        .into_boxed::<Pg>();
    if let Some(status) = status {
        query = query.filter(imports::status.eq(status));
    }
    if let Some(since) = since {
        query = query
            .filter(imports::updated_at.ge(since))
            .filter(imports::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(ImportPosition(after)) = paging.after() {
        query = query.filter(imports::id.lt(*after));
    }
    query.load(&mut tx.conn()).await.or_database()
}
