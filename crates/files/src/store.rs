//! The store itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, pin_mut};
use kernel::{ClinicId, Timestamp};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::config::{BucketConfig, FilesConfig};
use crate::key::{self, FileKey};
use crate::writing::Writing;

/// How much of a file's beginning is given back, for telling what kind of file it is.
const HEAD_BYTES: usize = 8192;

/// How long a bucket may take to be connected to, and to say the next thing.
const CONNECTING: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_secs(20);

/// How often, and for how long, a call of a bucket is made again before whoever waits is told: less than the shortest deadline that
/// is usual for a request.
const RETRIES: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(1),
        base: 2.0,
    },
    max_retries: 3,
    retry_timeout: Duration::from_secs(8),
};

/// Why a file cannot be kept, read or removed. Its text is for logs.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The folder cannot be made.
    #[error("the folder {} cannot be used: {cause}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The store failed; it may work again later.
    #[error("the store of files failed: {0}")]
    Store(object_store::Error),
}

impl From<object_store::Error> for FilesError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Store(other),
        }
    }
}

/// Why a file that came as a stream was not kept; nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum KeepError<E> {
    /// It has more bytes than it may.
    #[error("the file has more than {most_bytes} bytes")]
    TooLarge {
        /// How many it may have.
        most_bytes: u64,
    },
    /// It did not arrive whole.
    #[error("the file did not arrive whole")]
    Source(E),
    /// The store failed.
    #[error(transparent)]
    Files(FilesError),
}

/// A file that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How many bytes it has.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Its first bytes, up to 8 KiB.
    pub head: Bytes,
}

/// A file on its way out.
pub struct FileContent {
    /// How many bytes it has.
    pub bytes: u64,
    /// They, in order. An error means that they are not all.
    pub chunks: BoxStream<'static, Result<Bytes, FilesError>>,
}

/// A file that lies in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The id in its key.
    pub id: Uuid,
    /// When it was written, by the store's clock.
    pub written_at: Timestamp,
}

/// The files of all clinics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    pub(crate) store: Arc<dyn ObjectStore>,
}

impl Files {
    /// Opens what `config` names; a bucket is not asked before it is used, or [`Self::check`]ed.
    ///
    /// # Errors
    /// [`FilesError`] when the folder cannot be made, or the bucket's settings make no sense.
    pub fn open(config: &FilesConfig) -> Result<Self, FilesError> {
        let store: Arc<dyn ObjectStore> = match config {
            FilesConfig::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|cause| FilesError::Folder {
                    folder: folder.clone(),
                    cause,
                })?;
                Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true))
            }
            FilesConfig::Bucket(bucket) => Arc::new(open_bucket(bucket)?),
        };
        Ok(Self { store })
    }

    /// Keeps the file that `chunks` bring under `key`, up to `most_bytes` of it. At most two parts of 5 MiB are in memory.
    ///
    /// # Errors
    /// [`KeepError`]; then nothing is kept.
    pub async fn keep<E>(
        &self,
        key: &FileKey,
        chunks: impl Stream<Item = Result<Bytes, E>>,
        most_bytes: u64,
    ) -> Result<Kept, KeepError<E>> {
        let mut writing = Writing::begin(&*self.store, key.path());
        match fill(&mut writing, chunks, most_bytes).await {
            Ok(kept) => {
                writing.finish().await.map_err(failed)?;
                Ok(kept)
            }
            Err(error) => {
                if let Err(cause) = writing.abort().await {
                    tracing::warn!(%cause, ?key, "a file that was given up half-way could not be removed");
                }
                Err(error)
            }
        }
    }

    /// The file under `key`.
    ///
    /// # Errors
    /// [`FilesError::Missing`] when there is none.
    pub async fn read(&self, key: &FileKey) -> Result<FileContent, FilesError> {
        let found = self.store.get(&key.path()).await?;
        Ok(FileContent {
            bytes: found.meta.size,
            chunks: found.into_stream().map(|chunk| chunk.map_err(FilesError::from)).boxed(),
        })
    }

    /// Removes the file under `key`. Removing what is not there is done already.
    ///
    /// # Errors
    /// [`FilesError`] when the store failed.
    pub async fn remove(&self, key: &FileKey) -> Result<(), FilesError> {
        match self.store.delete(&key.path()).await.map_err(FilesError::from) {
            Err(FilesError::Missing) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every file of the kind `area` that is kept for `clinic`, in no particular order. What is being written is not among them,
    /// nor is what has no key of ours.
    pub fn list(&self, clinic: ClinicId, area: &'static str) -> BoxStream<'static, Result<Stored, FilesError>> {
        let found = self.store.list(Some(&key::area_path(clinic, area)));
        found
            .filter_map(async |found| match found {
                Ok(meta) => {
                    let id = meta.location.filename().and_then(|name| name.parse().ok())?;
                    let written_at = Timestamp::new(meta.last_modified).ok()?;
                    Some(Ok(Stored { id, written_at }))
                }
                Err(error) => Some(Err(error.into())),
            })
            .boxed()
    }
}

/// What the store says is missing while something is written is not a file of ours.
fn failed<E>(error: object_store::Error) -> KeepError<E> {
    KeepError::Files(FilesError::Store(error))
}

fn open_bucket(bucket: &BucketConfig) -> Result<impl ObjectStore + use<>, FilesError> {
    let BucketConfig {
        name,
        region,
        endpoint,
        access_key_id,
        secret_access_key,
    } = bucket;
    // A slow reader of a large file is no fault of the bucket's: what is bounded is its silence.
    let mut client = ClientOptions::new()
        .with_connect_timeout(CONNECTING)
        .with_read_timeout(SILENCE)
        .with_timeout_disabled();
    if let Some(endpoint) = endpoint {
        let is_loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
            .iter()
            .any(|loopback| endpoint.starts_with(loopback));
        client = client.with_allow_http(is_loopback);
    }
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(region)
        .with_access_key_id(access_key_id)
        .with_secret_access_key(secret_access_key.expose_secret())
        .with_retry(RETRIES)
        .with_client_options(client);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(builder.build()?)
}

/// Sends the chunks on, counting and hashing them.
async fn fill<E>(
    writing: &mut Writing<'_>,
    chunks: impl Stream<Item = Result<Bytes, E>>,
    most_bytes: u64,
) -> Result<Kept, KeepError<E>> {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut head = BytesMut::new();
    let mut bytes: u64 = 0;
    pin_mut!(chunks);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(KeepError::Source)?;
        bytes = u64::try_from(chunk.len()).map_or(u64::MAX, |length| bytes.saturating_add(length));
        if bytes > most_bytes {
            return Err(KeepError::TooLarge { most_bytes });
        }
        let wanted = HEAD_BYTES.saturating_sub(head.len());
        head.extend_from_slice(chunk.get(..wanted.min(chunk.len())).unwrap_or_default());
        hash.update(&chunk);
        writing.put(chunk).await.map_err(failed)?;
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(hash.finish().as_ref());
    Ok(Kept {
        bytes,
        sha256,
        head: head.freeze(),
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use kernel::ClinicId;
    use uuid::Uuid;

    use super::*;

    /// A store in a folder that is gone with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> (Self, Files) {
            let folder = std::env::temp_dir().join(format!("taskmed-files-{}", kernel_id()));
            let files = Files::open(&FilesConfig::Folder(folder.clone())).unwrap();
            (Self(folder), files)
        }

        fn files(&self) -> usize {
            fn count(directory: &std::path::Path) -> usize {
                std::fs::read_dir(directory)
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .map(|path| if path.is_dir() { count(&path) } else { 1 })
                    .sum()
            }
            count(&self.0)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn kernel_id() -> ClinicId {
        use kernel::Clock;
        ClinicId::new_at(kernel::SystemClock.now())
    }

    fn key() -> FileKey {
        FileKey::new(kernel_id(), "attachments", Uuid::from_u128(7))
    }

    fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
        let sizes = sizes.to_vec();
        stream::iter(sizes.into_iter().map(|size| Ok(Bytes::from(vec![7_u8; size]))))
    }

    async fn read(files: &Files, key: &FileKey) -> Result<Vec<u8>, FilesError> {
        let mut content = files.read(key).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = content.chunks.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        assert_eq!(u64::try_from(bytes.len()).unwrap(), content.bytes);
        Ok(bytes)
    }

    #[tokio::test]
    async fn what_was_kept_is_read_and_is_gone_when_removed() {
        let (_folder, files) = Folder::new();
        let key = key();
        // More than one part of 5 MiB.
        let kept = files.keep(&key, chunks(&[3_000_000; 4]), 20_000_000).await.unwrap();
        assert_eq!(kept.bytes, 12_000_000);
        assert_eq!(kept.head.len(), HEAD_BYTES);
        let bytes = read(&files, &key).await.unwrap();
        assert_eq!(bytes, vec![7_u8; 12_000_000]);
        assert_eq!(digest::digest(&digest::SHA256, &bytes).as_ref(), kept.sha256);
        files.remove(&key).await.unwrap();
        files.remove(&key).await.unwrap();
        assert!(matches!(read(&files, &key).await, Err(FilesError::Missing)));
    }

    #[tokio::test]
    async fn an_empty_file_is_a_file() {
        let (_folder, files) = Folder::new();
        let key = key();
        let kept = files.keep(&key, chunks(&[]), 10).await.unwrap();
        assert_eq!((kept.bytes, kept.head.len()), (0, 0));
        assert!(read(&files, &key).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_a_file_that_is_too_large_or_cut_off_nothing_stays() {
        let (folder, files) = Folder::new();
        let too_large = files.keep(&key(), chunks(&[6_000_000, 6_000_000]), 11_999_999).await;
        assert!(matches!(too_large, Err(KeepError::TooLarge { most_bytes: 11_999_999 })));
        let cut_off = stream::iter([Ok(Bytes::from_static(b"abc")), Err("the connection ended")]);
        assert!(matches!(
            files.keep(&key(), cut_off, 100).await,
            Err(KeepError::Source("the connection ended"))
        ));
        assert_eq!(folder.files(), 0);
    }

    #[tokio::test]
    async fn one_clinics_key_leads_to_none_of_anothers_files() {
        let (_folder, files) = Folder::new();
        let (own, other) = (key(), key());
        files.keep(&own, chunks(&[10]), 10).await.unwrap();
        assert!(matches!(read(&files, &other).await, Err(FilesError::Missing)));
    }
}
