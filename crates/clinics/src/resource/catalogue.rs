//! What a clinic keeps a catalogue of (practitioners, rooms, services): named, listed alike, archived rather than deleted.

use kernel::{Timestamp, text_enum};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

text_enum! {
    /// Whether a row is in use.
    pub enum RowStatus {
        /// In use.
        Active = "active",
        /// Put away: kept for what refers to it, offered nowhere.
        Archived = "archived",
    }
    error = InvalidRowStatus, code = "unknown_status";
}

impl RowStatus {
    /// The status of a row that was archived at `archived_at`.
    #[must_use]
    pub const fn of(archived_at: Option<Timestamp>) -> Self {
        if archived_at.is_some() {
            Self::Archived
        } else {
            Self::Active
        }
    }
}

text_enum! {
    /// Which rows a list shows, by whether they are in use.
    #[derive(Default)]
    pub enum StatusFilter {
        /// Those in use.
        #[default]
        Active = "active",
        /// Those put away.
        Archived = "archived",
        /// All.
        Any = "any",
    }
    error = InvalidStatusFilter, code = "unknown_status";
}

/// The orders in which a catalogue is listed; the first is the default.
pub(crate) const SORTS: &[&str] = &["name", "-name", "created_at", "-created_at"];

/// Where a row stands in a catalogue, in each of its orders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CataloguePosition {
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) id: Uuid,
}

/// Orders a boxed query over a catalogue as `$paging` asks, and cuts it to a page.
macro_rules! catalogue_page {
    ($query:expr, name: $name:expr, created_at: $created_at:expr, id: $id:expr, $paging:expr) => {{
        use ::db::schema::functions::search_form;
        let paging = $paging;
        let descending = $crate::resource::keyset::is_descending(paging.sort());
        let query = $query;
        let query = if paging.sort().ends_with("name") {
            $crate::resource::keyset::keyset!(query, by (search_form($name), $id), descending: descending,
                after: paging.after() => |position| (search_form(position.name.clone()), position.id))
        } else {
            $crate::resource::keyset::keyset!(query, by ($created_at, $id), descending: descending,
                after: paging.after() => |position| (position.created_at, position.id))
        };
        query.limit(paging.fetch())
    }};
}
pub(crate) use catalogue_page;

/// The statements that every catalogue has. `$table` holds rows `$row` (selectable, with `id`, `name`, `version`, `created_at`
/// and `archived_at`), which appointments name in their column `$named_by`.
macro_rules! catalogue_store {
    ($table:ident, $row:ty, $id:ty, $resource:expr, appointments::$named_by:ident) => {
        type BoxedQuery<'q> = ::db::schema::$table::BoxedQuery<'q, ::diesel::pg::Pg>;

        impl $row {
            /// Where the row stands in its list.
            pub(super) fn position(&self) -> $crate::resource::catalogue::CataloguePosition {
                $crate::resource::catalogue::CataloguePosition {
                    name: self.name.as_str().to_owned(),
                    created_at: self.created_at,
                    id: *self.id.as_uuid(),
                }
            }
        }

        $crate::resource::rows::row_store!($table, $row, $id, $resource);

        /// One page of the rows that `narrow` leaves.
        pub(super) async fn list(
            tx: &::db::TenantRead<'_>,
            status: $crate::resource::catalogue::StatusFilter,
            updated_since: Option<::kernel::Timestamp>,
            paging: &::rest::Paging<$crate::resource::catalogue::CataloguePosition>,
            narrow: impl FnOnce(BoxedQuery<'static>) -> BoxedQuery<'static>,
        ) -> Result<Vec<$row>, RowError> {
            use $crate::resource::catalogue::StatusFilter;
            let query = $table::table.filter($table::clinic_id.eq(tx.clinic())).into_boxed::<::diesel::pg::Pg>();
            let query = match status {
                StatusFilter::Active => query.filter($table::archived_at.is_null()),
                StatusFilter::Archived => query.filter($table::archived_at.is_not_null()),
                StatusFilter::Any => query,
            };
            let query = $crate::resource::keyset::changed_since!(narrow(query), $table, updated_since);
            $crate::resource::catalogue::catalogue_page!(
                query, name: $table::name, created_at: $table::created_at, id: $table::id, paging
            )
            .select(<$row>::as_select())
            .load(&mut tx.conn())
            .await
            .or_database()
        }

        /// The row in use, of the expected version, kept from other writers until the transaction ends.
        pub(super) async fn lock_active(
            tx: &::db::TenantRead<'_>,
            id: $id,
            expected: Option<::kernel::Version>,
        ) -> Result<$row, RowError> {
            let row = lock(tx, id, expected).await?;
            if row.archived_at.is_some() { Err(RowError::Archived($resource)) } else { Ok(row) }
        }

        /// Archives the row; says whether it was in use before.
        ///
        /// The row is locked against bookings in flight as well (these hold its key), so that none slips past the count.
        pub(super) async fn archive(
            tx: &::db::TenantRead<'_>,
            id: $id,
            expected: Option<::kernel::Version>,
        ) -> Result<bool, ArchiveError> {
            let (archived_at, version): (Option<::kernel::Timestamp>, ::kernel::Version) = $table::table
                .filter($table::clinic_id.eq(tx.clinic()).and($table::id.eq(id)))
                .select(($table::archived_at, $table::version))
                .for_update()
                .first(&mut tx.conn())
                .await
                .optional()
                .or_database::<RowError>()?
                .ok_or(RowError::NotFound($resource))?;
            $crate::resource::error::check_version(expected, version)?;
            if archived_at.is_some() {
                return Ok(false);
            }
            let count = count_upcoming(tx, id).await?;
            if count > 0 {
                return Err(ArchiveError::HasUpcomingAppointments { count });
            }
            ::diesel::update($table::table)
                .filter($table::clinic_id.eq(tx.clinic()).and($table::id.eq(id)))
                .set($table::archived_at.eq(tx.now()))
                .execute(&mut tx.conn())
                .await
                .or_database::<RowError>()?;
            Ok(true)
        }

        /// How many appointments that are not over yet still name the row. No appointment lasts longer than a day, so older
        /// starts need not be looked at.
        async fn count_upcoming(tx: &::db::TenantRead<'_>, id: $id) -> Result<i64, RowError> {
            use ::db::schema::appointments;
            appointments::table
                .filter(appointments::clinic_id.eq(tx.clinic()).and(appointments::$named_by.eq(id)))
                .filter(appointments::status.eq_any(["scheduled", "confirmed"]))
                .filter(appointments::starts_at.gt(tx.now().saturating_add(-::kernel::TimeSlot::LONGEST)))
                .filter(appointments::ends_at.gt(tx.now()))
                .count()
                .get_result(&mut tx.conn())
                .await
                .or_database()
        }
    };
}
pub(crate) use catalogue_store;
