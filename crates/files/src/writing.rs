//! One file on its way into the store: at once when it is small, in parts when it is not.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};

/// The size of a part, which is the least that S3 takes.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// How many parts of one file may be on their way to the store at a time.
const PARTS_UNDER_WAY: usize = 1;

/// A file that is being written. Nothing of it is seen before it is finished.
pub(crate) struct Writing<'s> {
    store: &'s dyn ObjectStore,
    path: Path,
    /// What has come of a file that may turn out to be small.
    first: Vec<Bytes>,
    first_bytes: usize,
    parts: Option<WriteMultipart>,
}

impl<'s> Writing<'s> {
    /// Asks the store for nothing yet.
    pub(crate) const fn begin(store: &'s dyn ObjectStore, path: Path) -> Self {
        Self {
            store,
            path,
            first: Vec::new(),
            first_bytes: 0,
            parts: None,
        }
    }

    /// Takes the next bytes; waits while the store has not taken those before.
    pub(crate) async fn put(&mut self, chunk: Bytes) -> Result<(), object_store::Error> {
        if self.parts.is_none() {
            self.first_bytes = self.first_bytes.saturating_add(chunk.len());
            if self.first_bytes < PART_BYTES {
                self.first.push(chunk);
                return Ok(());
            }
            let upload = self.store.put_multipart(&self.path).await?;
            let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
            for earlier in self.first.drain(..) {
                parts.put(earlier);
            }
            self.parts = Some(parts);
        }
        let Some(parts) = &mut self.parts else {
            return Ok(());
        };
        // A chunk may be a whole file: no more than a part of it goes on at a time.
        let mut chunk = chunk;
        while !chunk.is_empty() {
            parts.wait_for_capacity(PARTS_UNDER_WAY).await?;
            parts.put(chunk.split_to(chunk.len().min(PART_BYTES)));
        }
        Ok(())
    }

    /// Has the file be there.
    pub(crate) async fn finish(self) -> Result<(), object_store::Error> {
        match self.parts {
            Some(parts) => parts.finish().await.map(|_| ()),
            None => {
                let whole: PutPayload = self.first.into_iter().collect();
                self.store.put(&self.path, whole).await.map(|_| ())
            }
        }
    }

    /// Takes back what was written.
    pub(crate) async fn abort(self) -> Result<(), object_store::Error> {
        match self.parts {
            Some(parts) => parts.abort().await,
            None => Ok(()),
        }
    }
}
