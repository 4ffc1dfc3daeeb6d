//! The walls between clinics, tried with raw SQL. Tables are found in the catalogue, so that a new one cannot be forgotten.

mod catalogue;
mod rows;

use test_support::{Role, TestDatabase, world};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use catalogue::{Table, tenant_tables};

/// A database in which every tenant table has rows of both clinics, and those tables.
async fn filled() -> Option<(TestDatabase, Vec<Table>)> {
    let database = TestDatabase::create().await?;
    let maintenance = database.connect(Role::Maintenance).await;
    rows::fill(&maintenance).await;
    let tables = tenant_tables(&maintenance).await;
    for table in &tables {
        for clinic in [aurora(), horizonte()] {
            let rows = count(
                &maintenance,
                &format!("{} WHERE {} = '{clinic}'", table.name, table.clinic_column),
            )
            .await;
            assert!(
                rows > 0,
                "{} has no row of each clinic to try the walls with: add one to `walls/rows.rs`",
                table.name
            );
        }
    }
    Some((database, tables))
}

fn aurora() -> Uuid {
    world::clinic("aurora").into()
}

fn horizonte() -> Uuid {
    world::clinic("horizonte").into()
}

/// The rows of `from`, a table and perhaps a condition.
async fn count(client: &Client, from: &str) -> i64 {
    let query = format!("SELECT count(*) FROM {from}");
    client
        .query_one(&query, &[])
        .await
        .unwrap_or_else(|error| panic!("{query}: {error:?}"))
        .get(0)
}

async fn set_clinic(client: &Client, clinic: Option<Uuid>) {
    let text = clinic.map(|clinic| clinic.to_string()).unwrap_or_default();
    client
        .execute("SELECT set_config('app.clinic_id', $1, false)", &[&text])
        .await
        .unwrap();
}

/// Asserts that a write touched no row: it was refused, or found none.
fn assert_nothing_written(result: Result<u64, Error>, what: &str) {
    match result {
        Ok(rows) => assert_eq!(rows, 0, "{what}"),
        Err(error) => assert_refused(&error, what),
    }
}

/// Asserts that the security of rows, or the lack of a grant, refused.
fn assert_refused(error: &Error, what: &str) {
    assert_eq!(
        error.code(),
        Some(&SqlState::INSUFFICIENT_PRIVILEGE),
        "{what}: {error:?}"
    );
}

#[tokio::test]
async fn without_a_clinic_no_row_is_seen_and_none_written() {
    let Some((database, tables)) = filled().await else {
        return;
    };
    let maintenance = database.connect(Role::Maintenance).await;
    let app = database.connect(Role::App).await;
    // Never set, and set to nothing.
    for clinic_was_set in [false, true] {
        if clinic_was_set {
            set_clinic(&app, Some(aurora())).await;
            set_clinic(&app, None).await;
        }
        for table in &tables {
            assert_eq!(count(&app, &table.name).await, 0, "{}", table.name);
            assert_nothing_written(app.execute(&table.touch_all(), &[]).await, &table.touch_all());
            assert_nothing_written(
                app.execute(&format!("DELETE FROM {}", table.name), &[]).await,
                &table.name,
            );
            let error = table.insert_copy(&maintenance, &app, aurora()).await.unwrap_err();
            assert_refused(&error, &table.name);
        }
    }
}

#[tokio::test]
async fn one_clinic_sees_its_own_rows_and_no_other() {
    let Some((database, tables)) = filled().await else {
        return;
    };
    let app = database.connect(Role::App).await;
    for (own, other) in [(aurora(), horizonte()), (horizonte(), aurora())] {
        set_clinic(&app, Some(own)).await;
        for table in &tables {
            let foreign = format!("{} WHERE {} <> '{own}'", table.name, table.clinic_column);
            assert_eq!(count(&app, &foreign).await, 0, "{}", table.name);
            let named = format!("{} WHERE {} = '{other}'", table.name, table.clinic_column);
            assert_eq!(count(&app, &named).await, 0, "{}", table.name);
            assert!(
                count(&app, &table.name).await > 0,
                "{} shows a clinic nothing of its own",
                table.name
            );
        }
    }
}

#[tokio::test]
async fn one_clinic_writes_no_row_of_another() {
    let Some((database, tables)) = filled().await else {
        return;
    };
    let maintenance = database.connect(Role::Maintenance).await;
    let app = database.connect(Role::App).await;
    set_clinic(&app, Some(aurora())).await;
    for table in &tables {
        let name = &table.name;
        let column = &table.clinic_column;
        let insert = table.insert_copy(&maintenance, &app, horizonte()).await;
        assert_refused(&insert.unwrap_err(), &format!("insert into {name}"));
        let give_away = format!("UPDATE {name} SET {column} = '{}'", horizonte());
        assert_refused(&app.execute(&give_away, &[]).await.unwrap_err(), &give_away);
        for write in [
            format!(
                "UPDATE {name} SET {column} = {column} WHERE {column} = '{}'",
                horizonte()
            ),
            format!(
                "UPDATE {name} SET {column} = '{}' WHERE {column} = '{}'",
                aurora(),
                horizonte()
            ),
            format!("DELETE FROM {name} WHERE {column} = '{}'", horizonte()),
        ] {
            assert_nothing_written(app.execute(&write, &[]).await, &write);
        }
    }
}

#[tokio::test]
async fn a_row_cannot_point_at_another_clinics() {
    let Some((database, _)) = filled().await else { return };
    let app = database.connect(Role::App).await;
    set_clinic(&app, Some(aurora())).await;
    let foreign_contact = app
        .execute(
            "UPDATE appointments SET contact_id = $1 WHERE id = $2",
            &[
                world::contact("pedro").as_uuid(),
                world::appointment("maria-monday").as_uuid(),
            ],
        )
        .await
        .unwrap_err();
    assert_eq!(
        foreign_contact.code(),
        Some(&SqlState::FOREIGN_KEY_VIOLATION),
        "{foreign_contact:?}"
    );
}

#[tokio::test]
async fn a_look_up_by_user_opens_that_user_and_nothing_else() {
    let Some((database, tables)) = filled().await else {
        return;
    };
    let app = database.connect(Role::App).await;
    let (user, clinic) = (world::user("reception@aurora"), aurora());
    app.execute("SELECT set_config('app.user_id', $1, false)", &[&user.to_string()])
        .await
        .unwrap();
    for table in &tables {
        let others = match table.name.as_str() {
            "memberships" | "sessions" => format!("{} WHERE user_id <> '{user}'", table.name),
            "clinics" => format!("clinics WHERE id <> '{clinic}'"),
            other => other.to_owned(),
        };
        assert_eq!(count(&app, &others).await, 0, "{others}");
    }
    assert_eq!(count(&app, &format!("users WHERE id <> '{user}'")).await, 0);
    assert_eq!(count(&app, "users").await, 1);
    for read_only in ["memberships SET archived_at = now()", "clinics SET trade_name = 'x'"] {
        assert_nothing_written(app.execute(&format!("UPDATE {read_only}"), &[]).await, read_only);
    }
}

#[tokio::test]
async fn a_look_up_by_address_opens_one_user_and_no_clinic() {
    let Some((database, tables)) = filled().await else {
        return;
    };
    let app = database.connect(Role::App).await;
    app.execute(
        "SELECT set_config('app.user_email', 'reception@aurora.example', false)",
        &[],
    )
    .await
    .unwrap();
    assert_eq!(count(&app, "users").await, 1);
    for table in &tables {
        assert_eq!(count(&app, &table.name).await, 0, "{}", table.name);
    }
}

#[tokio::test]
async fn a_look_up_by_slug_shows_that_clinic_and_none_of_its_rows() {
    let Some((database, tables)) = filled().await else {
        return;
    };
    let app = database.connect(Role::App).await;
    app.execute("SELECT set_config('app.clinic_slug', 'aurora', false)", &[])
        .await
        .unwrap();
    for table in &tables {
        let seen = if table.name == "clinics" { 1 } else { 0 };
        assert_eq!(count(&app, &table.name).await, seen, "{}", table.name);
    }
    assert_nothing_written(
        app.execute("UPDATE clinics SET trade_name = 'x'", &[]).await,
        "the clinic by its slug",
    );
}

#[tokio::test]
async fn the_search_functions_stay_in_the_clinic() {
    let Some((database, _)) = filled().await else { return };
    let app = database.connect(Role::App).await;
    let by_name = "contacts_by_part_of_name('farias', NULL, NULL, NULL, 10)";
    let by_digits = "contacts_by_digits('99123', '99123', '', NULL, NULL, NULL, 10)";
    for (clinic, found) in [(None, 0), (Some(aurora()), 0), (Some(horizonte()), 1)] {
        set_clinic(&app, clinic).await;
        for search in [by_name, by_digits] {
            assert_eq!(count(&app, search).await, found, "{search} in {clinic:?}");
        }
    }
}

#[tokio::test]
async fn the_worker_sees_what_it_claims_and_nothing_else() {
    let Some((database, tables)) = filled().await else {
        return;
    };
    let worker = database.connect(Role::Worker).await;
    for table in &tables {
        // Of clinics it sees which there are, and whether they are active.
        let claimed = ["clinics", "outbox", "idempotency_keys"].contains(&table.name.as_str());
        let seen = worker
            .query_one(&format!("SELECT count(*) FROM {}", table.name), &[])
            .await;
        match seen {
            Ok(row) => assert!(claimed && row.get::<_, i64>(0) >= 2, "{}", table.name),
            Err(error) => {
                assert!(!claimed, "{}", table.name);
                assert_refused(&error, &table.name);
            }
        }
    }
    let insert = worker
        .execute("INSERT INTO outbox SELECT * FROM outbox", &[])
        .await
        .unwrap_err();
    assert_refused(&insert, "the worker makes no events");
}
