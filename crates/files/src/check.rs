//! Whether files can be kept at all, asked before anything is.

use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutPayload};
use uuid::Uuid;

use crate::config::FilesConfig;
use crate::store::Files;

/// Why files cannot be kept where the settings say. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The folder is there and cannot be written to.
    #[error(
        "files cannot be written in {place}: {cause}; give the server's user this folder, or set TASKMED_FILES_DIR to another"
    )]
    Folder {
        /// Which folder.
        place: String,
        /// What the system said.
        cause: Error,
    },
    /// There is no such bucket.
    #[error(
        "there is no bucket {bucket} at {endpoint}: make it, or correct TASKMED_FILES_BUCKET, TASKMED_FILES_BUCKET_REGION and \
         TASKMED_FILES_BUCKET_ENDPOINT"
    )]
    NoBucket {
        /// Its name.
        bucket: String,
        /// Where it was looked for.
        endpoint: String,
    },
    /// The key is unknown, or may not do what is needed.
    #[error(
        "the bucket {bucket} refuses the key {access_key_id}: correct TASKMED_FILES_BUCKET_ACCESS_KEY_ID and \
         TASKMED_FILES_BUCKET_SECRET_ACCESS_KEY, and let the key put, get, delete and list objects (the store said: {cause})"
    )]
    Refused {
        /// The bucket.
        bucket: String,
        /// The id of the key.
        access_key_id: String,
        /// What the store said.
        cause: Error,
    },
    /// It cannot be reached or does not work just now, which may pass.
    #[error("the bucket {bucket} does not answer as it should: {cause}")]
    Unavailable {
        /// The bucket.
        bucket: String,
        /// What went wrong.
        cause: Error,
    },
}

impl Files {
    /// Lists, writes and removes a file that says nothing, where `config` says, from which the files were opened.
    ///
    /// # Errors
    /// [`CheckError`]. All but [`CheckError::Unavailable`] need somebody to mend them.
    pub async fn check(&self, config: &FilesConfig) -> Result<(), CheckError> {
        #[expect(clippy::disallowed_methods, reason = "a name for a probe, not for a row")]
        let probe = Path::from_iter(["checks", &Uuid::new_v4().to_string()]);
        let tried = async {
            // Listed first: there are stores that make a bucket of whatever is put into it.
            let _some = self.store.list(Some(&Path::from("checks"))).next().await.transpose()?;
            self.store.put(&probe, PutPayload::from_static(b"taskmed")).await?;
            self.store.delete(&probe).await
        };
        tried.await.map_err(|cause| match config {
            FilesConfig::Folder(folder) => CheckError::Folder {
                place: folder.display().to_string(),
                cause,
            },
            FilesConfig::Bucket(bucket) => {
                let (name, endpoint) = (bucket.name.clone(), bucket.endpoint.clone());
                match judge(&cause) {
                    Judged::NoBucket => CheckError::NoBucket {
                        bucket: name,
                        endpoint: endpoint.unwrap_or_else(|| format!("Amazon S3 in {}", bucket.region)),
                    },
                    Judged::Refused => CheckError::Refused {
                        bucket: name,
                        access_key_id: bucket.access_key_id.clone(),
                        cause,
                    },
                    Judged::Unavailable => CheckError::Unavailable { bucket: name, cause },
                }
            }
        })
    }
}

/// What stands in the way.
enum Judged {
    NoBucket,
    Refused,
    Unavailable,
}

fn judge(cause: &Error) -> Judged {
    match cause {
        Error::NotFound { .. } => Judged::NoBucket,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Judged::Refused,
        // Of a list that was refused only the text tells why: S3's own words, and HTTP's.
        other => {
            let told = chain(other);
            if told.contains("NoSuchBucket") {
                Judged::NoBucket
            } else if ["status code: 401", "status code: 403"]
                .iter()
                .any(|status| told.contains(status))
            {
                Judged::Refused
            } else {
                Judged::Unavailable
            }
        }
    }
}

/// What an error and its causes say.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
