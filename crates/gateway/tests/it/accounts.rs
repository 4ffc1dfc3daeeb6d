//! Accounts: who signs in and by what, what keeps guessing and thieves out, and how soon a revocation is felt.

mod api_keys;
mod invitations;
mod master_key;
mod passwords;
mod refresh;
mod revocation;
mod sealing;
mod second_factor;
mod sessions;
mod sign_in;
mod signing_keys;

use auth::totp::TotpSecret;
use chrono::TimeDelta;
use kernel::{Clock as _, MembershipId, Role as ClinicRole};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, world};

use crate::app::TestApp;

/// A password that nobody has yet, and that may be chosen.
pub(crate) const NEW_PASSWORD: &str = "quatro cavalos azuis";

/// The e-mail address of a member such as `reception@aurora`.
pub(crate) fn email(member: &str) -> String {
    format!("{member}.example")
}

/// The text at `pointer` in the body.
pub(crate) fn text<'a>(answer: &'a Answer, pointer: &str) -> &'a str {
    let found = answer.body.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer}: {answer}"))
}

/// The pointers of a 422's errors, each with its code.
pub(crate) fn faults(answer: &Answer) -> Vec<(&str, &str)> {
    answer.assert_is_problem();
    let errors = answer.body["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("no errors: {answer}"));
    errors
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect()
}

/// Asserts that the answer is a 422 with this one fault.
#[track_caller]
pub(crate) fn assert_fault(answer: &Answer, pointer: &str, code: &str) {
    answer.assert_status(422);
    assert_eq!(faults(answer), [(pointer, code)], "{answer}");
}

/// `POST /v1/auth/login` with what `body` says.
pub(crate) async fn login_with(app: &TestApp, body: Value) -> Answer {
    app.api.nobody().post("/v1/auth/login", body).await
}

/// Signs a member such as `reception@aurora` in by `password`.
pub(crate) async fn login_by(app: &TestApp, member: &str, password: &str) -> Answer {
    login_with(app, json!({"email": email(member), "password": password})).await
}

/// A member such as `reception@aurora`, who signs in as they should.
pub(crate) async fn login(app: &TestApp, member: &str) -> Answer {
    login_by(app, member, world::PASSWORD).await.expect_status(200)
}

/// Whoever was signed in by `answer`.
pub(crate) fn who(app: &TestApp, answer: &Answer) -> Actor {
    app.api.bearer(text(answer, "/access_token"))
}

/// `POST /v1/auth/refresh` with `token`.
pub(crate) async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.api
        .nobody()
        .post("/v1/auth/refresh", json!({"refresh_token": token}))
        .await
}

/// Moves the clock on.
pub(crate) fn after(app: &TestApp, delta: TimeDelta) {
    app.clock.advance(delta);
}

/// Runs one statement past the server's own rules; says how many rows it touched.
pub(crate) async fn sql(app: &TestApp, statement: &str) -> u64 {
    let maintenance = app.database.connect(Role::Maintenance).await;
    maintenance
        .execute(statement, &[])
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"))
}

/// The rows that `from`, a table and perhaps a condition, has.
pub(crate) async fn count(app: &TestApp, from: &str) -> i64 {
    let maintenance = app.database.connect(Role::Maintenance).await;
    let query = format!("SELECT count(*) FROM {from}");
    maintenance
        .query_one(&query, &[])
        .await
        .unwrap_or_else(|error| panic!("{query}: {error:?}"))
        .get(0)
}

/// Gives `member` a place in the clinic `clinic_key` as well.
pub(crate) async fn works_in_too(app: &TestApp, member: &str, clinic_key: &str, role: ClinicRole) {
    let id = MembershipId::new_at(app.clock.now());
    sql(
        app,
        &format!(
            "INSERT INTO memberships (clinic_id, id, user_id, roles) VALUES ('{}', '{id}', '{}', ARRAY['{role}'])",
            world::clinic(clinic_key),
            world::user(member),
        ),
    )
    .await;
}

/// The secret that an enrolment shows in base32 (RFC 4648).
fn totp_secret(base32: &str) -> TotpSecret {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for letter in base32.bytes() {
        let place = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
            .iter()
            .position(|known| *known == letter);
        bits = (bits << 5) | u32::try_from(place.expect("base32")).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    TotpSecret::from_bytes(&bytes).expect("twenty bytes")
}

/// Somebody with a second factor.
pub(crate) struct Guarded {
    /// Their e-mail address.
    pub(crate) email: String,
    /// The sign-in by which they set it up.
    pub(crate) actor: Actor,
    /// Their codes for when the app is lost.
    pub(crate) recovery_codes: Vec<String>,
    secret: TotpSecret,
}

impl Guarded {
    /// Sets up the second factor of a member such as `reception@aurora`; the code that confirmed it is a step old.
    pub(crate) async fn set_up(app: &TestApp, member: &str) -> Self {
        let actor = app.actor(member);
        let body = json!({"current_password": world::PASSWORD});
        let enrolment = actor.post("/v1/me/totp", body).await.expect_status(200);
        let mut guarded = Self {
            email: email(member),
            actor,
            recovery_codes: Vec::new(),
            secret: totp_secret(text(&enrolment, "/secret")),
        };
        let body = json!({"totp_code": guarded.code(app)});
        let confirmed = guarded.actor.post("/v1/me/totp/confirm", body).await.expect_status(200);
        let codes = confirmed.body["recovery_codes"].as_array().expect("codes");
        guarded.recovery_codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        after(app, TimeDelta::seconds(30));
        guarded
    }

    /// What the app shows now.
    pub(crate) fn code(&self, app: &TestApp) -> String {
        self.secret
            .code_at(app.clock.now())
            .expect("a time after 1970")
            .expose_secret()
            .to_owned()
    }

    /// A code that the app shows neither now nor a step before or after.
    pub(crate) fn wrong_code(&self, app: &TestApp) -> String {
        let shown: Vec<String> = [-30, 0, 30]
            .into_iter()
            .map(|seconds| app.clock.now().saturating_add(TimeDelta::seconds(seconds)))
            .map(|moment| self.secret.code_at(moment).unwrap().expose_secret().to_owned())
            .collect();
        let others = (0..4).map(|number| format!("{number:06}"));
        others
            .into_iter()
            .find(|code| !shown.contains(code))
            .expect("three codes are shown, four are tried")
    }

    /// Signs in with `code`.
    pub(crate) async fn login(&self, app: &TestApp, code: &str) -> Answer {
        login_with(
            app,
            json!({"email": self.email, "password": world::PASSWORD, "totp_code": code}),
        )
        .await
    }
}
