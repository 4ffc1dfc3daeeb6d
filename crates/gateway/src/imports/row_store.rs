//! Every line of SQL about the rows of imports.

use db::schema::import_rows;
use db::{DbError, QueryResultExt, TenantRead, TenantTx};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ClinicId, FieldError, ImportId};
use rest::Paging;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabular::{RowOutcome, RowReport, TakenBack};
use uuid::Uuid;

use super::model::{Counts, RowKind};

/// What became of a row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_rows, check_for_backend(Pg), treat_none_as_default_value = false)]
pub(super) struct ImportRow {
    clinic_id: ClinicId,
    import_id: ImportId,
    pub(super) line: i64,
    pub(super) outcome: RowKind,
    pub(super) made_id: Option<Uuid>,
    pub(super) made_person_id: Option<Uuid>,
    pub(super) same_as_id: Option<Uuid>,
    pub(super) reason: Option<String>,
    pub(super) notes: Vec<String>,
    faults: Value,
    pub(super) taken_back: Option<String>,
    pub(super) person_taken_back: Option<String>,
}

impl ImportRow {
    fn of(clinic: ClinicId, import: ImportId, report: &RowReport) -> Self {
        let mut row = Self {
            clinic_id: clinic,
            import_id: import,
            line: i64::try_from(report.line).unwrap_or(i64::MAX),
            outcome: kind_of(report),
            made_id: None,
            made_person_id: None,
            same_as_id: None,
            reason: None,
            notes: Vec::new(),
            faults: json!([]),
            taken_back: None,
            person_taken_back: None,
        };
        match &report.outcome {
            RowOutcome::Created { id, person, notes } => {
                (row.made_id, row.made_person_id) = (*id, *person);
                row.notes.clone_from(notes);
            }
            RowOutcome::Duplicate { of, reason } => {
                row.same_as_id = *of;
                row.reason = Some(reason.clone());
            }
            RowOutcome::Rejected { faults } => {
                let faults = faults
                    .iter()
                    .map(|fault| json!({"pointer": fault.pointer, "code": fault.code, "message": fault.message}));
                row.faults = faults.collect();
            }
        }
        row
    }

    /// Everything that is wrong in the row.
    pub(super) fn faults(&self) -> Vec<FieldError> {
        let text =
            |fault: &Value, member: &str| fault.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let faults = self.faults.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut found = kernel::FieldErrors::new();
        for fault in faults {
            found.push(text(fault, "pointer"), &text(fault, "code"), text(fault, "message"));
        }
        found.into_vec()
    }
}

const fn kind_of(report: &RowReport) -> RowKind {
    match report.outcome {
        RowOutcome::Created { .. } => RowKind::Created,
        RowOutcome::Duplicate { .. } => RowKind::Skipped,
        RowOutcome::Rejected { .. } => RowKind::Failed,
    }
}

/// What `reports` come to.
pub(super) fn counts(reports: &[RowReport]) -> Counts {
    let mut counts = Counts::default();
    for report in reports {
        match kind_of(report) {
            RowKind::Created => counts.created += 1,
            RowKind::Skipped => counts.skipped += 1,
            RowKind::Failed => counts.failed += 1,
        }
    }
    counts
}

/// Writes down what became of some rows. A line that is there already fails the transaction, with whatever the row did.
pub(super) async fn insert(tx: &TenantTx<'_>, import: ImportId, reports: &[RowReport]) -> Result<(), DbError> {
    let rows: Vec<_> = reports
        .iter()
        .map(|report| ImportRow::of(tx.clinic(), import, report))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    diesel::insert_into(import_rows::table)
        .values(rows)
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Removes what became of an import's rows.
pub(super) async fn remove(tx: &TenantTx<'_>, import: ImportId) -> Result<(), DbError> {
    diesel::delete(
        import_rows::table
            .filter(import_rows::clinic_id.eq(tx.clinic()))
            .filter(import_rows::import_id.eq(import)),
    )
    .execute(&mut tx.conn())
    .await?;
    Ok(())
}

/// The next `most` rows that made something which was not looked at yet by undoing, the last lines first.
pub(super) async fn to_take_back(tx: &TenantRead<'_>, import: ImportId, most: i64) -> Result<Vec<ImportRow>, DbError> {
    import_rows::table
        .filter(import_rows::clinic_id.eq(tx.clinic()))
        .filter(import_rows::import_id.eq(import))
        .filter(import_rows::made_id.is_not_null())
        .filter(import_rows::taken_back.is_null())
        .order(import_rows::line.desc())
        .limit(most)
        .select(ImportRow::as_select())
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// Writes down what became of what a row had made.
pub(super) async fn took_back(
    tx: &TenantTx<'_>,
    row: &ImportRow,
    made: TakenBack,
    person: Option<TakenBack>,
) -> Result<(), DbError> {
    diesel::update(
        import_rows::table
            .filter(import_rows::clinic_id.eq(tx.clinic()))
            .filter(import_rows::import_id.eq(row.import_id))
            .filter(import_rows::line.eq(row.line)),
    )
    .set((
        import_rows::taken_back.eq(made.as_str()),
        import_rows::person_taken_back.eq(person.map(TakenBack::as_str)),
    ))
    .execute(&mut tx.conn())
    .await?;
    Ok(())
}

/// Where a page of rows ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct RowPosition(pub(super) i64);

impl RowPosition {
    pub(super) const fn of(row: &ImportRow) -> Self {
        Self(row.line)
    }
}

/// An import's rows in the order of the file.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    import: ImportId,
    outcome: Option<RowKind>,
    paging: &Paging<RowPosition>,
) -> Result<Vec<ImportRow>, DbError> {
    let after = paging.after().map_or(0, |RowPosition(line)| *line);
    after_line(tx, import, outcome, after, paging.fetch()).await
}

/// Up to `most` rows of an import after the line `after`.
pub(super) async fn after_line(
    tx: &TenantRead<'_>,
    import: ImportId,
    outcome: Option<RowKind>,
    after: i64,
    most: i64,
) -> Result<Vec<ImportRow>, DbError> {
    let mut query = import_rows::table
        .filter(import_rows::clinic_id.eq(tx.clinic()))
        .filter(import_rows::import_id.eq(import))
        .filter(import_rows::line.gt(after))
        .order(import_rows::line)
        .limit(most)
        .select(ImportRow::as_select())
        .into_boxed::<Pg>();
    if let Some(outcome) = outcome {
        query = query.filter(import_rows::outcome.eq(outcome));
    }
    query.load(&mut tx.conn()).await.or_database()
}
