//! The statements that every table of rows has, and those of tables whose rows may be deleted.

/// `find` and `lock` for rows `$row` (selectable, with `version`) of `$table`.
macro_rules! row_store {
    ($table:ident, $row:ty, $id:ty, $resource:expr) => {
        /// The row.
        pub(super) async fn find(tx: &::db::TenantRead<'_>, id: $id) -> Result<$row, RowError> {
            $table::table
                .filter($table::clinic_id.eq(tx.clinic()).and($table::id.eq(id)))
                .select(<$row>::as_select())
                .first(&mut tx.conn())
                .await
                .optional()
                .or_database::<RowError>()?
                .ok_or(RowError::NotFound($resource))
        }

        /// The row, of the expected version, kept from other writers until the transaction ends.
        pub(super) async fn lock(
            tx: &::db::TenantRead<'_>,
            id: $id,
            expected: Option<::kernel::Version>,
        ) -> Result<$row, RowError> {
            let row = $table::table
                .filter($table::clinic_id.eq(tx.clinic()).and($table::id.eq(id)))
                .select(<$row>::as_select())
                .for_no_key_update()
                .first(&mut tx.conn())
                .await
                .optional()
                .or_database::<RowError>()?
                .ok_or(RowError::NotFound($resource))?;
            $crate::resource::error::check_version(expected, row.version)?;
            Ok(row)
        }
    };
}
pub(crate) use row_store;

/// `delete` for rows of `$table`.
macro_rules! delete_row {
    ($table:ident, $id:ty) => {
        /// Deletes the row.
        pub(super) async fn delete(tx: &::db::TenantRead<'_>, id: $id) -> Result<(), RowError> {
            ::diesel::delete($table::table)
                .filter($table::clinic_id.eq(tx.clinic()).and($table::id.eq(id)))
                .execute(&mut tx.conn())
                .await
                .map(drop)
                .or_database()
        }
    };
}
pub(crate) use delete_row;
