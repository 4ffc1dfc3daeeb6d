//! The rules of services.

use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{FieldErrors, PractitionerId, RoomId, ServiceId, Version};
use serde_json::json;

use super::error::ServiceError;
use super::model::{NewService, Service, ServiceChanges, ServiceRow, check_rooms};
use super::store;
use crate::events::{self, ServiceEvent};
use crate::resource::error::{ArchiveError, RowError, kind};
use crate::resource::links::note_unknown;
use crate::tags;

/// A service of the clinic, archived or not.
///
/// # Errors
/// [`RowError::NotFound`].
pub(super) async fn find(tx: &TenantRead<'_>, id: ServiceId) -> Result<Service, RowError> {
    let row = store::find(tx, id).await?;
    with_one(tx, row).await
}

async fn with_one(tx: &TenantRead<'_>, row: ServiceRow) -> Result<Service, RowError> {
    with_links(tx, vec![row])
        .await?
        .pop()
        .ok_or(RowError::NotFound(kind::SERVICE))
}

/// The `rows` with who offers each and where, by two more statements.
///
/// # Errors
/// The database's failure.
pub(super) async fn with_links(tx: &TenantRead<'_>, rows: Vec<ServiceRow>) -> Result<Vec<Service>, RowError> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let (mut practitioners, mut rooms) =
        futures_util::try_join!(store::offered::of_many(tx, &ids), store::places::of_many(tx, &ids))?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let practitioner_ids = practitioners.remove(&row.id).unwrap_or_default();
            let room_ids = rooms.remove(&row.id).unwrap_or_default();
            Service {
                row,
                practitioner_ids,
                room_ids,
            }
        })
        .collect())
}

/// Makes a service.
///
/// # Errors
/// [`ServiceError`]: the name or the id is taken, or ids are unknown.
pub async fn create(tx: &mut TenantTx<'_>, new: &NewService) -> Result<Service, ServiceError> {
    check_rooms(new.needs_room, &new.room_ids)?;
    let row = store::insert(tx, new).await?;
    link(tx, row.id, Some(&new.practitioner_ids), Some(&new.room_ids)).await?;
    tx.audit(AuditRecord::new("services.create", "service", row.id.as_uuid()));
    tx.emit(events::SERVICE_CREATED, &ServiceEvent { service_id: row.id });
    touch(tx);
    Ok(with_one(tx, row).await?)
}

/// Changes a service in use; `expected` is the version that the caller read, when it matters to them.
///
/// # Errors
/// [`ServiceError`]: as [`create`], and no such service, archived, or changed in the meantime.
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: ServiceId,
    changes: &ServiceChanges,
    expected: Option<Version>,
) -> Result<Service, ServiceError> {
    let current = store::lock_active(tx, id, expected).await?;
    let fields = changes.fields();
    if fields.is_empty() {
        return Ok(with_one(tx, current).await?);
    }
    link(tx, id, changes.practitioner_ids.as_deref(), changes.room_ids.as_deref()).await?;
    let row = store::update(tx, id, &changes.row).await?;
    let service = with_one(tx, row).await?;
    check_rooms(service.row.needs_room, &service.room_ids)?;
    tx.audit(AuditRecord::new("services.update", "service", id.as_uuid()).with_detail(json!({ "changed": fields })));
    tx.emit(events::SERVICE_UPDATED, &ServiceEvent { service_id: id });
    touch(tx);
    Ok(service)
}

/// Puts a service away: it stays readable and is offered no more. Doing it twice is doing it once.
///
/// # Errors
/// [`ArchiveError::HasUpcomingAppointments`] while there are some of it.
pub async fn archive(tx: &mut TenantTx<'_>, id: ServiceId, expected: Option<Version>) -> Result<(), ArchiveError> {
    if store::archive(tx, id, expected).await? {
        tx.audit(AuditRecord::new("services.archive", "service", id.as_uuid()));
        tx.emit(events::SERVICE_ARCHIVED, &ServiceEvent { service_id: id });
        touch(tx);
    }
    Ok(())
}

/// Links the service to exactly those who are named to offer it and where, leaving alone what is not named.
async fn link(
    tx: &TenantRead<'_>,
    id: ServiceId,
    practitioners: Option<&[PractitionerId]>,
    rooms: Option<&[RoomId]>,
) -> Result<(), ServiceError> {
    let mut errors = FieldErrors::new();
    if let Some(wanted) = practitioners {
        let linked = store::offered::replace(tx, id, wanted).await?;
        note_unknown(
            &mut errors,
            "/practitioner_ids",
            "unknown_practitioner",
            wanted,
            &linked,
        );
    }
    if let Some(wanted) = rooms {
        let linked = store::places::replace(tx, id, wanted).await?;
        note_unknown(&mut errors, "/room_ids", "unknown_room", wanted, &linked);
    }
    Ok(errors.finish(Some(()))?)
}

/// What a practitioner offers is part of the practitioner as shown.
fn touch(tx: &mut TenantTx<'_>) {
    tx.touch(tags::services());
    tx.touch(tags::practitioners());
}
