//! What a message about an offer is written from.

use db::schema::{clinics, contacts, practitioners, rooms, services, waitlist_entries, waitlist_offers};
use db::{DbError, QueryResultExt, TenantRead, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ContactId, HoldId, RoomId, Timestamp, WaitlistOfferId, Zone};

use super::model::OfferStatus;

/// The facts that a message about an offer is written from.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct OfferFacts {
    /// The offer.
    pub offer_id: WaitlistOfferId,
    /// What keeps the time.
    pub hold_id: HoldId,
    /// To whom.
    pub contact_id: ContactId,
    /// Their name.
    pub contact_name: String,
    /// What they want to be called.
    pub contact_social_name: Option<String>,
    /// With whom.
    pub practitioner_name: String,
    /// What for.
    pub service_name: String,
    /// The clinic's name.
    pub clinic_name: String,
    /// Where, when the service needs a room.
    pub room: Option<(RoomId, String)>,
    /// When it would begin.
    pub starts_at: Timestamp,
    /// When it would be over.
    pub ends_at: Timestamp,
    /// Until when it may be taken.
    pub expires_at: Timestamp,
    /// The clinic's zone.
    pub zone: Zone,
    /// The clinic's language and country, such as `pt-BR`.
    pub locale: String,
}

/// The facts of an offer that is open and has not lapsed.
pub(super) async fn facts(tx: &TenantRead<'_>, id: WaitlistOfferId) -> Result<Option<OfferFacts>, DbError> {
    waitlist_offers::table
        .inner_join(named_by!(waitlist_entries, waitlist_offers::entry_id))
        .inner_join(named_by!(contacts, waitlist_entries::contact_id))
        .inner_join(named_by!(practitioners, waitlist_offers::practitioner_id))
        .inner_join(named_by!(services, waitlist_offers::service_id))
        .inner_join(clinics::table.on(clinics::id.eq(waitlist_offers::clinic_id)))
        .left_join(named_by!(rooms, waitlist_offers::room_id, nullable))
        .filter(waitlist_offers::clinic_id.eq(tx.clinic()))
        .filter(waitlist_offers::id.eq(id))
        .filter(waitlist_offers::status.eq(OfferStatus::Offered))
        .filter(waitlist_offers::expires_at.gt(tx.now()))
        .select((
            waitlist_offers::id,
            waitlist_offers::hold_id,
            contacts::id,
            contacts::name,
            contacts::social_name,
            practitioners::name,
            services::name,
            clinics::trade_name,
            (rooms::id, rooms::name).nullable(),
            waitlist_offers::starts_at,
            waitlist_offers::ends_at,
            waitlist_offers::expires_at,
            clinics::zone,
            clinics::locale,
        ))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}
