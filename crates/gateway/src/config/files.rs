//! The settings of the files of clinics: a folder, or a bucket.

use std::path::PathBuf;

use files::{BucketConfig, FilesConfig};

use super::reader::Reader;

/// The folder or the bucket; one of them must be named, since a default would be a place that nobody backs up.
pub(super) fn read(reader: &mut Reader) -> FilesConfig {
    let folder: Option<PathBuf> = reader.optional("files_dir");
    let bucket: Option<String> = reader.optional("files_bucket");
    match (folder, bucket) {
        (Some(folder), None) => FilesConfig::Folder(folder),
        (None, Some(name)) => FilesConfig::Bucket(read_bucket(reader, name)),
        (Some(_), Some(_)) => {
            reader.fault("files_dir", "is set as well as TASKMED_FILES_BUCKET: set one of them");
            FilesConfig::Folder(PathBuf::new())
        }
        (None, None) => {
            reader.fault(
                "files_dir",
                "must be set, or TASKMED_FILES_BUCKET: the folder in which attachments are kept",
            );
            FilesConfig::Folder(PathBuf::new())
        }
    }
}

fn read_bucket(reader: &mut Reader, name: String) -> BucketConfig {
    let region = reader
        .optional("files_bucket_region")
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = reader.optional("files_bucket_endpoint");
    let access_key_id: Option<String> = reader.optional("files_bucket_access_key_id");
    if access_key_id.is_none() {
        reader.fault("files_bucket_access_key_id", "must be set: who may write to the bucket");
    }
    BucketConfig {
        name,
        region,
        endpoint,
        access_key_id: access_key_id.unwrap_or_default(),
        secret_access_key: reader.required(
            "files_bucket_secret_access_key",
            "the key of the one who may write to the bucket",
        ),
    }
}
