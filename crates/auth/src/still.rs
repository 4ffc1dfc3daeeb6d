//! Whether those who were let in long ago are still welcome: asked again and again for connections that stay open.

use std::collections::HashMap;

use db::schema::{api_keys, clinics, memberships, sessions};
use db::{DbError, TenantRead, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Actor, ApiKeyId, Caller as _, Principal, SessionId};
use uuid::Uuid;

use crate::standing::{ApiKeyRow, SessionRow, standing_of_api_key, standing_of_open_session};
use crate::verdicts::Standing;

/// By what somebody came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignIn {
    /// A person's sign-in.
    Session(SessionId),
    /// An integration's key.
    ApiKey(ApiKeyId),
}

impl SignIn {
    /// By what `principal` came in; `None` for the system.
    #[must_use]
    pub fn of(principal: &Principal) -> Option<Self> {
        match principal.actor() {
            Actor::User { session, .. } => Some(Self::Session(session)),
            Actor::ApiKey { key } => Some(Self::ApiKey(key)),
            Actor::System { .. } => None,
        }
    }
}

/// Somebody who is still welcome.
#[derive(Debug, Clone)]
pub struct Still {
    /// Who it is, and what they may do now.
    pub principal: Principal,
    /// Whose change may change that: session or key, and membership. See [`crate::subject_of`].
    pub subjects: [Option<Uuid>; 2],
}

/// Of `sign_ins` in the clinic of `tx` those that are still good, by at most two statements.
///
/// # Errors
/// [`DbError`] when it cannot be found out.
pub async fn still_good(tx: &TenantRead<'_>, sign_ins: &[SignIn]) -> Result<HashMap<SignIn, Still>, DbError> {
    let (mut open_sessions, mut keys) = (Vec::new(), Vec::new());
    for sign_in in sign_ins {
        match sign_in {
            SignIn::Session(session) => open_sessions.push(*session),
            SignIn::ApiKey(key) => keys.push(*key),
        }
    }
    let mut good = HashMap::with_capacity(sign_ins.len());
    let mut note = |sign_in: SignIn, standing: Standing| {
        if let Ok(principal) = standing.outcome {
            let subjects = standing.subjects;
            good.insert(sign_in, Still { principal, subjects });
        }
    };
    if !open_sessions.is_empty() {
        let rows: Vec<(SessionId, SessionRow)> = sessions::table
            .inner_join(named_by!(memberships, sessions::membership_id))
            .inner_join(clinics::table.on(clinics::id.eq(sessions::clinic_id)))
            .filter(sessions::clinic_id.eq(tx.clinic()))
            .filter(sessions::id.eq_any(open_sessions))
            .select((sessions::id, SessionRow::as_select()))
            .load(&mut tx.conn())
            .await?;
        for (session, row) in rows {
            let standing = standing_of_open_session(tx.clinic(), session, &row, tx.now());
            note(SignIn::Session(session), standing);
        }
    }
    if !keys.is_empty() {
        let rows: Vec<ApiKeyRow> = api_keys::table
            .inner_join(named_by!(memberships, api_keys::created_by))
            .inner_join(clinics::table.on(clinics::id.eq(api_keys::clinic_id)))
            .filter(api_keys::clinic_id.eq(tx.clinic()))
            .filter(api_keys::id.eq_any(keys))
            .select(ApiKeyRow::as_select())
            .load(&mut tx.conn())
            .await?;
        for row in rows {
            note(
                SignIn::ApiKey(row.key),
                standing_of_api_key(tx.clinic(), &row, tx.now()),
            );
        }
    }
    Ok(good)
}
