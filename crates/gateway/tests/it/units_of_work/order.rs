//! Statements sent together arrive in the order they need.

use futures_util::future::try_join_all;
use kernel::Caller as _;

use super::*;

#[tokio::test]
async fn two_clinics_in_turn_on_one_connection_always_see_their_own() {
    let Some((_database, db)) = one_connection().await else {
        return;
    };
    let callers = clinics();
    for round in 0..1000 {
        let caller = &callers[round % 2];
        let seen = db.read(caller, owners_of_rooms).await.unwrap();
        assert_eq!(seen, [caller.clinic()], "in round {round}");
    }
}

#[tokio::test]
async fn statements_of_every_form_keep_to_the_clinic_from_the_first_on() {
    let Some((_database, db)) = one_connection().await else {
        return;
    };
    let callers = clinics();
    for round in 0..100_i64 {
        let caller = &callers[usize::try_from(round).unwrap() % 2];
        // A form that was never prepared on this connection, behind one that was.
        let seen = db
            .read(caller, async |tx: &TenantRead<'_>| {
                let connection = tx.conn();
                let (mut one, mut other) = (connection, connection);
                let known = rooms::table
                    .select(rooms::clinic_id)
                    .distinct()
                    .load::<ClinicId>(&mut one);
                let new = rooms::table
                    .select(rooms::clinic_id)
                    .distinct()
                    .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(&format!(
                        "{round} = {round}"
                    )))
                    .load::<ClinicId>(&mut other);
                let (known, new) = futures_util::try_join!(known, new)?;
                Ok::<_, DbError>([known, new].concat())
            })
            .await
            .unwrap();
        assert_eq!(seen, [caller.clinic(), caller.clinic()], "in round {round}");
    }
}

#[tokio::test]
async fn many_at_once_over_few_connections_see_their_own() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let db = database.db(clock(), 3);
    let callers = clinics();
    let work = (0..300).map(async |number: usize| {
        let caller = &callers[number % 2];
        let seen = match number % 3 {
            0 => db.read(caller, owners_of_rooms).await?,
            1 => db.read_snapshot(caller, owners_of_rooms).await?,
            _ => {
                db.write(caller, async |tx: &mut TenantTx<'_>| owners_of_rooms(tx).await)
                    .await?
            }
        };
        assert_eq!(seen, [caller.clinic()]);
        Ok::<_, DbError>(())
    });
    try_join_all(work).await.unwrap();
}
