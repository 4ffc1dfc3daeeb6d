//! A server that behaves as the documentation of the WhatsApp Cloud API says: it checks and takes messages, keeps files, limits
//! rates, fails on command, and posts signed webhooks. A real HTTP server on loopback, one for each test that starts it.

mod answers;
mod server;
mod state;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use self::state::{Rate, State};

/// The version of the API that the server speaks.
pub const VERSION: &str = "v23.0";

/// What the server does with a call instead of answering as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It answers with an HTTP status and no error of its own, as a gateway in front does, perhaps with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// It answers with an error of this code and HTTP status.
    Code(i64, u16),
    /// It cuts the connection, and has taken nothing.
    Drop,
    /// It takes the message, and then cuts the connection.
    DropAfterTaking,
    /// It takes the message, and answers after so long.
    Slow(Duration),
}

/// The server. Gone when dropped.
#[derive(Debug)]
pub struct WhatsAppServer {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    handle: actix_web::dev::ServerHandle,
    client: reqwest::Client,
}

impl WhatsAppServer {
    /// Starts a server with one business number, and nobody who has written yet.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (address, handle) = server::start(&state);
        Self {
            address,
            state,
            handle,
            client: webhooks::client(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked with the state")
    }

    /// Where the API is.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The id of the business number.
    #[must_use]
    pub const fn phone_number_id(&self) -> &'static str {
        state::PHONE_NUMBER_ID
    }

    /// The token that the server takes.
    #[must_use]
    pub fn token(&self) -> String {
        self.state().token.clone()
    }

    /// Has the server take another token from now on, as when the old one has expired.
    pub fn replace_token(&self, token: &str) {
        token.clone_into(&mut self.state().token);
    }

    /// The secret that webhooks are signed with.
    #[must_use]
    pub const fn app_secret(&self) -> &'static str {
        state::APP_SECRET
    }

    /// Has WhatsApp approve a template with so many blanks in its body.
    pub fn approve(&self, name: &str, language: &str, blanks: usize) {
        self.state()
            .templates
            .insert((name.to_owned(), language.to_owned()), blanks);
    }

    /// Opens the 24 hours of a person, by the digits of their number or by their id, as if they had written.
    pub fn open_window(&self, person: &str) {
        self.state().open_windows.insert(person.to_owned());
    }

    /// Ends the 24 hours of a person.
    pub fn close_window(&self, person: &str) {
        self.state().open_windows.remove(person);
    }

    /// Has a number be one without WhatsApp.
    pub fn remove_person(&self, person: &str) {
        self.state().unknown.insert(person.to_owned());
    }

    /// Lets so many messages pass in each `window`, and refuses others with 130429.
    pub fn limit(&self, most: usize, window: Duration) {
        self.state().rate = Some(Rate { most, window });
    }

    /// Lets so many messages pass to one person in each `window`, and refuses others with 131056.
    pub fn limit_pair(&self, most: usize, window: Duration) {
        self.state().pair_rate = Some(Rate { most, window });
    }

    /// Has the next `count` messages fail.
    pub fn fail_next(&self, count: usize, failure: &Failure) {
        let mut state = self.state();
        state.failures.extend(std::iter::repeat_n(failure.clone(), count));
    }

    /// Has the next `count` marks of a message as read fail.
    pub fn fail_next_marks(&self, count: usize, failure: &Failure) {
        let mut state = self.state();
        state.mark_failures.extend(std::iter::repeat_n(failure.clone(), count));
    }

    /// The messages that were taken, as they were sent, each with the id that it got (`wamid`).
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        self.state().taken.clone()
    }

    /// The ids of messages that were marked as read.
    #[must_use]
    pub fn marked_read(&self) -> Vec<String> {
        self.state().marked_read.clone()
    }

    /// Keeps a file, as if a person had sent it, and gives its id.
    pub fn keep_media(&self, content_type: &str, bytes: &[u8]) -> String {
        self.state().keep_media(content_type, bytes)
    }

    /// A file that is kept: its type and content.
    #[must_use]
    pub fn media(&self, id: &str) -> Option<(String, Vec<u8>)> {
        self.state().media.get(id).cloned()
    }

    /// Has the server serve a spoilt file as it is again.
    pub fn mend_media(&self, id: &str) {
        self.state().spoiled.remove(id);
    }

    /// Has the server serve a file that is not what it announced.
    pub fn spoil_media(&self, id: &str) {
        self.state().spoiled.insert(id.to_owned());
    }

    /// Posts `payload` to `url` as WhatsApp does, signed, and gives the HTTP status of the answer.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn post(&self, url: &str, payload: &Value) -> u16 {
        webhooks::post(&self.client, url, payload, state::APP_SECRET).await
    }

    /// Asks `url` for the handshake with `verify_token`, and gives the challenge that was sent and the answer.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn shake_hands(&self, url: &str, verify_token: &str) -> (String, u16, String) {
        webhooks::shake_hands(&self.client, url, verify_token).await
    }

    /// The webhook of a message: a person (digits of a number) with a name wrote `content`, such as
    /// `{"type": "text", "text": {"body": "Oi"}}`, at a second since 1970. Opens their 24 hours.
    #[must_use]
    pub fn message(&self, from: &str, name: &str, id: &str, second: i64, content: &Value) -> Value {
        self.open_window(from);
        webhooks::message(from, name, id, second, content)
    }

    /// The webhook of a message of a person who keeps their number to themselves: by id, with a username.
    #[must_use]
    pub fn message_of_user(&self, user_id: &str, username: &str, id: &str, second: i64, content: &Value) -> Value {
        self.open_window(user_id);
        webhooks::message_of_user(user_id, username, id, second, content)
    }

    /// The webhook of a status (`sent`, `delivered`, `read`, `failed`) of a message that was taken, by its id.
    ///
    /// # Panics
    /// When no such message was taken.
    #[must_use]
    pub fn status(&self, wamid: &str, status: &str, second: i64, error_code: Option<i64>) -> Value {
        let state = self.state();
        let message = state
            .taken
            .iter()
            .find(|message| message.get("wamid").and_then(Value::as_str) == Some(wamid))
            .expect("the message was taken");
        webhooks::status(message, status, second, error_code)
    }
}

impl Drop for WhatsAppServer {
    fn drop(&mut self) {
        // Polled once, it has told the server.
        let stopping = self.handle.stop(false);
        drop(stopping);
    }
}
