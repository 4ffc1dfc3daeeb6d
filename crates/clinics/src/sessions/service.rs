//! Rules of open sign-ins: whose may be seen and ended by whom.

use db::{AuditRecord, TenantTx};
use kernel::{Actor, Caller as _, MembershipId, Permission, Principal, SessionId, UserId};

use super::error::SessionError;
use super::model::{EndReason, Whose};
use super::store;
use crate::authority::Authority;

/// A signed-in person, as opposed to an integration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedInUser {
    pub(crate) user: UserId,
    pub(crate) membership: MembershipId,
    pub(crate) session: SessionId,
}

/// The person that `principal` is.
pub(crate) fn signed_in_user(principal: &Principal) -> Result<SignedInUser, SessionError> {
    match principal.actor() {
        Actor::User {
            user,
            membership,
            session,
        } => Ok(SignedInUser {
            user,
            membership,
            session,
        }),
        Actor::ApiKey { .. } | Actor::System { .. } => Err(SessionError::PersonRequired),
    }
}

/// Whose sign-ins are listed: those asked for, or else the caller's own. Says whether the caller needs the permission to manage
/// staff for it.
pub(super) fn whose(principal: &Principal, asked: Whose) -> Result<(Whose, bool), SessionError> {
    let own = signed_in_user(principal);
    if asked == Whose::default() {
        return Ok((
            Whose {
                user: Some(own?.user),
                membership: None,
            },
            false,
        ));
    }
    let is_own = own.is_ok_and(|own| {
        asked.user.is_none_or(|user| user == own.user)
            && asked.membership.is_none_or(|membership| membership == own.membership)
    });
    Ok((asked, !is_own))
}

/// Signs the caller out.
pub(crate) async fn end_own(tx: &mut TenantTx<'_>, own: SignedInUser) -> Result<(), SessionError> {
    if store::end(tx, own.session, EndReason::SignedOut).await? {
        tx.audit(AuditRecord::new("auth.sign_out", "session", own.session.as_uuid()));
    }
    Ok(())
}

/// Ends the sign-in `session`: one's own, or, by who manages staff, another's; an owner's only by an owner.
pub(super) async fn end(tx: &mut TenantTx<'_>, principal: &Principal, session: SessionId) -> Result<(), SessionError> {
    let holder = store::holder(tx, session).await?.ok_or(SessionError::NotFound)?;
    if principal.user() != Some(holder.user_id) {
        if !principal.may(Permission::StaffManage) {
            return Err(SessionError::NotFound);
        }
        if !Authority::of(tx, principal).await?.may_change(&holder.roles()) {
            return Err(SessionError::OwnerProtected);
        }
    }
    if !store::end(tx, session, EndReason::Revoked).await? {
        return Err(SessionError::NotFound);
    }
    tx.audit(AuditRecord::new("sessions.end", "session", session.as_uuid()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{ApiKeyId, ClinicId, Role};
    use uuid::Uuid;

    #[expect(clippy::disallowed_methods, reason = "a test says who is authenticated")]
    fn principal(actor: Actor) -> Principal {
        Principal::vouch(
            ClinicId::from_uuid(Uuid::from_u128(1)),
            actor,
            Role::Receptionist.permissions(),
        )
    }

    fn person() -> (Principal, SignedInUser) {
        let user = UserId::from_uuid(Uuid::from_u128(2));
        let membership = MembershipId::from_uuid(Uuid::from_u128(3));
        let session = SessionId::from_uuid(Uuid::from_u128(4));
        (
            principal(Actor::User {
                user,
                membership,
                session,
            }),
            SignedInUser {
                user,
                membership,
                session,
            },
        )
    }

    #[test]
    fn ones_own_sign_ins_need_no_permission() {
        let (principal, own) = person();
        let asked = |user, membership| whose(&principal, Whose { user, membership }).unwrap();
        assert_eq!(
            asked(None, None),
            (
                Whose {
                    user: Some(own.user),
                    membership: None
                },
                false
            )
        );
        assert!(!asked(Some(own.user), Some(own.membership)).1);
        let other = UserId::from_uuid(Uuid::from_u128(9));
        assert!(asked(Some(other), None).1);
        assert!(asked(Some(other), Some(own.membership)).1);
    }

    #[test]
    fn an_integration_has_no_sign_ins_of_its_own() {
        let key = principal(Actor::ApiKey {
            key: ApiKeyId::from_uuid(Uuid::from_u128(5)),
        });
        assert!(matches!(
            whose(&key, Whose::default()),
            Err(SessionError::PersonRequired)
        ));
        let others = Whose {
            user: Some(UserId::from_uuid(Uuid::from_u128(2))),
            membership: None,
        };
        assert!(whose(&key, others).unwrap().1);
    }
}
