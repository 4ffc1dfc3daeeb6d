//! Files: uploaded before they are sent, and fetched in two steps after they came.

use bytes::Bytes;
use fetch::{FetchError, Fetcher, HeaderMap, HeaderValue, Limits, Request, Target, Wanted, header};
use futures_util::{Stream, stream};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::client::{Client, judged};
use crate::error::SendError;

const NOT_THERE: &str = "the file lies at no address that may be called";

/// The longest id of a file that is asked for; real ones have about 20 digits.
const MAX_ID: usize = 128;

/// Where a file that came lies, for five minutes.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct MediaInfo {
    url: String,
    /// Its media type, as the sender's phone said.
    #[serde(default)]
    pub mime_type: String,
    /// The SHA-256 of its content, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
    /// Its size in bytes.
    #[serde(default)]
    pub file_size: u64,
}

/// A file that came, on its way.
pub struct Media {
    /// Its media type, as the sender's phone said.
    pub content_type: String,
    /// The SHA-256 that was announced, in hexadecimal; empty where none was.
    pub sha256: String,
    response: Response,
}

impl Media {
    /// Whether what came has the content that was announced, by its SHA-256.
    #[must_use]
    pub fn is_whole(&self, sha256: &[u8]) -> bool {
        let hexadecimal: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        self.sha256.is_empty() || self.sha256.eq_ignore_ascii_case(&hexadecimal)
    }

    /// What comes, in order. An error means that it is not all; fetching again does no harm.
    pub fn chunks(&mut self) -> impl Stream<Item = Result<Bytes, SendError>> + Send {
        stream::unfold(Some(&mut self.response), async |response| {
            let response = response?;
            match response.chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(response))),
                Ok(None) => None,
                Err(_lost) => Some((Err(SendError::later("the connection was lost within the file")), None)),
            }
        })
    }
}

#[derive(Deserialize)]
struct Uploaded {
    id: String,
}

impl Client {
    /// Uploads a file, and gives its id for [`MediaSource::Uploaded`](crate::MediaSource). WhatsApp keeps it for 30 days.
    ///
    /// # Errors
    /// [`SendError`]; uploading again does no harm.
    pub async fn upload(&self, name: &str, content_type: &str, bytes: Bytes) -> Result<String, SendError> {
        let part = Part::stream(bytes)
            .file_name(name.to_owned())
            .mime_str(content_type)
            .or(Err(SendError::rejected("the file has no media type")))?;
        let form = Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", content_type.to_owned())
            .part("file", part);
        let number = self.settings.phone_number_id.as_str();
        let request = self.call(Method::POST, &[number, "media"])?.multipart(form);
        let uploaded: Uploaded = self.answer(request).await?;
        Ok(uploaded.id)
    }

    /// Says where a file that came lies. Fetch it at once: the address is good for five minutes.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn media_info(&self, media_id: &str) -> Result<MediaInfo, SendError> {
        let is_id = (1..=MAX_ID).contains(&media_id.len()) && media_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id {
            return Err(SendError::rejected("this is no id of a file"));
        }
        let request = self.call(Method::GET, &[media_id])?;
        let request = request.query(&[("phone_number_id", self.settings.phone_number_id.as_str())]);
        self.answer(request).await
    }

    /// Fetches a file that came, from where `fetcher` may go (where it lies, an answer says), when it is said to have at most `most` bytes. How many it has is for the reader to see, and whether
    /// they are [the right ones](Media::is_whole).
    ///
    /// # Errors
    /// [`SendError`]: rejected when it is too large.
    pub async fn download(&self, media_id: &str, most: u64, fetcher: &Fetcher) -> Result<Media, SendError> {
        let info = self.media_info(media_id).await?;
        if info.file_size > most {
            return Err(SendError::rejected("the file is too large"));
        }
        Ok(Media {
            content_type: info.mime_type,
            sha256: info.sha256,
            response: self.content(&info.url, fetcher).await?,
        })
    }

    /// What lies at `url`. The token goes along, but not to where a redirect leads, since none is followed.
    async fn content(&self, url: &str, fetcher: &Fetcher) -> Result<Response, SendError> {
        let target = Target::parse(url, fetcher.allowed()).or(Err(SendError::rejected(NOT_THERE)))?;
        let mut token = HeaderValue::try_from(format!("Bearer {}", self.settings.access_token.expose_secret()))
            .or(Err(SendError::rejected("the access token is none")))?;
        token.set_sensitive(true);
        let request = Request {
            method: Method::GET,
            target,
            headers: HeaderMap::from_iter([(header::AUTHORIZATION, token)]),
            body: Bytes::new(),
            limits: Limits {
                time: self.settings.timeout,
                bytes: 0,
                wanted: Wanted::Whole,
                redirects: 0,
            },
        };
        let response = fetcher.open(request).await.map_err(|error| match error {
            FetchError::NotPublic => SendError::rejected(NOT_THERE),
            other => SendError::later(&other.to_string()),
        })?;
        judged(response).await
    }
}
