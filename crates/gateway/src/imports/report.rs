//! What became of an import's rows, as a table that a spreadsheet shows and does not run.

use bytes::Bytes;
use db::{Db, DbError};
use futures_util::stream::{self, Stream};
use kernel::{ImportId, Principal};
use tabular::guarded;

use super::model::RowKind;
use super::row_store::{self, ImportRow};

/// How many rows are read at a time.
const AT_ONCE: i64 = 500;

/// Why a stream was cut off.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("a row could not be written as CSV")]
    Csv(#[from] csv::Error),
    #[error("a buffer could not be written")]
    Buffer,
}

const HEADINGS: [&str; 8] = [
    "line",
    "outcome",
    "created_id",
    "created_contact_id",
    "same_as_id",
    "messages",
    "errors",
    "taken_back",
];

fn cells(row: &ImportRow) -> [String; 8] {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let messages: Vec<&str> = row.reason.iter().chain(&row.notes).map(String::as_str).collect();
    let errors: Vec<String> = row
        .faults()
        .iter()
        .map(|fault| format!("{} ({})", fault.message, fault.code))
        .collect();
    [
        row.line.to_string(),
        row.outcome.to_string(),
        id(row.made_id),
        id(row.made_person_id),
        id(row.same_as_id),
        messages.join("; "),
        errors.join("; "),
        row.taken_back.clone().unwrap_or_default(),
    ]
}

fn table(rows: impl IntoIterator<Item = [String; 8]>) -> Result<Bytes, ReportError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.map(|cell| guarded(&cell)))?;
    }
    writer.into_inner().map(Bytes::from).or(Err(ReportError::Buffer))
}

/// The report in parts, each a read of its own, so that nothing is held while the client takes its time.
pub(super) fn parts(
    db: Db,
    caller: Principal,
    import: ImportId,
    outcome: Option<RowKind>,
) -> impl Stream<Item = Result<Bytes, ReportError>> {
    stream::try_unfold(Some(None), move |place: Option<Option<i64>>| {
        let (db, caller) = (db.clone(), caller.clone());
        async move {
            match place {
                None => Ok(None),
                Some(None) => Ok(Some((table([HEADINGS.map(str::to_owned)])?, Some(Some(0))))),
                Some(Some(after)) => {
                    let rows = db
                        .read(&caller, async |tx| {
                            row_store::after_line(tx, import, outcome, after, AT_ONCE).await
                        })
                        .await?;
                    let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < AT_ONCE);
                    let next = rows.last().filter(|_| !is_last).map(|row| Some(row.line));
                    Ok(Some((table(rows.iter().map(cells))?, next)))
                }
            }
        }
    })
}
