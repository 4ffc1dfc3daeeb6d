//! Links between two catalogues, such as who offers which service: read for many owners at once, replaced as a whole.

use kernel::FieldErrors;

/// Defines the statements of the link table `$link`, seen from the owner that `$owner` names: `of_many` and `replace`.
macro_rules! links {
    ($module:ident, $link:ident, $owner:ident: $owner_id:ident => $target_column:ident: $target_id:ident, in $target:ident) => {
        pub(super) mod $module {
            use std::collections::HashMap;

            use ::db::schema::{$link, $target};
            use ::db::{DbError, QueryResultExt, TenantRead};
            use ::kernel::{$owner_id, $target_id};
            use diesel::prelude::*;
            use diesel::sql_types;
            use diesel_async::RunQueryDsl;

            /// The unarchived targets of each of `owners` that has some, by one statement.
            pub(in super::super) async fn of_many(
                tx: &TenantRead<'_>,
                owners: &[$owner_id],
            ) -> Result<HashMap<$owner_id, Vec<$target_id>>, DbError> {
                let pairs: Vec<($owner_id, $target_id)> = $link::table
                    .inner_join(::db::named_by!($target, $link::$target_column))
                    .filter($link::clinic_id.eq(tx.clinic()).and($link::$owner.eq_any(owners)))
                    .filter($target::archived_at.is_null())
                    .order($link::$target_column)
                    .select(($link::$owner, $link::$target_column))
                    .load(&mut tx.conn())
                    .await?;
                let mut by_owner = HashMap::<_, Vec<_>>::new();
                for (owner, target) in pairs {
                    by_owner.entry(owner).or_default().push(target);
                }
                Ok(by_owner)
            }

            /// Links `owner` to exactly those of `targets` that exist unarchived, and gives these back.
            pub(in super::super) async fn replace(
                tx: &TenantRead<'_>,
                owner: $owner_id,
                targets: &[$target_id],
            ) -> Result<Vec<$target_id>, DbError> {
                diesel::delete($link::table)
                    .filter($link::clinic_id.eq(tx.clinic()).and($link::$owner.eq(owner)))
                    .execute(&mut tx.conn())
                    .await?;
                if targets.is_empty() {
                    return Ok(Vec::new());
                }
                let known = $target::table
                    .filter(
                        $target::clinic_id
                            .eq(tx.clinic())
                            .and($target::id.eq_any(targets)),
                    )
                    .filter($target::archived_at.is_null())
                    .select((
                        $target::clinic_id,
                        owner.into_sql::<sql_types::Uuid>(),
                        $target::id,
                    ));
                let mut linked: Vec<$target_id> = diesel::insert_into($link::table)
                    .values(known)
                    .into_columns(($link::clinic_id, $link::$owner, $link::$target_column))
                    .returning($link::$target_column)
                    .get_results(&mut tx.conn())
                    .await
                    .or_database::<DbError>()?;
                linked.sort_unstable();
                Ok(linked)
            }
        }
    };
}
pub(crate) use links;

/// Notes each of the `wanted` ids that is not among the `known`, by its place in the list at `pointer`.
pub(crate) fn note_unknown<Id: PartialEq>(
    errors: &mut FieldErrors,
    pointer: &str,
    code: &str,
    wanted: &[Id],
    known: &[Id],
) {
    for (index, id) in wanted.iter().enumerate() {
        if !known.contains(id) {
            errors.push(
                format!("{pointer}/{index}"),
                code,
                "the clinic has none with this id, or it is archived",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_ids_are_named_by_their_place() {
        let mut errors = FieldErrors::new();
        note_unknown(&mut errors, "/room_ids", "unknown_room", &[1, 2, 1], &[1, 2, 3]);
        assert!(errors.is_empty());
        note_unknown(&mut errors, "/room_ids", "unknown_room", &[1, 9, 2, 8], &[1, 2]);
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/room_ids/1", "/room_ids/3"]);
    }
}
