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
        area_path(self.clinic, self.area).join(self.id.to_string())
    }
}

/// What the paths of a clinic's files of a kind begin with.
pub(crate) fn area_path(clinic: ClinicId, area: &str) -> Path {
    Path::from_iter(["clinics", clinic.to_string().as_str(), area])
}

impl fmt::Debug for FileKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FileKey({})", self.path())
    }
}
