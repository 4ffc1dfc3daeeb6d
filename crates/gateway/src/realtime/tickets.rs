//! Tickets: who is signed in gets one over HTTPS, and opens one connection with it, on whatever process.

use auth::{RealtimeTicket, SecretHash, SignIn, Still, still_good};
use chrono::TimeDelta;
use db::schema::realtime_tickets;
use db::{AuditRecord, Db, DbError, TenantTx, tx_error};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, ClinicId, Principal, SessionId, System, Timestamp};
use rest::Problem;

use super::keeper::COMPONENT;
use super::replay;
use super::room::Since;

/// Why there is no ticket.
#[derive(Debug, thiserror::Error)]
pub(super) enum TicketError {
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] auth::secrets::RandomnessError),
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(TicketError);

impl From<diesel::result::Error> for TicketError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<TicketError> for Problem {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Database(error) => error.into(),
            TicketError::Randomness(error) => Self::internal(&error),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = realtime_tickets)]
struct NewTicket<'t> {
    clinic_id: ClinicId,
    secret_hash: &'t [u8],
    session_id: Option<SessionId>,
    api_key_id: Option<ApiKeyId>,
    expires_at: Timestamp,
}

/// Makes a ticket for `principal` that may be used for `lifetime`, and sweeps those that nobody used.
pub(super) async fn issue(
    tx: &mut TenantTx<'_>,
    principal: &Principal,
    lifetime: TimeDelta,
) -> Result<(RealtimeTicket, Timestamp), TicketError> {
    let ticket = RealtimeTicket::generate(tx.clinic())?;
    let expires_at = tx.now().saturating_add(lifetime);
    let (session_id, api_key_id) = match SignIn::of(principal) {
        Some(SignIn::Session(session)) => (Some(session), None),
        Some(SignIn::ApiKey(key)) => (None, Some(key)),
        None => (None, None),
    };
    diesel::delete(realtime_tickets::table)
        .filter(realtime_tickets::clinic_id.eq(tx.clinic()))
        .filter(realtime_tickets::expires_at.le(tx.now()))
        .execute(&mut tx.conn())
        .await?;
    diesel::insert_into(realtime_tickets::table)
        .values(NewTicket {
            clinic_id: tx.clinic(),
            secret_hash: ticket.hash().as_bytes(),
            session_id,
            api_key_id,
            expires_at,
        })
        .execute(&mut tx.conn())
        .await?;
    tx.audit(AuditRecord::over("realtime.connect", "realtime_ticket"));
    Ok((ticket, expires_at))
}

/// Somebody who came with a good ticket.
pub(super) struct Admission {
    pub(super) sign_in: SignIn,
    pub(super) still: Still,
    pub(super) since: Since,
}

/// Takes the ticket of `clinic` with this hash, which is good no more, and says who came with it. `None` when there is none, its
/// time is over, or who had it made is not welcome any more.
pub(super) async fn redeem(db: &Db, clinic: ClinicId, hash: SecretHash) -> Result<Option<Admission>, DbError> {
    let system = System::acting_for(clinic, COMPONENT);
    db.write(&system, async |tx| {
        // Deleted, so that of two who come with it at once one finds nothing.
        let taken: Option<(Option<SessionId>, Option<ApiKeyId>, Timestamp)> = diesel::delete(realtime_tickets::table)
            .filter(realtime_tickets::clinic_id.eq(tx.clinic()))
            .filter(realtime_tickets::secret_hash.eq(hash.as_bytes()))
            .returning((
                realtime_tickets::session_id,
                realtime_tickets::api_key_id,
                realtime_tickets::expires_at,
            ))
            .get_result(&mut tx.conn())
            .await
            .optional()?;
        let sign_in = match taken {
            Some((_, _, expires_at)) if expires_at <= tx.now() => return Ok(None),
            Some((Some(session), ..)) => SignIn::Session(session),
            Some((None, Some(key), _)) => SignIn::ApiKey(key),
            Some((None, None, _)) | None => return Ok(None),
        };
        let since = replay::since_now(tx).await?;
        let still = still_good(tx, &[sign_in]).await?.remove(&sign_in);
        Ok(still.map(|still| Admission { sign_in, still, since }))
    })
    .await
}
