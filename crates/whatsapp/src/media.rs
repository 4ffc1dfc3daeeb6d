//! Files: uploaded before they are sent, and fetched in two steps after they came.

use bytes::Bytes;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use url::Url;

use crate::client::{Client, bounded, successful};
use crate::error::SendError;
use crate::settings::is_safe;

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

    /// Fetches a file that came, when it has at most `most` bytes.
    ///
    /// # Errors
    /// [`SendError`]: rejected when it is too large, or does not have the content that was announced.
    pub async fn download(&self, media_id: &str, most: usize) -> Result<Media, SendError> {
        let info = self.media_info(media_id).await?;
        if usize::try_from(info.file_size).unwrap_or(usize::MAX) > most {
            return Err(SendError::rejected("the file is too large"));
        }
        // The token goes along, so not to anywhere.
        let url = Url::parse(&info.url)
            .ok()
            .filter(is_safe)
            .ok_or_else(|| SendError::rejected("the file lies at no safe address"))?;
        let response = successful(self.signed(Method::GET, url)).await?;
        let bytes = bounded(response, most).await?;
        if !info.sha256.is_empty() && !info.sha256.eq_ignore_ascii_case(&sha256(&bytes)) {
            return Err(SendError::later("the file came incomplete"));
        }
        Ok(Media {
            content_type: info.mime_type,
            bytes,
        })
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
