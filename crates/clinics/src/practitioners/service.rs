//! The rules of practitioners.

use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{FieldErrors, MembershipId, PractitionerId, ServiceId, Version};
use serde_json::json;

use super::error::PractitionerError;
use super::model::{NewPractitioner, Practitioner, PractitionerChanges, PractitionerRow};
use super::store;
use crate::events::{self, PractitionerEvent};
use crate::resource::error::{ArchiveError, RowError};
use crate::resource::links::note_unknown;
use crate::tags;

/// A practitioner of the clinic, archived or not.
///
/// # Errors
/// [`RowError::NotFound`].
pub(super) async fn find(tx: &TenantRead<'_>, id: PractitionerId) -> Result<Practitioner, RowError> {
    let row = store::find(tx, id).await?;
    let service_ids = offered_by(tx, id).await?;
    Ok(Practitioner { row, service_ids })
}

async fn offered_by(tx: &TenantRead<'_>, id: PractitionerId) -> Result<Vec<ServiceId>, RowError> {
    Ok(store::offered::of_many(tx, &[id])
        .await?
        .remove(&id)
        .unwrap_or_default())
}

/// The `rows` with the services that each offers, by one more statement.
///
/// # Errors
/// The database's failure.
pub(super) async fn with_services(
    tx: &TenantRead<'_>,
    rows: Vec<PractitionerRow>,
) -> Result<Vec<Practitioner>, RowError> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut offered = store::offered::of_many(tx, &ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let service_ids = offered.remove(&row.id).unwrap_or_default();
            Practitioner { row, service_ids }
        })
        .collect())
}

/// Makes a practitioner who offers the named services.
///
/// # Errors
/// [`PractitionerError`]: the registration or the member of the staff is another practitioner's, or ids are unknown.
pub async fn create(tx: &mut TenantTx<'_>, new: &NewPractitioner) -> Result<Practitioner, PractitionerError> {
    check_member(tx, new.membership_id).await?;
    let row = store::insert(tx, new).await?;
    let service_ids = link(tx, row.id, &new.service_ids).await?;
    tx.audit(AuditRecord::new(
        "practitioners.create",
        "practitioner",
        row.id.as_uuid(),
    ));
    tx.emit(
        events::PRACTITIONER_CREATED,
        &PractitionerEvent {
            practitioner_id: row.id,
        },
    );
    touch(tx);
    Ok(Practitioner { row, service_ids })
}

/// Changes a practitioner in use; `expected` is the version that the caller read, when it matters to them.
///
/// # Errors
/// [`PractitionerError`]: as [`create`], and no such practitioner, archived, or changed in the meantime.
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: PractitionerId,
    changes: &PractitionerChanges,
    expected: Option<Version>,
) -> Result<Practitioner, PractitionerError> {
    let current = store::lock_active(tx, id, expected).await?;
    let mut fields = changes.row.fields();
    fields.extend(changes.service_ids.is_some().then_some("service_ids"));
    if fields.is_empty() {
        return Ok(Practitioner {
            row: current,
            service_ids: offered_by(tx, id).await?,
        });
    }
    check_member(tx, changes.row.membership_id.flatten()).await?;
    let service_ids = match &changes.service_ids {
        Some(wanted) => link(tx, id, wanted).await?,
        None => offered_by(tx, id).await?,
    };
    let row = store::update(tx, id, &changes.row).await?;
    tx.audit(
        AuditRecord::new("practitioners.update", "practitioner", id.as_uuid())
            .with_detail(json!({ "changed": fields })),
    );
    tx.emit(events::PRACTITIONER_UPDATED, &PractitionerEvent { practitioner_id: id });
    touch(tx);
    Ok(Practitioner { row, service_ids })
}

/// Puts a practitioner away: they stay readable and are offered nowhere. Doing it twice is doing it once.
///
/// # Errors
/// [`ArchiveError::HasUpcomingAppointments`] while they have some.
pub async fn archive(tx: &mut TenantTx<'_>, id: PractitionerId, expected: Option<Version>) -> Result<(), ArchiveError> {
    if store::archive(tx, id, expected).await? {
        tx.audit(AuditRecord::new("practitioners.archive", "practitioner", id.as_uuid()));
        tx.emit(
            events::PRACTITIONER_ARCHIVED,
            &PractitionerEvent { practitioner_id: id },
        );
        touch(tx);
    }
    Ok(())
}

async fn check_member(tx: &TenantRead<'_>, member: Option<MembershipId>) -> Result<(), PractitionerError> {
    match member {
        Some(member) if !store::has_member(tx, member).await? => Err(FieldErrors::one(
            "/membership_id",
            "unknown_membership",
            "the clinic's staff has no member with this id",
        )
        .into()),
        _ => Ok(()),
    }
}

async fn link(
    tx: &TenantRead<'_>,
    id: PractitionerId,
    wanted: &[ServiceId],
) -> Result<Vec<ServiceId>, PractitionerError> {
    let linked = store::offered::replace(tx, id, wanted).await?;
    let mut errors = FieldErrors::new();
    note_unknown(&mut errors, "/service_ids", "unknown_service", wanted, &linked);
    Ok(errors.finish(Some(linked))?)
}

/// Who offers a service is part of the service as it is shown, and whether a member treats patients part of the member.
fn touch(tx: &mut TenantTx<'_>) {
    tx.touch(tags::practitioners());
    tx.touch(tags::services());
    tx.touch(tags::staff());
}
