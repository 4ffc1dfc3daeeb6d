//! Where files are kept.

use std::path::PathBuf;

use secrecy::SecretString;

/// Where files are kept.
#[derive(Debug, Clone)]
pub enum FilesConfig {
    /// In a folder of this machine, which is made when it is not there.
    Folder(PathBuf),
    /// In a bucket of Amazon S3 or of what speaks its protocol.
    Bucket(BucketConfig),
}

/// A bucket, and who may write to it.
#[derive(Debug, Clone)]
pub struct BucketConfig {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Where the protocol is spoken, when not at Amazon; plain `http` is refused but for loopback.
    pub endpoint: Option<String>,
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: SecretString,
}
