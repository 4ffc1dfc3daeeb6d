//! Taking back what an import made, row by row, as far as nobody has touched it since.

use appointments::import as agenda;
use contacts::import as people;
use conversations::threads;
use db::{Db, DbError, TenantTx};
use kernel::{AppointmentId, ContactId, System};
use tabular::TakenBack;
use uuid::Uuid;

use super::control;
use super::model::{Import, ImportKind, ImportStatus, ImportWork};
use super::row_store::{self, ImportRow};
use super::store::{self, Change};
use super::work::PARTS_AT_ONCE;

/// How many rows are taken back by one transaction.
const ROWS_AT_ONCE: i64 = 100;

/// Takes some rows back, the last first, and leaves the rest to the successor. Each part is one transaction, in which the rows are
/// marked too; so it can be cut off anywhere and done again.
pub(super) async fn some(db: &Db, system: &System, import: &Import) -> Result<(), DbError> {
    for part in 1..=PARTS_AT_ONCE {
        let goes_on = db
            .write(system, async |tx| {
                store::lock_turns(tx).await?;
                let Some(now) = store::lock(tx, import.id).await? else {
                    return Ok(false);
                };
                if now.status != ImportStatus::Running || now.work != Some(ImportWork::Undo) {
                    return Ok(false);
                }
                some_rows(tx, &now, part == PARTS_AT_ONCE).await
            })
            .await?;
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Takes one part back; whether there may be more.
async fn some_rows(tx: &mut TenantTx<'_>, import: &Import, is_last: bool) -> Result<bool, DbError> {
    let rows = row_store::to_take_back(tx, import.id, ROWS_AT_ONCE).await?;
    if rows.is_empty() {
        control::leave(tx, import, Change::to(ImportStatus::Undone)).await?;
        return Ok(false);
    }
    let (mut removed, mut stayed) = (import.removed, import.stayed);
    for row in &rows {
        let Some(made) = row.made_id else { continue };
        let (made, person) = take_back(tx, import.kind, made, row).await?;
        row_store::took_back(tx, row, made, person).await?;
        match made {
            TakenBack::Removed => removed += 1,
            TakenBack::Changed | TakenBack::InUse | TakenBack::Gone => stayed += 1,
        }
    }
    let change = Change {
        removed: Some(removed),
        stayed: Some(stayed),
        ..Change::default()
    };
    store::update(tx, import.id, change).await?;
    let before = import.removed.saturating_add(import.stayed);
    control::tell_progress(tx, import.id, (before, removed.saturating_add(stayed)), import.created);
    if is_last {
        control::enqueue(tx, import.id);
    }
    Ok(true)
}

/// Takes back what a row made: the appointment before the person who was made for it.
async fn take_back(
    tx: &mut TenantTx<'_>,
    kind: ImportKind,
    made: Uuid,
    row: &ImportRow,
) -> Result<(TakenBack, Option<TakenBack>), DbError> {
    match kind {
        ImportKind::Contacts => Ok((contact(tx, made).await?, None)),
        ImportKind::Appointments => {
            let appointment = agenda::take_back(tx, AppointmentId::from_uuid(made)).await?;
            let person = match row.made_person_id {
                Some(person) => Some(contact(tx, person).await?),
                None => None,
            };
            Ok((appointment, person))
        }
    }
}

/// Archives a person whom the import made, unless a domain has something of theirs. A domain that comes to hold something of
/// contacts is asked here too.
async fn contact(tx: &mut TenantTx<'_>, made: Uuid) -> Result<TakenBack, DbError> {
    let id = ContactId::from_uuid(made);
    if agenda::has_business(tx, id).await? || threads::has_any(tx, id).await? {
        return Ok(TakenBack::InUse);
    }
    people::take_back(tx, id).await
}
