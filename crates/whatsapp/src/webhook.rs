//! What WhatsApp posts: the handshake when the address is set, the signature, and the events.
//!
//! Unknown fields, kinds and even whole changes are passed over, one by one: WhatsApp adds them without notice, and a post that
//! is refused is posted again for days.

mod reading;

use aws_lc_rs::{constant_time, digest, hmac};
use secrecy::{ExposeSecret, SecretString};

pub use self::reading::{Unreadable, parse};

/// Why a post or a handshake is not WhatsApp's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFromWhatsApp {
    /// The handshake asks for something else, or with another word.
    #[error("this is no handshake with the word that was agreed")]
    Handshake,
    /// There is no signature, or it is not that of the body.
    #[error("the signature is missing or is not that of the body")]
    Signature,
}

/// Answers the handshake (`hub.mode`, `hub.verify_token`, `hub.challenge`) by which WhatsApp tries the address: with what to
/// send back as the body. The word is compared in constant time.
///
/// # Errors
/// [`NotFromWhatsApp::Handshake`].
pub fn handshake(
    mode: Option<&str>,
    verify_token: Option<&str>,
    challenge: Option<&str>,
    agreed: &SecretString,
) -> Result<String, NotFromWhatsApp> {
    let (Some("subscribe"), Some(token), Some(challenge)) = (mode, verify_token, challenge) else {
        return Err(NotFromWhatsApp::Handshake);
    };
    // Of equal length whatever was sent.
    let digest_of = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    let same =
        constant_time::verify_slices_are_equal(digest_of(token).as_ref(), digest_of(agreed.expose_secret()).as_ref());
    let is_plain = challenge.len() <= 256 && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if same.is_ok() && is_plain && !agreed.expose_secret().is_empty() {
        Ok(challenge.to_owned())
    } else {
        Err(NotFromWhatsApp::Handshake)
    }
}

/// Checks `X-Hub-Signature-256` (`sha256=` and the hexadecimal HMAC-SHA256 of the raw body with the app's secret), in constant
/// time. Of several secrets, as while one is replaced, any may have signed.
///
/// # Errors
/// [`NotFromWhatsApp::Signature`].
pub fn check_signature(header: Option<&str>, body: &[u8], app_secrets: &[SecretString]) -> Result<(), NotFromWhatsApp> {
    let signature = header
        .and_then(|header| header.trim().strip_prefix("sha256="))
        .and_then(bytes_of_hex)
        .ok_or(NotFromWhatsApp::Signature)?;
    let is_signed = app_secrets
        .iter()
        .filter(|secret| !secret.expose_secret().is_empty())
        .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()))
        .any(|key| hmac::verify(&key, body, &signature).is_ok());
    if is_signed {
        Ok(())
    } else {
        Err(NotFromWhatsApp::Signature)
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_needs_the_agreed_word() {
        let agreed: SecretString = "our-word".into();
        let shake = |mode, token, challenge| handshake(mode, token, challenge, &agreed);
        assert_eq!(
            shake(Some("subscribe"), Some("our-word"), Some("1158201444")),
            Ok("1158201444".to_owned())
        );
        for (mode, token, challenge) in [
            (Some("subscribe"), Some("other-word"), Some("1")),
            (Some("unsubscribe"), Some("our-word"), Some("1")),
            (Some("subscribe"), None, Some("1")),
            (Some("subscribe"), Some("our-word"), None),
            (Some("subscribe"), Some("our-word"), Some("<script>")),
        ] {
            assert_eq!(shake(mode, token, challenge), Err(NotFromWhatsApp::Handshake));
        }
        assert!(handshake(Some("subscribe"), Some(""), Some("1"), &"".into()).is_err());
    }

    #[test]
    fn a_signature_is_of_the_body_and_the_secret() {
        let secrets: [SecretString; 2] = ["new".into(), "old".into()];
        let sign = |secret: &str, body: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let hex: String = hmac::sign(&key, body)
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("sha256={hex}")
        };
        for secret in ["new", "old"] {
            assert_eq!(check_signature(Some(&sign(secret, b"{}")), b"{}", &secrets), Ok(()));
        }
        for header in [
            Some(sign("other", b"{}")),
            Some(sign("new", b"{ }")),
            Some("sha256=".to_owned()),
            Some("sha256=zz".to_owned()),
            Some("sha256=abc".to_owned()),
            Some(sign("new", b"{}").replace("sha256", "sha1")),
            None,
        ] {
            let checked = check_signature(header.as_deref(), b"{}", &secrets);
            assert_eq!(checked, Err(NotFromWhatsApp::Signature), "{header:?}");
        }
        assert!(check_signature(Some(&sign("", b"{}")), b"{}", &["".into()]).is_err());
    }
}
