//! Rules of signing in, renewing and switching.

use auth::{AccessSubject, RefreshToken};
use db::{AuditRecord, Db, LookupBy, TenantTx};
use kernel::text::Slug;
use kernel::{ClinicId, Principal, SessionId, System};
use serde_json::json;

use super::error::SignInError;
use super::model::{Attempt, OpenedSession, SignedIn, UserSummary, choose_place};
use super::store::{self, NewSession};
use crate::accounts::Accounts;
use crate::credentials::{
    self, CredentialError, Credentials, Place, Visit, check_second_factor, consume, place_in_clinic, prove_password,
};
use crate::sessions::{self, EndReason, signed_in_user};

/// The part of the system that acts before anybody is signed in.
const COMPONENT: &str = "sign_in";

fn system(clinic: ClinicId, visit: &Visit) -> System {
    System::acting_for(clinic, COMPONENT).in_request(visit.origin)
}

/// Signs a person in by e-mail, password and, where they have one, the second factor.
pub(super) async fn sign_in(
    accounts: &Accounts,
    db: &Db,
    attempt: &Attempt,
    visit: &Visit,
) -> Result<SignedIn, SignInError> {
    let person = credentials::find(db, LookupBy::Email(attempt.email.clone())).await?;
    let password = prove_password(accounts, db, &attempt.email, person.user.as_ref(), &attempt.password).await?;
    let user = person.user.ok_or(CredentialError::Invalid)?;
    let factor = check_second_factor(accounts, db, &user, attempt.code.as_ref()).await?;
    // Before the code is used up: whoever is asked for a clinic may send the same code again.
    let place = choose_place(&person.places, attempt.clinic_slug.as_ref())?;
    let opened = db
        .write(&system(place.clinic.id, visit), async |tx| {
            tx.open_user(&LookupBy::User(user.id)).await?;
            consume(tx, &user, &password, &factor).await?;
            open_session(accounts, tx, &user, &place, visit).await
        })
        .await?;
    signed_in(accounts, summary(&user), place, opened)
}

/// Signs `principal` in to another of their clinics.
pub(super) async fn switch(
    accounts: &Accounts,
    db: &Db,
    principal: &Principal,
    slug: &Slug,
    visit: &Visit,
) -> Result<SignedIn, SignInError> {
    let own = signed_in_user(principal)?;
    let person = credentials::find(db, LookupBy::User(own.user)).await?;
    let user = person.user.ok_or(CredentialError::Invalid)?;
    let place = choose_place(&person.places, Some(slug))?;
    let opened = db
        .write(&system(place.clinic.id, visit), async |tx| {
            tx.open_user(&LookupBy::User(user.id)).await?;
            if !store::is_still_open(tx, user.id, own.session).await? {
                return Err(CredentialError::Invalid.into());
            }
            open_session(accounts, tx, &user, &place, visit).await
        })
        .await?;
    signed_in(accounts, summary(&user), place, opened)
}

fn summary(user: &Credentials) -> UserSummary {
    UserSummary {
        id: user.id,
        email: user.email.clone(),
        name: user.name.clone(),
    }
}

fn signed_in(
    accounts: &Accounts,
    user: UserSummary,
    place: Place,
    opened: OpenedSession,
) -> Result<SignedIn, SignInError> {
    let subject = AccessSubject {
        user: user.id,
        clinic: place.clinic.id,
        membership: place.membership,
        session: opened.id,
    };
    let access_token = accounts.tokens.issue(&subject)?;
    Ok(SignedIn {
        access_token,
        refresh_token: opened.refresh_token,
        user,
        place,
    })
}

async fn open_session(
    accounts: &Accounts,
    tx: &mut TenantTx<'_>,
    user: &Credentials,
    place: &Place,
    visit: &Visit,
) -> Result<OpenedSession, SignInError> {
    let id = SessionId::new_at(tx.now());
    let session = NewSession {
        clinic_id: tx.clinic(),
        id,
        user_id: user.id,
        membership_id: place.membership,
        user_agent: visit.user_agent.as_deref(),
        address: visit.origin.address.map(|address| address.to_string()),
        last_used_at: tx.now(),
        expires_at: tx.now().saturating_add(accounts.session_lifetime),
        created_at: tx.now(),
    };
    store::insert_session(tx, session).await?;
    let token = RefreshToken::generate(tx.clinic())?;
    store::insert_refresh_token(tx, id, token.hash()).await?;
    let detail = json!({"user_id": user.id, "membership_id": place.membership});
    tx.audit(AuditRecord::new("auth.sign_in", "session", id.as_uuid()).with_detail(detail));
    Ok(OpenedSession {
        id,
        refresh_token: token.reveal(),
    })
}

/// What came of a refresh token. A reuse is no error inside the transaction: what it ends must be committed.
enum Renewal {
    Renewed {
        user: UserSummary,
        place: Box<Place>,
        opened: OpenedSession,
    },
    Reused(SessionId),
    Refused,
}

/// Gives new tokens for a refresh token, which is good once. One that comes again ends the whole sign-in (RFC 9700, 4.14.2).
pub(super) async fn renew(
    accounts: &Accounts,
    db: &Db,
    token: &RefreshToken,
    visit: &Visit,
) -> Result<SignedIn, SignInError> {
    let renewal = db
        .write(
            &system(token.scope(), visit),
            async |tx| match store::use_refresh_token(tx, token.hash()).await? {
                Some(session) => renew_session(accounts, tx, session).await,
                None => end_if_reused(tx, token).await,
            },
        )
        .await?;
    match renewal {
        Renewal::Renewed { user, place, opened } => signed_in(accounts, user, *place, opened),
        Renewal::Reused(session) => {
            tracing::warn!(session_id = %session, "a refresh token came a second time; its sign-in was ended");
            Err(SignInError::InvalidRefreshToken)
        }
        Renewal::Refused => Err(SignInError::InvalidRefreshToken),
    }
}

async fn renew_session(accounts: &Accounts, tx: &mut TenantTx<'_>, session: SessionId) -> Result<Renewal, SignInError> {
    let expires_at = tx.now().saturating_add(accounts.session_lifetime);
    let Some((user, membership)) = store::prolong_session(tx, session, expires_at).await? else {
        return Ok(Renewal::Refused);
    };
    let Some(place) = place_in_clinic(tx, user)
        .await?
        .filter(|place| place.membership == membership)
    else {
        return Ok(Renewal::Refused);
    };
    let (email, name) = store::user_names(tx, user).await?;
    let token = RefreshToken::generate(tx.clinic())?;
    store::insert_refresh_token(tx, session, token.hash()).await?;
    let opened = OpenedSession {
        id: session,
        refresh_token: token.reveal(),
    };
    Ok(Renewal::Renewed {
        user: UserSummary { id: user, email, name },
        place: Box::new(place),
        opened,
    })
}

async fn end_if_reused(tx: &mut TenantTx<'_>, token: &RefreshToken) -> Result<Renewal, SignInError> {
    let Some(session) = store::session_of_token(tx, token.hash()).await? else {
        return Ok(Renewal::Refused);
    };
    if !sessions::end(tx, session, EndReason::ReuseDetected).await? {
        return Ok(Renewal::Refused);
    }
    tx.audit(AuditRecord::new("auth.reuse_detected", "session", session.as_uuid()));
    Ok(Renewal::Reused(session))
}
