//! Files: uploaded before they are sent, and fetched in two steps after they came.

use bytes::Bytes;
use fetch::{FetchError, Fetcher, HeaderMap, HeaderValue, Limits, Request, Target, Wanted, header};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::client::Client;
use crate::error::{SendError, retry_after};

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

/// A file that came.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// Its media type, as the sender's phone said.
    pub content_type: String,
    /// Its content.
    pub bytes: Bytes,
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

    /// Fetches a file that came, when it has at most `most` bytes. Where it lies, an answer says: `fetcher` goes only where it
    /// may.
    ///
    /// # Errors
    /// [`SendError`]: rejected when it is too large, or lies where nothing is fetched from.
    pub async fn download(&self, media_id: &str, most: usize, fetcher: &Fetcher) -> Result<Media, SendError> {
        let info = self.media_info(media_id).await?;
        if usize::try_from(info.file_size).unwrap_or(usize::MAX) > most {
            return Err(SendError::rejected("the file is too large"));
        }
        let bytes = self.content(&info.url, most, fetcher).await?;
        if !info.sha256.is_empty() && !info.sha256.eq_ignore_ascii_case(&sha256(&bytes)) {
            return Err(SendError::later("the file came incomplete"));
        }
        Ok(Media {
            content_type: info.mime_type,
            bytes,
        })
    }

    /// What lies at `url`. The token goes along, but not to where a redirect leads, since none is followed.
    async fn content(&self, url: &str, most: usize, fetcher: &Fetcher) -> Result<Bytes, SendError> {
        let target = Target::parse(url, fetcher.allowed()).or(Err(SendError::rejected(
            "the file lies at no address that may be called",
        )))?;
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
                bytes: most,
                wanted: Wanted::Whole,
                redirects: 0,
            },
        };
        let answer = fetcher.send(request).await.map_err(|error| match error {
            FetchError::NotPublic => SendError::rejected("the file lies at no address that may be called"),
            FetchError::TooLarge => SendError::rejected("the file is too large"),
            other => SendError::later(&other.to_string()),
        })?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        let pause = answer.headers.get(header::RETRY_AFTER);
        let pause = retry_after(pause.and_then(|value| value.to_str().ok()));
        Err(SendError::of_answer(answer.status, pause, &answer.body))
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
