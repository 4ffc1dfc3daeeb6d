//! What an access token must be, and what is refused.

use super::*;
use crate::signing_keys::tests::{inline, pem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use kernel::ManualClock;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

fn config() -> TokenConfig {
    TokenConfig {
        issuer: "https://clinic.example".to_owned(),
        audience: "taskmed".to_owned(),
        access_lifetime: TimeDelta::minutes(15),
        session_lifetime: TimeDelta::days(30),
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-20T12:00:00Z".parse().unwrap()))
}

fn tokens(clock: &Arc<ManualClock>) -> AccessTokens {
    AccessTokens::new(
        Arc::new(inline(&pem(&[1; 32])).unwrap()),
        config(),
        Arc::<ManualClock>::clone(clock),
    )
}

fn subject() -> AccessSubject {
    AccessSubject {
        user: UserId::from_uuid(Uuid::from_u128(1)),
        clinic: ClinicId::from_uuid(Uuid::from_u128(2)),
        membership: MembershipId::from_uuid(Uuid::from_u128(3)),
        session: SessionId::from_uuid(Uuid::from_u128(4)),
    }
}

fn issue(tokens: &AccessTokens) -> String {
    tokens.issue(&subject()).unwrap().token.expose_secret().to_owned()
}

/// The claims of a good token, changed by `change`, signed with the key and header given.
fn forge(tokens: &AccessTokens, header: &Header, key: &EncodingKey, change: impl FnOnce(&mut Value)) -> String {
    let token = issue(tokens);
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let mut claims: Value = serde_json::from_slice(&payload).unwrap();
    change(&mut claims);
    jsonwebtoken::encode(header, &claims, key).unwrap()
}

/// As `forge`, signed with our own key: what a bug of ours could make.
fn resign(tokens: &AccessTokens, change: impl FnOnce(&mut Value)) -> Result<AccessClaims, TokenError> {
    let keys = tokens.keys().current();
    let (key, id) = keys.signer();
    let header = Header {
        kid: Some(id.to_owned()),
        ..Header::new(Algorithm::EdDSA)
    };
    tokens.verify(&forge(tokens, &header, key, change))
}

#[test]
fn a_token_is_good_for_its_fifteen_minutes() {
    let clock = clock();
    let tokens = tokens(&clock);
    let token = issue(&tokens);
    assert_eq!(tokens.verify(&token).unwrap().subject, subject());
    assert_ne!(issue(&tokens), token, "two tokens of one second differ");
    clock.advance(TimeDelta::minutes(15) - TimeDelta::microseconds(1));
    assert_eq!(
        tokens.verify(&token).unwrap().expires_at.to_string(),
        "2026-11-20T12:15:00Z"
    );
    clock.advance(TimeDelta::microseconds(1));
    assert_eq!(tokens.verify(&token), Err(TokenError::Expired));
}

#[test]
fn a_clock_may_lag_a_little_only() {
    let clock = clock();
    let tokens = tokens(&clock);
    let token = issue(&tokens);
    clock.advance(-LEEWAY);
    assert!(tokens.verify(&token).is_ok());
    clock.advance(TimeDelta::microseconds(-1));
    assert_eq!(tokens.verify(&token), Err(TokenError::NotYetValid));
}

#[test]
fn swapped_parts_are_refused() {
    let tokens = tokens(&clock());
    let token = issue(&tokens);
    let other = tokens
        .issue(&AccessSubject {
            clinic: ClinicId::from_uuid(Uuid::from_u128(9)),
            ..subject()
        })
        .unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let other: Vec<&str> = other.token.expose_secret().split('.').collect();
    assert_eq!(
        tokens.verify(&[parts[0], other[1], parts[2]].join(".")),
        Err(TokenError::NotOurs)
    );
    assert_eq!(
        tokens.verify(&[parts[0], parts[1], other[2]].join(".")),
        Err(TokenError::NotOurs)
    );
    assert_eq!(
        tokens.verify(&[parts[0], parts[1], ""].join(".")),
        Err(TokenError::NotOurs)
    );
}

#[test]
fn an_unsigned_token_is_refused() {
    let tokens = tokens(&clock());
    let token = issue(&tokens);
    let payload = token.split('.').nth(1).unwrap();
    for algorithm in ["none", "None", "NONE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string());
        assert_eq!(
            tokens.verify(&format!("{header}.{payload}.")),
            Err(TokenError::Malformed)
        );
    }
}

#[test]
fn other_keys_and_algorithms_are_refused() {
    let tokens = tokens(&clock());
    let keys = tokens.keys().current();
    let own_id = keys.signer().1.to_owned();
    let stranger = inline(&pem(&[2; 32])).unwrap().current();
    let (other_key, other_id) = stranger.signer();
    let with_id = |algorithm, id: Option<&str>| Header {
        kid: id.map(str::to_owned),
        ..Header::new(algorithm)
    };
    let refused = |header: &Header, key: &EncodingKey| tokens.verify(&forge(&tokens, header, key, |_| ()));

    assert_eq!(
        refused(&with_id(Algorithm::EdDSA, Some(other_id)), other_key),
        Err(TokenError::NotOurs)
    );
    assert_eq!(
        refused(&with_id(Algorithm::EdDSA, Some(&own_id)), other_key),
        Err(TokenError::NotOurs)
    );
    assert_eq!(
        refused(&with_id(Algorithm::EdDSA, None), keys.signer().0),
        Err(TokenError::NotOurs)
    );
    // The public key taken for a shared secret: the classic confusion of algorithms.
    let public = URL_SAFE_NO_PAD.decode(&keys.jwks().keys[0].x).unwrap();
    let shared = EncodingKey::from_secret(&public);
    assert_eq!(
        refused(&with_id(Algorithm::HS256, Some(&own_id)), &shared),
        Err(TokenError::NotOurs)
    );
}

#[test]
fn every_claim_is_needed_and_checked() {
    let tokens = tokens(&clock());
    assert!(resign(&tokens, |_| ()).is_ok());
    for name in ["iss", "aud", "sub", "cid", "mid", "sid", "iat", "nbf", "exp", "jti"] {
        assert!(
            resign(&tokens, |claims| drop(claims.as_object_mut().unwrap().remove(name))).is_err(),
            "{name}"
        );
        assert!(resign(&tokens, |claims| claims[name] = json!(true)).is_err(), "{name}");
    }
    assert_eq!(
        resign(&tokens, |claims| claims["iss"] = json!("https://other.example")),
        Err(TokenError::NotOurs)
    );
    assert_eq!(
        resign(&tokens, |claims| claims["aud"] = json!("other")),
        Err(TokenError::NotOurs)
    );
    assert_eq!(
        resign(&tokens, |claims| claims["exp"] = json!(0)),
        Err(TokenError::Expired)
    );
    assert_eq!(
        resign(&tokens, |claims| claims["exp"] = json!(i64::MAX)),
        Err(TokenError::Malformed)
    );
    assert_eq!(
        resign(&tokens, |claims| claims["nbf"] = json!(4_000_000_000_i64)),
        Err(TokenError::NotYetValid)
    );
}

#[test]
fn anything_else_is_malformed() {
    let tokens = tokens(&clock());
    let long = "a".repeat(LONGEST + 1);
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        "tm_live_1_2",
        "Bearer x",
        "\u{0}",
        "é.é.é",
        long.as_str(),
    ] {
        assert_eq!(tokens.verify(text), Err(TokenError::Malformed), "{text}");
    }
}
