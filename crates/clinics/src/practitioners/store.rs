//! The SQL of practitioners.

use db::schema::{memberships, practitioner_services, practitioners};
use db::{QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{MembershipId, PractitionerId, ServiceId, Timestamp};

use super::error::PractitionerError;
use super::model::{NewPractitioner, PractitionerRow, RegistrationColumns, RowChanges};
use crate::resource::catalogue::catalogue_store;
use crate::resource::error::{ArchiveError, RowError, kind};
use crate::resource::links::links;

catalogue_store!(
    practitioners,
    PractitionerRow,
    PractitionerId,
    kind::PRACTITIONER,
    appointments::practitioner_id
);

links!(
    offered, practitioner_services, practitioner_id: PractitionerId => service_id: ServiceId, in services
);

/// Narrows a list to those who offer `service`, and to the one who has the place `membership`.
pub(super) fn narrowed(
    query: BoxedQuery<'static>,
    service: Option<ServiceId>,
    membership: Option<MembershipId>,
) -> BoxedQuery<'static> {
    let query = match service {
        None => query,
        Some(service) => query.filter(diesel::dsl::exists(
            practitioner_services::table
                .filter(practitioner_services::clinic_id.eq(practitioners::clinic_id))
                .filter(practitioner_services::practitioner_id.eq(practitioners::id))
                .filter(practitioner_services::service_id.eq(service)),
        )),
    };
    match membership {
        None => query,
        Some(membership) => query.filter(practitioners::membership_id.eq(membership)),
    }
}

/// Whether the clinic has this practitioner, unarchived. Kept so until the transaction ends.
pub(crate) async fn is_active(tx: &TenantRead<'_>, id: PractitionerId) -> Result<bool, RowError> {
    let archived_at: Option<Option<Timestamp>> = practitioners::table
        .filter(practitioners::clinic_id.eq(tx.clinic()).and(practitioners::id.eq(id)))
        .select(practitioners::archived_at)
        .for_key_share()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?;
    Ok(archived_at == Some(None))
}

/// Whether the clinic has this member of the staff, not removed.
pub(super) async fn has_member(tx: &TenantRead<'_>, id: MembershipId) -> Result<bool, RowError> {
    diesel::select(diesel::dsl::exists(
        memberships::table
            .filter(memberships::clinic_id.eq(tx.clinic()).and(memberships::id.eq(id)))
            .filter(memberships::archived_at.is_null()),
    ))
    .get_result(&mut tx.conn())
    .await
    .or_database()
}

/// Inserts a practitioner, without links.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewPractitioner) -> Result<PractitionerRow, PractitionerError> {
    diesel::insert_into(practitioners::table)
        .values((
            practitioners::clinic_id.eq(tx.clinic()),
            practitioners::id.eq(new.id.unwrap_or_else(|| PractitionerId::new_at(tx.now()))),
            practitioners::membership_id.eq(new.membership_id),
            practitioners::name.eq(&new.name),
            RegistrationColumns::from(new.registration.clone()),
            practitioners::specialty.eq(&new.specialty),
        ))
        .returning(PractitionerRow::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("practitioners_registration_once", || {
            PractitionerError::RegistrationTaken
        })
        .on_constraint("practitioners_membership_once", || PractitionerError::MembershipTaken)
        .on_constraint("practitioners_pkey", || RowError::IdTaken.into())
        .or_database()
}

/// Writes `changes`. An empty one counts the version up all the same: the links changed.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: PractitionerId,
    changes: &RowChanges,
) -> Result<PractitionerRow, PractitionerError> {
    diesel::update(practitioners::table)
        .filter(practitioners::clinic_id.eq(tx.clinic()).and(practitioners::id.eq(id)))
        .set((changes, practitioners::updated_at.eq(tx.now())))
        .returning(PractitionerRow::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("practitioners_registration_once", || {
            PractitionerError::RegistrationTaken
        })
        .on_constraint("practitioners_membership_once", || PractitionerError::MembershipTaken)
        .or_database()
}
