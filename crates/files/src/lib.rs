//! Files of clinics, such as attachments and imported tables: streamed in and out, limited in size, hashed, kept in a folder or
//! in an S3 bucket.
//!
//! A file is written once under a key that names its clinic and never changes; the row that tells of it is written after it, so
//! that there is no row without its file. A file without a row, left by a process that was killed in between, is in nobody's way
//! until the gateway's sweep removes it ([`Files::list`]).

mod check;
mod config;
mod key;
mod store;
mod writing;

pub use check::CheckError;
pub use config::{BucketConfig, FilesConfig};
pub use key::FileKey;
pub use store::{FileContent, Files, FilesError, KeepError, Kept, Stored};
