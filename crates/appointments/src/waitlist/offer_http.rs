//! Offers over HTTP.

use actix_web::{HttpRequest, HttpResponse, get, post};
use kernel::{WaitlistEntryId, WaitlistOfferId};
use rest::permissions::{AppointmentsRead, AppointmentsWrite};
use rest::{AuditRecord, Authorized, ListParams, ListQuery, NoFilter, Page, PathId, Problem, ReadPlan, Reply, Valid};

use super::error::WaitlistError;
use super::model::Offer;
use super::offer_store::{self, OfferPosition};
use super::offers;
use super::store;
use super::views::{AcceptedOfferView, MakeWaitlistOffer, WaitlistOfferView};
use crate::booking::AppointmentView;
use crate::tags;

/// The second id of a path; text that is no id names nothing.
fn offer_in(request: &HttpRequest) -> Result<WaitlistOfferId, Problem> {
    request
        .match_info()
        .get("offer_id")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::not_found("waitlist_offer_not_found"))
}

/// Lists what was offered to an entry, oldest first.
#[utoipa::path(tag = "waitlist", summary = "Lists offers to an entry", operation_id = "list_waitlist_offers",
    security(("bearer" = ["appointments:read"])), params(("id" = WaitlistEntryId, Path), ListParams),
    responses((status = 200, body = Page<WaitlistOfferView>)))]
#[get("/waitlist/{id}/offers")]
pub(crate) async fn list_waitlist_offers(
    caller: Authorized<AppointmentsRead>,
    id: PathId<WaitlistEntryId>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let list = list.of(id);
    let paging = caller.paging::<OfferPosition, _>("waitlist.offers", &list, &["offered_at"])?;
    let plan = ReadPlan::new("waitlist.offers")
        .tag(tags::waitlist())
        .audit(AuditRecord::new("waitlist.offers", "waitlist_entry", id.as_uuid()));
    caller
        .read_page(plan, &list, async |tx| {
            store::find(tx, id).await?;
            let rows = offer_store::page(tx, id, &paging).await?;
            let position = |offer: &Offer| OfferPosition {
                offered_at: offer.offered_at,
                id: offer.id,
            };
            Ok::<_, WaitlistError>(paging.page(rows, position, WaitlistOfferView::from))
        })
        .await
}

/// Offers free time to somebody who waits, out of turn, and keeps it for them as long as offers stand.
#[utoipa::path(tag = "waitlist", summary = "Offers time to an entry", operation_id = "make_waitlist_offer",
    security(("bearer" = ["appointments:write"])), params(("id" = WaitlistEntryId, Path)), request_body = MakeWaitlistOffer,
    responses((status = 201, body = WaitlistOfferView),
        (status = 409, body = Problem, description = "`offer_not_bookable`, `already_offered`, `waitlist_entry_closed`")))]
#[post("/waitlist/{id}/offers")]
pub(crate) async fn make_waitlist_offer(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<WaitlistEntryId>,
    body: Valid<MakeWaitlistOffer>,
) -> Result<HttpResponse, Problem> {
    let (id, body) = (id.into_inner(), body.into_inner());
    caller
        .write(async |tx| {
            let offer = offers::make_by_hand(tx, id, &body).await?;
            let location = format!("/v1/waitlist/{id}/offers");
            Ok::<_, WaitlistError>(Reply::created(location, WaitlistOfferView::from(offer)))
        })
        .await
}

/// Accepts an open offer for whoever waits: it becomes an appointment, once.
#[utoipa::path(tag = "waitlist", summary = "Accepts an offer", operation_id = "accept_waitlist_offer",
    security(("bearer" = ["appointments:write"])),
    params(("id" = WaitlistEntryId, Path), ("offer_id" = WaitlistOfferId, Path)),
    responses((status = 200, body = AcceptedOfferView),
        (status = 409, body = Problem, description = "`offer_closed`, with its `offer_status`, or `offer_not_bookable`")))]
#[post("/waitlist/{id}/offers/{offer_id}/accept")]
pub(crate) async fn accept_waitlist_offer(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<WaitlistEntryId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, offer) = (id.into_inner(), offer_in(&request)?);
    caller
        .write(async |tx| {
            let (offer, appointment) = offers::accept(tx, id, offer).await?;
            Ok::<_, WaitlistError>(Reply::ok(AcceptedOfferView {
                offer: offer.into(),
                appointment: AppointmentView::from(appointment),
            }))
        })
        .await
}

/// Declines an open offer: the entry goes on waiting, and the time is offered to the next.
#[utoipa::path(tag = "waitlist", summary = "Declines an offer", operation_id = "decline_waitlist_offer",
    security(("bearer" = ["appointments:write"])),
    params(("id" = WaitlistEntryId, Path), ("offer_id" = WaitlistOfferId, Path)),
    responses((status = 200, body = WaitlistOfferView), (status = 409, body = Problem, description = "`offer_closed`")))]
#[post("/waitlist/{id}/offers/{offer_id}/decline")]
pub(crate) async fn decline_waitlist_offer(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<WaitlistEntryId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, offer) = (id.into_inner(), offer_in(&request)?);
    caller
        .write(async |tx| {
            let offer = offers::decline(tx, id, offer).await?;
            Ok::<_, WaitlistError>(Reply::ok(WaitlistOfferView::from(offer)))
        })
        .await
}

/// Takes an open offer back: the entry goes on waiting, and the time is offered to others.
#[utoipa::path(tag = "waitlist", summary = "Takes an offer back", operation_id = "withdraw_waitlist_offer",
    security(("bearer" = ["appointments:write"])),
    params(("id" = WaitlistEntryId, Path), ("offer_id" = WaitlistOfferId, Path)),
    responses((status = 200, body = WaitlistOfferView), (status = 409, body = Problem, description = "`offer_closed`")))]
#[post("/waitlist/{id}/offers/{offer_id}/withdraw")]
pub(crate) async fn withdraw_waitlist_offer(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<WaitlistEntryId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, offer) = (id.into_inner(), offer_in(&request)?);
    caller
        .write(async |tx| {
            let offer = offers::withdraw(tx, id, offer).await?;
            Ok::<_, WaitlistError>(Reply::ok(WaitlistOfferView::from(offer)))
        })
        .await
}
