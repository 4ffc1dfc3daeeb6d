//! Signatures by the Standard Webhooks specification (<https://www.standardwebhooks.com>), version `v1`: HMAC-SHA256.

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::{EventId, Timestamp};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

/// What a secret begins with where people see it.
const PREFIX: &str = "whsec_";

/// The bytes of a secret; the specification asks for 24 to 64.
const LENGTH: usize = 32;

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub(crate) struct NoRandomness;

/// What an endpoint's deliveries are signed with.
#[derive(Debug, Clone)]
pub(crate) struct SigningSecret(SecretSlice<u8>);

impl SigningSecret {
    /// A new one: 256 random bits.
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        rand::fill(bytes.as_mut_slice()).or(Err(NoRandomness))?;
        Ok(Self::from_bytes(bytes.as_slice()))
    }

    /// The one of these bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec().into())
    }

    /// Its bytes, to be sealed.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// As its owner gets it: `whsec_` and the bytes in base64.
    pub(crate) fn reveal(&self) -> SecretString {
        format!("{PREFIX}{}", STANDARD.encode(self.as_bytes())).into()
    }

    /// The signature of `body` sent at `at` under `id`.
    fn sign(&self, id: EventId, at: Timestamp, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{}.", seconds(at)).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign().as_ref()))
    }
}

/// The value of `webhook-timestamp`: seconds since 1970.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_datetime().timestamp()
}

/// The value of `webhook-signature`: one signature for each secret that counts, a space between them.
pub(crate) fn signatures(secrets: &[SigningSecret], id: EventId, at: Timestamp, body: &[u8]) -> String {
    let all: Vec<String> = secrets.iter().map(|secret| secret.sign(id, at, body)).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Clock, SystemClock};
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    fn headers(id: EventId, at: Timestamp, signature: &str) -> fetch::HeaderMap {
        let mut headers = fetch::HeaderMap::new();
        headers.insert("webhook-id", id.to_string().parse().unwrap());
        headers.insert("webhook-timestamp", seconds(at).to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    proptest! {
        #[test]
        fn an_independent_reader_of_the_standard_accepts_each_secret_and_nothing_else(body in "\\PC{0,300}") {
            let now = SystemClock.now();
            let id = EventId::new_at(now);
            let secrets = [SigningSecret::generate().unwrap(), SigningSecret::generate().unwrap()];
            let signature = signatures(&secrets, id, now, body.as_bytes());
            let headers = headers(id, now, &signature);
            for secret in &secrets {
                let reader = Webhook::new(secret.reveal().expose_secret()).unwrap();
                prop_assert!(reader.verify(body.as_bytes(), &headers).is_ok());
                let longer = format!("{body} ");
                prop_assert!(reader.verify(longer.as_bytes(), &headers).is_err());
            }
            let stranger = Webhook::new(SigningSecret::generate().unwrap().reveal().expose_secret()).unwrap();
            prop_assert!(stranger.verify(body.as_bytes(), &headers).is_err());
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        let secret = SigningSecret::from_bytes(&[65; 32]);
        assert!(!format!("{secret:?}").contains("65"));
        assert!(secret.reveal().expose_secret().starts_with("whsec_QUFB"));
    }
}
