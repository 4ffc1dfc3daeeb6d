//! Calls of the API.

use bytes::Bytes;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use crate::error::{SendError, retry_after};
use crate::outgoing::{InvalidMessage, OutgoingMessage};
use crate::person::{UserId, phone_of_wa_id};
use crate::settings::{InvalidSettings, WhatsAppSettings};

/// The longest answer that is read; real ones have less than a thousandth.
const MAX_ANSWER: usize = 1 << 20;

/// Speaks for one business number. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) settings: WhatsAppSettings,
    pub(crate) http: reqwest::Client,
}

/// WhatsApp has taken the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// WhatsApp's id of the message, by which statuses name it.
    pub id: String,
    /// The number that WhatsApp has for the recipient.
    pub phone: Option<kernel::phone::PhoneNumber>,
    /// The recipient's id towards the business.
    pub user_id: Option<UserId>,
    /// Whether WhatsApp holds the message back to look at its quality first (`held_for_quality_assessment`).
    pub is_held: bool,
}

#[derive(Deserialize)]
struct SendAnswer {
    #[serde(default)]
    contacts: Vec<AnswerContact>,
    messages: Vec<AnswerMessage>,
}

#[derive(Deserialize)]
struct AnswerContact {
    #[serde(default)]
    wa_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct AnswerMessage {
    id: String,
    #[serde(default)]
    message_status: Option<String>,
}

impl From<InvalidMessage> for SendError {
    fn from(cause: InvalidMessage) -> Self {
        Self::rejected(&cause.to_string())
    }
}

impl Client {
    /// A client for the number of `settings`. Connects when there is something to send; follows no redirects.
    ///
    /// # Errors
    /// [`InvalidSettings`] when a client for HTTPS cannot be made.
    pub fn new(settings: WhatsAppSettings) -> Result<Self, InvalidSettings> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(std::time::Duration::from_secs(10)))
            // The server may have closed a kept connection just now, and then nobody knows whether it took what was sent.
            .pool_idle_timeout(std::time::Duration::from_secs(20))
            .retry(reqwest::retry::never())
            .user_agent("taskmed")
            .build()
            .or(Err(InvalidSettings::Client))?;
        Ok(Self { settings, http })
    }

    /// A client for another number of the same API, over the same connections.
    ///
    /// # Errors
    /// [`InvalidSettings::PhoneNumberId`].
    pub fn speaking_for(
        &self,
        phone_number_id: &str,
        access_token: secrecy::SecretString,
    ) -> Result<Self, InvalidSettings> {
        let WhatsAppSettings {
            base, version, timeout, ..
        } = self.settings.clone();
        let settings = WhatsAppSettings::new(phone_number_id, access_token)?;
        Ok(Self {
            settings: WhatsAppSettings {
                base,
                version,
                timeout,
                ..settings
            },
            http: self.http.clone(),
        })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError`] tells whether to give up, come again, or wait for a status.
    pub async fn send(&self, message: &OutgoingMessage) -> Result<Accepted, SendError> {
        let body = message.body()?;
        let number = self.settings.phone_number_id.as_str();
        let request = self.call(Method::POST, &[number, "messages"])?.json(&body);
        let answer: SendAnswer = self.answer(request).await.map_err(SendError::of_message)?;
        let message = answer
            .messages
            .into_iter()
            .next()
            .ok_or_else(|| SendError::unknown("the answer names no message"))?;
        let contact = answer.contacts.into_iter().next();
        let (wa_id, user_id) = contact.map_or((None, None), |contact| (contact.wa_id, contact.user_id));
        Ok(Accepted {
            id: message.id,
            phone: wa_id.as_deref().and_then(phone_of_wa_id),
            user_id: user_id.and_then(|id| UserId::try_from(id).ok()),
            is_held: message.message_status.as_deref() == Some("held_for_quality_assessment"),
        })
    }

    /// Shows the person that a message of theirs was read, and those before it.
    ///
    /// # Errors
    /// [`SendError`]; doing it again does no harm.
    pub async fn mark_read(&self, message_id: &str) -> Result<(), SendError> {
        let body = json!({"messaging_product": "whatsapp", "status": "read", "message_id": message_id});
        let number = self.settings.phone_number_id.as_str();
        let request = self.call(Method::POST, &[number, "messages"])?.json(&body);
        let _done: serde_json::Value = self.answer(request).await?;
        Ok(())
    }

    /// A call of the API at `path`.
    pub(crate) fn call(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, SendError> {
        let url = self
            .settings
            .address(path)
            .ok_or_else(|| SendError::rejected("the address of the API cannot be made"))?;
        Ok(self.signed(method, url))
    }

    fn signed(&self, method: Method, url: Url) -> RequestBuilder {
        self.http
            .request(method, url)
            .bearer_auth(self.settings.access_token.expose_secret())
    }

    /// The answer to `request`, when it is a success.
    pub(crate) async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, SendError> {
        let response = successful(request).await?;
        let body = bounded(response, MAX_ANSWER).await?;
        serde_json::from_slice(&body).or(Err(SendError::unknown(
            "the answer has another form than is documented",
        )))
    }
}

/// Sends `request`; an answer that is no success becomes its error.
async fn successful(request: RequestBuilder) -> Result<Response, SendError> {
    let response = match request.send().await {
        Ok(response) => response,
        // Nothing left this machine, so that nothing can have been taken.
        Err(error) if error.is_connect() || error.is_builder() => {
            return Err(SendError::later("WhatsApp cannot be reached"));
        }
        Err(error) if error.is_timeout() => return Err(SendError::unknown("no answer came in time")),
        Err(_lost) => return Err(SendError::unknown("the connection was lost")),
    };
    judged(response).await
}

/// An answer, if it is not an error.
pub(crate) async fn judged(response: Response) -> Result<Response, SendError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let pause = retry_after(
        response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()),
    );
    let body = bounded(response, MAX_ANSWER).await.unwrap_or_default();
    Err(SendError::of_answer(status.as_u16(), pause, &body))
}

/// The body of an answer, if it is no longer than `most`.
async fn bounded(mut response: Response, most: usize) -> Result<Bytes, SendError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len().saturating_add(chunk.len()) <= most => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(SendError::unknown("the answer is too long")),
            Ok(None) => return Ok(body.into()),
            Err(_lost) => return Err(SendError::unknown("the connection was lost within the answer")),
        }
    }
}
