//! A file that comes: streamed into the store, looked at, and kept if it is a table.

use std::cell::Cell;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use db::{AuditRecord, Job};
use files::{Files, KeepError};
use kernel::{Caller, FieldErrors, ImportId, Lane, text};
use rest::permissions::ImportsRun;
use rest::{Authorized, Problem, Reply, Upload, note_body};
use serde::Deserialize;
use serde_json::json;
use tabular::ReadOptions;
use utoipa::IntoParams;

use super::analysis::{self, AnalysisError};
use super::control::{FORGET, ImportJob, KEPT_FOR};
use super::error::ImportError;
use super::model::{ImportKind, file_of};
use super::store::{self, NewImport};
use super::view::ImportView;

/// The most bytes of a file.
const MOST_BYTES: u64 = 50 * 1024 * 1024;

/// What a file is.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadParams {
    /// What its rows are.
    #[param(inline, value_type = ImportKind)]
    kind: String,
    /// What it is called, to show it by.
    #[param(max_length = 200)]
    filename: String,
    /// Whether to take it although a file with the same content was imported already.
    #[serde(default)]
    again: bool,
}

/// The media types under which browsers and programs send CSV.
const MEDIA_TYPES: [&str; 5] = [
    "text/csv",
    "application/csv",
    "text/plain",
    "application/octet-stream",
    "application/vnd.ms-excel",
];

fn expect_file(request: &HttpRequest) -> Result<(), Problem> {
    let named = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if named.is_some_and(|named| MEDIA_TYPES.contains(&named.as_str())) {
        Ok(())
    } else {
        Err(Problem::unsupported_media_type())
    }
}

/// Takes the file in. Where it is refused, or was taken before by the same request, nothing of it is kept.
pub(super) async fn take_in(
    caller: &Authorized<ImportsRun>,
    files: &Data<Files>,
    params: &UploadParams,
    request: &HttpRequest,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let mut errors = FieldErrors::new();
    let kind = errors.take("kind", "unknown_kind", ImportKind::parse(&params.kind));
    let filename = errors.take("filename", "invalid_filename", text::bounded(&params.filename, 1, 200));
    let (kind, filename) = errors.finish(kind.zip(filename))?;
    expect_file(request)?;
    let id = ImportId::new_at(caller.now());
    let key = file_of(caller.clinic(), id);
    let kept = files
        .keep(&key, body.chunks(), MOST_BYTES)
        .await
        .map_err(|error| match error {
            KeepError::TooLarge { .. } => Problem::payload_too_large(usize::try_from(MOST_BYTES).unwrap_or(usize::MAX)),
            KeepError::Source(error) => error.into(),
            KeepError::Files(error) => ImportError::Files(error).into(),
        })?;
    note_body(request, kept.sha256);
    let is_taken = Cell::new(false);
    let outcome = async {
        let found = analysis::analyse(files, &key, ReadOptions::default())
            .await
            .map_err(|error| match error {
                AnalysisError::NotATable(error) => ImportError::NotATable(error),
                AnalysisError::Files(error) => ImportError::Files(error),
            })?;
        caller
            .write(async |tx| {
                if !params.again
                    && let Some(import) = store::same_content(tx, id, kind, &kept.sha256).await?
                {
                    return Err(ImportError::AlreadyImported { import });
                }
                let new = NewImport {
                    id,
                    kind,
                    filename: &filename,
                    bytes: kept.bytes,
                    sha256: &kept.sha256,
                    again: params.again,
                };
                let import = store::insert(tx, &new, &found).await?;
                tx.audit(
                    AuditRecord::new("imports.upload", "import", id.as_uuid())
                        .with_detail(json!({"kind": kind, "bytes": kept.bytes, "rows": found.rows_total})),
                );
                let forget = Job::new(FORGET, &ImportJob { import_id: id }).lane(Lane::Bulk);
                tx.enqueue(forget.due(tx.now().saturating_add(KEPT_FOR)));
                is_taken.set(true);
                Ok(Reply::created(format!("/v1/imports/{id}"), ImportView::from(import)))
            })
            .await
    }
    .await;
    if !is_taken.get()
        && let Err(error) = files.remove(&key).await
    {
        tracing::warn!(%error, ?key, "a file that was refused could not be removed");
    }
    outcome
}
