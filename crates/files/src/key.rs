//! Under which name a file is kept.

use std::fmt;

use kernel::ClinicId;
use object_store::path::Path;
use uuid::Uuid;

/// A file's place: its clinic, what kind of file it is, and its id. Nothing that a person typed is part of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FileKey {
    clinic: ClinicId,
    area: &'static str,
    id: Uuid,
}

impl FileKey {
    /// The file `id` of the kind `area`, such as `attachments`, of `clinic`.
    pub fn new(clinic: ClinicId, area: &'static str, id: impl Into<Uuid>) -> Self {
        Self {
            clinic,
            area,
            id: id.into(),
        }
    }

    pub(crate) fn path(&self) -> Path {
        let (clinic, id) = (self.clinic.to_string(), self.id.to_string());
        Path::from_iter(["clinics", clinic.as_str(), self.area, id.as_str()])
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FileKey({})", self.path())
    }
}
