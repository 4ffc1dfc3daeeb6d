//! The second factor: time-based one-time passwords (RFC 6238) with what every authenticator app speaks, which is
//! HMAC-SHA-1, six digits, thirty seconds.

use std::fmt;

use kernel::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use totp_rs::{Builder, Totp, TotpError};

use crate::secrets::{RandomnessError, random_bytes};

/// 160 bits, as RFC 4226, section 4, recommends.
const SECRET_LENGTH: usize = 20;

/// Why a stored secret or a name cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTotp {
    /// The secret is not 20 bytes long.
    #[error("a TOTP secret has 20 bytes")]
    Secret,
    /// Issuer or account holds a colon, or the account is empty.
    #[error("issuer and account of a TOTP address hold no colon, and the account is not empty")]
    Label,
}

/// A step of thirty seconds since 1970, as `users.totp_last_step` keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(i64);

impl TotpStep {
    /// The step that was stored.
    #[must_use]
    pub const fn from_stored(step: i64) -> Self {
        Self(step)
    }

    /// The step as it is stored.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What the person's app and we share.
pub struct TotpSecret(SecretSlice<u8>);

impl TotpSecret {
    /// A new secret.
    ///
    /// # Errors
    /// [`RandomnessError`] when the system gives no random bytes.
    pub fn generate() -> Result<Self, RandomnessError> {
        Ok(Self(random_bytes::<SECRET_LENGTH>()?.to_vec().into()))
    }

    /// The secret that `bytes` are, as they came out of sealing.
    ///
    /// # Errors
    /// [`InvalidTotp::Secret`] when they are not 20.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTotp> {
        if bytes.len() == SECRET_LENGTH {
            Ok(Self(bytes.to_vec().into()))
        } else {
            Err(InvalidTotp::Secret)
        }
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The secret in base32 (RFC 4648), for typing it into an app.
    #[must_use]
    pub fn base32(&self) -> SecretString {
        totp_rs::Secret::from(self.expose()).to_base32().into()
    }

    /// The address that an app reads from a QR code: `otpauth://totp/<issuer>:<account>?secret=…&issuer=…`.
    ///
    /// # Errors
    /// [`InvalidTotp::Label`] when issuer or account hold a colon or the account is empty.
    pub fn otpauth_url(&self, issuer: &str, account: &str) -> Result<SecretString, InvalidTotp> {
        let labelled = self.generator().with_issuer(Some(issuer)).with_account_name(account);
        let url = labelled.build().and_then(|totp| totp.to_url());
        url.map(SecretString::from).map_err(|error| match error {
            TotpError::SecretTooShort { .. } => InvalidTotp::Secret,
            _ => InvalidTotp::Label,
        })
    }

    /// The step that `code` belongs to, if it is the present code, the one before or the one after, and newer than `last`, the
    /// step of the code that was used last. The caller stores it as the new last one: a code is good once (RFC 6238, 5.2).
    #[must_use]
    pub fn check(&self, code: &str, now: Timestamp, last: Option<TotpStep>) -> Option<TotpStep> {
        let totp = self.generator().build().ok()?;
        let seconds = u64::try_from(now.as_datetime().timestamp()).ok()?;
        let digits = Zeroizing::new(
            code.chars()
                .filter(|letter| !letter.is_whitespace())
                .collect::<String>(),
        );
        let step = TotpStep(i64::try_from(totp.check(&digits, seconds)?).ok()?);
        last.is_none_or(|last| step > last).then_some(step)
    }

    /// The code an app shows at `now`; for tests and drills.
    #[must_use]
    pub fn code_at(&self, now: Timestamp) -> Option<SecretString> {
        let totp: Totp = self.generator().build().ok()?;
        let seconds = u64::try_from(now.as_datetime().timestamp()).ok()?;
        Some(totp.generate(seconds).to_string().into())
    }

    /// SHA-1, six digits, thirty seconds and one step either way are what the library begins with.
    fn generator(&self) -> Builder {
        Builder::new()
            .with_skew(1)
            .with_step_duration(30)
            .with_digits(6)
            .with_secret(self.expose())
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::new(DateTime::from_timestamp(seconds, 0).unwrap()).unwrap()
    }

    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_6238() {
        // Appendix B, SHA-1, the last six of its eight digits; its last row lies beyond the year 2200.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(rfc_secret().code_at(at(seconds)).unwrap().expose_secret(), code);
            assert_eq!(
                rfc_secret().check(code, at(seconds), None),
                Some(TotpStep(seconds / 30))
            );
        }
    }

    #[test]
    fn one_step_either_way_is_taken_and_no_more() {
        let now = at(1_234_567_890);
        let step = TotpStep(1_234_567_890 / 30);
        for (late, expected) in [
            (-60, None),
            (-30, Some(step)),
            (0, Some(step)),
            (30, Some(step)),
            (60, None),
        ] {
            assert_eq!(
                rfc_secret().check("005 924", now.saturating_add(TimeDelta::seconds(late)), None),
                expected,
                "{late}"
            );
        }
    }

    #[test]
    fn a_code_is_good_once() {
        let now = at(1_234_567_890);
        let used = rfc_secret().check("005924", now, None).unwrap();
        assert_eq!(rfc_secret().check("005924", now, Some(used)), None);
        let next = now.saturating_add(TimeDelta::seconds(30));
        let code = rfc_secret().code_at(next).unwrap();
        assert_eq!(
            rfc_secret().check(code.expose_secret(), next, Some(used)),
            Some(TotpStep(used.get() + 1))
        );
    }

    #[test]
    fn the_address_is_what_apps_read() {
        let url = rfc_secret().otpauth_url("TaskMed", "ana@aurora.example").unwrap();
        assert_eq!(
            url.expose_secret(),
            "otpauth://totp/TaskMed:ana%40aurora.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=TaskMed"
        );
        assert!(matches!(
            rfc_secret().otpauth_url("Task:Med", "ana"),
            Err(InvalidTotp::Label)
        ));
        assert!(matches!(
            rfc_secret().otpauth_url("TaskMed", ""),
            Err(InvalidTotp::Label)
        ));
    }

    #[test]
    fn secrets_are_new_and_unprinted() {
        let secret = TotpSecret::generate().unwrap();
        assert_ne!(secret.expose(), TotpSecret::generate().unwrap().expose());
        assert_eq!(format!("{secret:?}"), "TotpSecret(…)");
        assert_eq!(TotpSecret::from_bytes(&[0; 19]).unwrap_err(), InvalidTotp::Secret);
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_harm(code in "\\PC{0,12}") {
            prop_assume!(code.chars().filter(char::is_ascii_digit).count() != 6);
            prop_assert_eq!(rfc_secret().check(&code, at(59), None), None);
        }
    }
}
