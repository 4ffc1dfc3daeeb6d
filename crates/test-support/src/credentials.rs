//! Tokens for the people of the world, without the detour over a sign-in.

use std::sync::Arc;

use auth::access_token::AccessSubject;
use auth::{AccessTokens, ApiKeyToken, AuthConfig};
use chrono::{DateTime, Utc};
use kernel::{ClinicId, Clock, PermissionSet, Timestamp};
use secrecy::ExposeSecret;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::world;

/// Makes tokens that a server with the same keys and clock takes.
pub struct Credentials {
    tokens: AccessTokens,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Credentials")
    }
}

impl Credentials {
    /// By the keys of `config` and the time of `clock`.
    #[must_use]
    pub fn new(config: &AuthConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            tokens: AccessTokens::new(Arc::clone(&config.signing_keys), config.tokens.clone(), clock),
        }
    }

    /// The access token of a member such as `reception@aurora`, for their seeded sign-in, good from now on.
    ///
    /// # Panics
    /// When there is no such member.
    #[must_use]
    pub fn access_token(&self, member: &str) -> String {
        let subject = AccessSubject {
            user: world::user(member),
            clinic: world::clinic_of(member),
            membership: world::membership(member),
            session: world::session(member),
        };
        let issued = self.tokens.issue(&subject).expect("a token can be signed");
        issued.token.expose_secret().to_owned()
    }
}

/// Makes an API key of `clinic_key`'s director, who may do everything, with exactly `permissions`; gives its token.
///
/// # Panics
/// When the row does not fit the schema.
pub async fn make_api_key(
    maintenance: &Client,
    clinic_key: &str,
    permissions: PermissionSet,
    now: Timestamp,
) -> String {
    let clinic: ClinicId = world::clinic(clinic_key);
    let token = ApiKeyToken::generate(clinic).expect("random bytes");
    let id: Uuid = kernel::ApiKeyId::new_at(now).into();
    let names: Vec<&str> = permissions.iter().map(kernel::Permission::name).collect();
    let made_at: DateTime<Utc> = now.as_datetime();
    let maker = world::membership(&format!("director@{clinic_key}"));
    maintenance
        .execute(
            "INSERT INTO api_keys (clinic_id, id, name, secret_hash, secret_hint, permissions, created_by, last_used_at,
                                   created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)",
            &[
                clinic.as_uuid(),
                &id,
                &format!("Key {id}"),
                &token.hash().as_bytes(),
                &token.hint(),
                &names,
                maker.as_uuid(),
                &made_at,
            ],
        )
        .await
        .expect("the key fits the schema");
    token.reveal().expose_secret().to_owned()
}
