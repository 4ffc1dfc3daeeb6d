//! Tokens that nobody was given: malformed, forged, expired, of another key, of another clinic.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::PermissionSet;
use test_support::{Role, keys, world};

use super::*;

/// The parts of a token: header and claims as JSON, and the signature as it is.
fn taken_apart(token: &str) -> (Value, Value, String) {
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (json(parts[0]), json(parts[1]), parts[2].to_owned())
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token of `claims`, signed with the key made of `byte`, which is ours when it is 7.
fn signed(byte: u8, header: &Header, claims: &Value) -> String {
    let key = EncodingKey::from_ed_pem(keys::signing_key(byte).as_bytes()).unwrap();
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

fn header_of(header: &Value) -> Header {
    Header {
        kid: header["kid"].as_str().map(str::to_owned),
        ..Header::new(Algorithm::EdDSA)
    }
}

/// `claims` with `name` set to `value`.
fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut changed = claims.clone();
    changed[name] = value.into();
    changed
}

#[tokio::test]
async fn tokens_that_were_not_issued_here() {
    let Some(app) = TestApp::start().await else { return };
    let good = app.actor("reception@aurora").token().to_owned();
    let (header, claims, signature) = taken_apart(&good);
    let (aurora, horizonte) = (
        world::clinic("aurora").to_string(),
        world::clinic("horizonte").to_string(),
    );
    assert_eq!(claims["cid"], aurora);
    app.api
        .bearer(signed(7, &header_of(&header), &claims))
        .get("/v1/me")
        .await
        .assert_status(200);

    let jwks = app.api.nobody().get("/.well-known/jwks.json").await.expect_status(200);
    let public_key = URL_SAFE_NO_PAD
        .decode(jwks.body["keys"][0]["x"].as_str().unwrap())
        .unwrap();
    let by_public_key = {
        let header = Header {
            kid: header["kid"].as_str().map(str::to_owned),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&public_key)).unwrap()
    };
    let none = |alg: &str, signature: &str| {
        let header = json!({"alg": alg, "typ": "JWT", "kid": header["kid"]});
        format!("{}.{}.{signature}", part(&header), part(&claims))
    };
    let embedded_key = {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "jwk": jwks.body["keys"][0], "kid": "mine"});
        format!("{}.{}.{signature}", part(&header), part(&claims))
    };
    let stranger = Header {
        kid: Some("no-such-key".to_owned()),
        ..Header::new(Algorithm::EdDSA)
    };
    let nobodys_session = uuid::Uuid::max().to_string();
    let forged = [
        ("no algorithm", none("none", "")),
        ("no algorithm, with a signature", none("None", &signature)),
        ("the public key as a secret", by_public_key),
        ("a key of its own", embedded_key),
        ("another key under our name", signed(8, &header_of(&header), &claims)),
        ("another key under its own name", signed(8, &stranger, &claims)),
        (
            "our key without a name",
            signed(7, &Header::new(Algorithm::EdDSA), &claims),
        ),
        (
            "another clinic, unsigned",
            format!(
                "{}.{}.{signature}",
                part(&header),
                part(&with(&claims, "cid", horizonte.as_str()))
            ),
        ),
        (
            "another clinic, signed",
            signed(7, &header_of(&header), &with(&claims, "cid", horizonte.as_str())),
        ),
        (
            "another user, signed",
            signed(
                7,
                &header_of(&header),
                &with(&claims, "sub", world::user("owner@aurora").to_string()),
            ),
        ),
        (
            "another place, signed",
            signed(
                7,
                &header_of(&header),
                &with(&claims, "mid", world::membership("owner@aurora").to_string()),
            ),
        ),
        (
            "no session of anybody",
            signed(7, &header_of(&header), &with(&claims, "sid", nobodys_session)),
        ),
        (
            "for somebody else",
            signed(7, &header_of(&header), &with(&claims, "aud", "another")),
        ),
        (
            "from somebody else",
            signed(7, &header_of(&header), &with(&claims, "iss", "another")),
        ),
        (
            "not good yet",
            signed(7, &header_of(&header), &with(&claims, "nbf", 4_000_000_000_i64)),
        ),
        ("a signature cut short", good[..good.len() - 10].to_owned()),
        ("no signature", good[..good.rfind('.').unwrap()].to_owned()),
    ];
    let mut faults = Faults::default();
    for (what, token) in forged {
        let answer = app.api.bearer(token).get("/v1/contacts").await;
        faults.expect(&answer, &[401], || what.to_owned());
        if answer.header("www-authenticate").is_none() {
            faults.0.push(format!("{what}: no WWW-Authenticate: {answer}"));
        }
    }
    faults.assert_none();
}

#[tokio::test]
async fn headers_that_hold_no_token() {
    let Some(app) = TestApp::start().await else { return };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    let long = format!("Bearer {}", "x".repeat(6000));
    let api_key = format!("Bearer tm_live_{}", "0".repeat(100));
    let values: [&[u8]; 12] = [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer  ",
        b"Basic b3duZXI6cGFzc3dvcmQ=",
        b"Bearer a.b.c",
        b"Bearer \xff\xfe",
        b"Bearer eyJhbGciOiJub25lIn0..",
        b"Bearer tm_live_",
        b"tm_live_x",
        long.as_bytes(),
        api_key.as_bytes(),
    ];
    for value in values {
        let answer = nobody
            .call(Method::GET, "/v1/contacts")
            .header("authorization", value)
            .send()
            .await;
        faults.expect(&answer, &[401], || {
            String::from_utf8_lossy(value).chars().take(40).collect()
        });
    }
    faults.assert_none();
}

#[tokio::test]
async fn tokens_whose_time_is_over() {
    let Some(app) = TestApp::start().await else { return };
    let actor = app.actor("reception@aurora");
    actor.get("/v1/contacts").await.assert_status(200);
    app.clock.advance(TimeDelta::minutes(15));
    actor.get("/v1/contacts").await.assert_problem(401, "token_expired");
    app.actor("reception@aurora")
        .get("/v1/contacts")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn sign_ins_and_keys_that_were_ended() {
    let Some(app) = TestApp::start().await else { return };
    let maintenance = app.database.connect(Role::Maintenance).await;
    let endings = [
        (
            "reception@aurora",
            "UPDATE sessions SET ended_at = now(), ended_reason = 'revoked' WHERE id = $1",
            *world::session("reception@aurora").as_uuid(),
        ),
        (
            "billing@aurora",
            "UPDATE memberships SET archived_at = now() WHERE id = $1",
            *world::membership("billing@aurora").as_uuid(),
        ),
        (
            "owner@horizonte",
            "UPDATE clinics SET status = 'suspended' WHERE id = $1",
            *world::clinic("horizonte").as_uuid(),
        ),
    ];
    for (member, ending, id) in endings {
        let actor = app.actor(member);
        actor.get("/v1/me").await.assert_status(200);
        maintenance.execute(ending, &[&id]).await.unwrap();
        app.clock.advance(TimeDelta::seconds(1));
        actor.get("/v1/me").await.assert_problem(401, "signed_out");
    }
    let integration = app
        .integration("aurora", PermissionSet::of(&[kernel::Permission::ContactsRead]))
        .await;
    integration.get("/v1/contacts").await.assert_status(200);
    maintenance
        .execute("UPDATE api_keys SET archived_at = now()", &[])
        .await
        .unwrap();
    app.clock.advance(TimeDelta::seconds(1));
    integration.get("/v1/contacts").await.assert_problem(401, "signed_out");
}

#[tokio::test]
async fn a_key_under_another_clinics_name_opens_nothing() {
    let Some(app) = TestApp::start().await else { return };
    let own = app
        .integration("aurora", PermissionSet::of(&[kernel::Permission::ContactsRead]))
        .await;
    let simple = |clinic: &str| world::clinic(clinic).as_uuid().simple().to_string();
    let swapped = own.token().replace(&simple("aurora"), &simple("horizonte"));
    assert_ne!(swapped, own.token());
    app.api
        .bearer(swapped)
        .get("/v1/contacts")
        .await
        .assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn secrets_in_public_doors() {
    let Some(app) = TestApp::start().await else { return };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    let clinic = world::clinic("aurora").as_uuid().simple().to_string();
    let secret = "A".repeat(43);
    for token in [
        "",
        "x",
        "tmr_",
        &format!("tmr_{clinic}_{secret}"),
        &format!("tmi_{clinic}_{secret}"),
        &"y".repeat(5000),
    ] {
        let refresh = nobody.post("/v1/auth/refresh", json!({"refresh_token": token})).await;
        faults.expect(&refresh, &[401, 422], || format!("refresh with {token:.20}"));
    }
    for token in [
        "x.ics",
        "tmf_.ics",
        &format!("tmf_{clinic}_{secret}.ics"),
        &format!("tmr_{clinic}_{secret}.ics"),
    ] {
        let feed = nobody.get(&format!("/calendar/{token}")).await;
        faults.expect(&feed, &[404], || format!("feed {token:.20}"));
    }
    faults.assert_none();
}
