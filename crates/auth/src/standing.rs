//! How a session or an API key stands: the rows that say so, and what follows from them.

use db::schema::{api_keys, clinics, memberships, sessions};
use diesel::prelude::*;
use kernel::{
    Actor, ApiKeyId, ClinicId, MembershipId, Permission, PermissionSet, Principal, Role, SessionId, Timestamp, UserId,
};

use crate::access_token::{AccessClaims, AccessSubject};
use crate::verdicts::{Refusal, Standing};

/// How a session and its membership stand.
#[derive(Queryable, Selectable)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct SessionRow {
    #[diesel(select_expression = sessions::user_id)]
    user: UserId,
    #[diesel(select_expression = sessions::membership_id)]
    membership: MembershipId,
    #[diesel(select_expression = sessions::expires_at)]
    expires_at: Timestamp,
    #[diesel(select_expression = sessions::ended_at)]
    ended_at: Option<Timestamp>,
    #[diesel(select_expression = memberships::archived_at)]
    membership_archived_at: Option<Timestamp>,
    #[diesel(select_expression = memberships::roles)]
    roles: Vec<String>,
    #[diesel(select_expression = clinics::status)]
    clinic_status: String,
}

/// How an API key and its maker's membership stand.
#[derive(Queryable, Selectable)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct ApiKeyRow {
    #[diesel(select_expression = api_keys::id)]
    pub(crate) key: ApiKeyId,
    #[diesel(select_expression = api_keys::permissions)]
    permissions: Vec<String>,
    #[diesel(select_expression = api_keys::expires_at)]
    expires_at: Option<Timestamp>,
    #[diesel(select_expression = api_keys::last_used_at)]
    pub(crate) last_used_at: Option<Timestamp>,
    #[diesel(select_expression = api_keys::archived_at)]
    archived_at: Option<Timestamp>,
    #[diesel(select_expression = memberships::id)]
    maker: MembershipId,
    #[diesel(select_expression = memberships::archived_at)]
    maker_archived_at: Option<Timestamp>,
    #[diesel(select_expression = memberships::roles)]
    maker_roles: Vec<String>,
    #[diesel(select_expression = clinics::status)]
    clinic_status: String,
}

#[expect(clippy::disallowed_methods, reason = "here it is found out who is authenticated")]
fn vouch(clinic: ClinicId, actor: Actor, permissions: PermissionSet) -> Principal {
    Principal::vouch(clinic, actor, permissions)
}

/// What roles of these names may do. A name that this version does not know gives nothing.
fn permissions_of_roles(names: &[String]) -> PermissionSet {
    let roles: Vec<Role> = names.iter().filter_map(|name| name.parse().ok()).collect();
    Role::permissions_of(&roles)
}

pub(crate) fn standing_of_session(claims: &AccessClaims, row: &SessionRow, now: Timestamp) -> Standing {
    let subject = claims.subject;
    let revoked = row.ended_at.is_some()
        || row.membership_archived_at.is_some()
        || row.clinic_status != "active"
        || (row.user, row.membership) != (subject.user, subject.membership);
    let outcome = if revoked {
        Err(Refusal::Revoked)
    } else if row.expires_at <= now {
        Err(Refusal::Expired)
    } else {
        let actor = Actor::User {
            user: subject.user,
            membership: subject.membership,
            session: subject.session,
        };
        Ok(vouch(subject.clinic, actor, permissions_of_roles(&row.roles)))
    };
    Standing {
        outcome,
        expires_at: Some(claims.expires_at.min(row.expires_at)),
        subjects: [Some(*subject.session.as_uuid()), Some(*subject.membership.as_uuid())],
    }
}

/// How `session` itself stands, whatever tokens were made for it.
pub(crate) fn standing_of_open_session(
    clinic: ClinicId,
    session: SessionId,
    row: &SessionRow,
    now: Timestamp,
) -> Standing {
    let claims = AccessClaims {
        subject: AccessSubject {
            user: row.user,
            clinic,
            membership: row.membership,
            session,
        },
        issued_at: now,
        expires_at: row.expires_at,
    };
    standing_of_session(&claims, row, now)
}

pub(crate) fn standing_of_api_key(clinic: ClinicId, row: &ApiKeyRow, now: Timestamp) -> Standing {
    let revoked = row.archived_at.is_some() || row.maker_archived_at.is_some() || row.clinic_status != "active";
    let outcome = if revoked {
        Err(Refusal::Revoked)
    } else if row.expires_at.is_some_and(|end| end <= now) {
        Err(Refusal::Expired)
    } else {
        let granted: PermissionSet = row
            .permissions
            .iter()
            .filter_map(|name| name.parse::<Permission>().ok())
            .collect();
        let permissions = granted.intersection(permissions_of_roles(&row.maker_roles));
        Ok(vouch(clinic, Actor::ApiKey { key: row.key }, permissions))
    };
    Standing {
        outcome,
        expires_at: row.expires_at,
        subjects: [Some(*row.key.as_uuid()), Some(*row.maker.as_uuid())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Caller as _;
    use uuid::Uuid;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn noon() -> Timestamp {
        at("2026-11-20T12:00:00Z")
    }

    fn clinic() -> ClinicId {
        ClinicId::from_uuid(Uuid::from_u128(1))
    }

    fn claims() -> AccessClaims {
        AccessClaims {
            subject: AccessSubject {
                user: UserId::from_uuid(Uuid::from_u128(2)),
                clinic: clinic(),
                membership: MembershipId::from_uuid(Uuid::from_u128(3)),
                session: SessionId::from_uuid(Uuid::from_u128(4)),
            },
            issued_at: noon(),
            expires_at: at("2026-11-20T12:15:00Z"),
        }
    }

    fn session() -> SessionRow {
        SessionRow {
            user: claims().subject.user,
            membership: claims().subject.membership,
            expires_at: at("2026-12-20T12:00:00Z"),
            ended_at: None,
            membership_archived_at: None,
            roles: vec!["receptionist".to_owned(), "a role of tomorrow".to_owned()],
            clinic_status: "active".to_owned(),
        }
    }

    fn api_key() -> ApiKeyRow {
        ApiKeyRow {
            key: ApiKeyId::from_uuid(Uuid::from_u128(5)),
            permissions: vec![
                "contacts:read".to_owned(),
                "financial:refund".to_owned(),
                "of:tomorrow".to_owned(),
            ],
            expires_at: None,
            last_used_at: None,
            archived_at: None,
            maker: MembershipId::from_uuid(Uuid::from_u128(3)),
            maker_archived_at: None,
            maker_roles: vec!["admin".to_owned()],
            clinic_status: "active".to_owned(),
        }
    }

    #[test]
    fn a_session_gives_what_its_roles_may_do_now() {
        let standing = standing_of_session(&claims(), &session(), noon());
        let principal = standing.at(noon()).unwrap();
        assert_eq!(principal.clinic(), clinic());
        assert_eq!(principal.session(), Some(claims().subject.session));
        assert_eq!(principal.permissions(), Role::Receptionist.permissions());
        assert_eq!(standing.at(at("2026-11-20T12:15:00Z")), Err(Refusal::Expired));
    }

    #[test]
    fn whatever_ends_a_session_ends_its_tokens() {
        let other = UserId::from_uuid(Uuid::from_u128(9));
        for row in [
            SessionRow {
                ended_at: Some(noon()),
                ..session()
            },
            SessionRow {
                membership_archived_at: Some(noon()),
                ..session()
            },
            SessionRow {
                clinic_status: "suspended".to_owned(),
                ..session()
            },
            SessionRow {
                user: other,
                ..session()
            },
        ] {
            assert_eq!(
                standing_of_session(&claims(), &row, noon()).at(noon()),
                Err(Refusal::Revoked)
            );
        }
        let over = SessionRow {
            expires_at: noon(),
            ..session()
        };
        assert_eq!(
            standing_of_session(&claims(), &over, noon()).at(noon()),
            Err(Refusal::Expired)
        );
    }

    #[test]
    fn a_key_may_never_do_more_than_its_maker() {
        let allowed = |row: &ApiKeyRow| {
            standing_of_api_key(clinic(), row, noon())
                .at(noon())
                .unwrap()
                .permissions()
        };
        assert_eq!(allowed(&api_key()), PermissionSet::of(&[Permission::ContactsRead]));
        let demoted = ApiKeyRow {
            maker_roles: vec!["auditor".to_owned()],
            ..api_key()
        };
        assert_eq!(allowed(&demoted), PermissionSet::NONE);
    }

    #[test]
    fn whatever_ends_a_key_is_felt() {
        for row in [
            ApiKeyRow {
                archived_at: Some(noon()),
                ..api_key()
            },
            ApiKeyRow {
                maker_archived_at: Some(noon()),
                ..api_key()
            },
            ApiKeyRow {
                clinic_status: "suspended".to_owned(),
                ..api_key()
            },
        ] {
            assert_eq!(
                standing_of_api_key(clinic(), &row, noon()).at(noon()),
                Err(Refusal::Revoked)
            );
        }
        let short = ApiKeyRow {
            expires_at: Some(at("2026-11-20T12:00:00.5Z")),
            ..api_key()
        };
        let standing = standing_of_api_key(clinic(), &short, noon());
        assert!(standing.at(noon()).is_ok());
        assert_eq!(standing.at(at("2026-11-20T12:00:00.5Z")), Err(Refusal::Expired));
    }
}
