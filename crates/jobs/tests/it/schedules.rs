//! Work that comes by itself.

use std::time::Duration;

use chrono::{NaiveTime, TimeDelta};
use jobs::{Handlers, Schedules, Worker};
use kernel::{Lane, Timestamp};
use test_support::{Role, world};

use crate::stage::{Notes, Stage};

const KIND: &str = "test.by_itself";

fn at(text: &str) -> Timestamp {
    Timestamp::new(text.parse().unwrap()).unwrap()
}

fn worker(stage: &Stage, handlers: Handlers, schedules: Schedules) -> Worker {
    stage.worker(handlers).with_schedules(schedules)
}

fn hourly() -> Schedules {
    Schedules::new().every(KIND, Duration::from_secs(3_600), Lane::Clinical)
}

#[tokio::test]
async fn at_each_time_every_active_clinic_gets_one_job_however_many_nodes_there_are() {
    let Some(stage) = Stage::set().await else { return };
    let notes = Notes::default();
    let (one, other) = (
        worker(&stage, notes.handlers(KIND), hourly()),
        worker(&stage, notes.handlers(KIND), hourly()),
    );
    // A new schedule waits for its next time.
    assert_eq!(one.run_schedules().await.unwrap(), 0);
    assert_eq!(other.run_schedules().await.unwrap(), 0);
    for round in 1..=3 {
        stage.clock.advance(TimeDelta::hours(1));
        let (of_one, of_other) = tokio::join!(one.run_schedules(), other.run_schedules());
        assert_eq!(of_one.unwrap() + of_other.unwrap(), 2);
        // The jobs of the clinics are spread over six minutes.
        stage.clock.advance(TimeDelta::minutes(6));
        assert_eq!(one.run_once().await.unwrap().handled, 2);
        assert_eq!(notes.count(), round * 2);
        stage.clock.advance(-TimeDelta::minutes(6));
    }
    let maintenance = stage.database.connect(Role::Maintenance).await;
    maintenance
        .execute(
            "UPDATE clinics SET status = 'suspended' WHERE id = $1",
            &[world::clinic("horizonte").as_uuid()],
        )
        .await
        .unwrap();
    stage.clock.advance(TimeDelta::hours(1));
    assert_eq!(one.run_schedules().await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_missed_comes_once() {
    let Some(stage) = Stage::set().await else { return };
    let notes = Notes::default();
    assert_eq!(
        worker(&stage, notes.handlers(KIND), hourly())
            .run_schedules()
            .await
            .unwrap(),
        0
    );
    stage.clock.advance(TimeDelta::days(3));
    // A worker that was started only now.
    let late = worker(&stage, notes.handlers(KIND), hourly());
    assert_eq!(late.run_schedules().await.unwrap(), 2);
    assert_eq!(late.run_schedules().await.unwrap(), 0);
    stage.clock.advance(TimeDelta::minutes(10));
    assert_eq!(late.run_once().await.unwrap().handled, 2);
    assert_eq!(late.run_once().await.unwrap().handled, 0);
}

#[tokio::test]
async fn what_waits_since_the_last_time_does_not_come_a_second_time() {
    let Some(stage) = Stage::set().await else { return };
    let idle = worker(&stage, Handlers::new(), hourly());
    assert_eq!(idle.run_schedules().await.unwrap(), 0);
    stage.clock.advance(TimeDelta::hours(1));
    assert_eq!(idle.run_schedules().await.unwrap(), 2);
    stage.clock.advance(TimeDelta::hours(1));
    assert_eq!(idle.run_schedules().await.unwrap(), 0);
    assert_eq!(stage.standings(KIND).await.len(), 2);
}

#[tokio::test]
async fn a_daily_job_comes_by_the_clinics_own_clock() {
    let Some(stage) = Stage::set().await else { return };
    let maintenance = stage.database.connect(Role::Maintenance).await;
    for (clinic, zone) in [("aurora", "America/Sao_Paulo"), ("horizonte", "Pacific/Auckland")] {
        maintenance
            .execute(
                "UPDATE clinics SET zone = $2 WHERE id = $1",
                &[world::clinic(clinic).as_uuid(), &zone],
            )
            .await
            .unwrap();
    }
    stage.clock.set(at("2026-11-24T09:00:00Z"));
    let three = NaiveTime::from_hms_opt(3, 0, 0).unwrap();
    let notes = Notes::default();
    let daily = worker(
        &stage,
        notes.handlers(KIND),
        Schedules::new()
            .daily(KIND, three, Lane::Bulk)
            .daily_utc("test.utc", three, Lane::Bulk),
    );
    assert_eq!(daily.run_schedules().await.unwrap(), 0);
    stage.clock.set(at("2026-11-24T10:00:00Z"));
    assert_eq!(daily.run_schedules().await.unwrap(), 4);
    assert_eq!(daily.run_schedules().await.unwrap(), 0);
    // Three in the morning of the 25th: in Auckland (UTC+13), UTC, and in São Paulo (UTC-3).
    for (time, handled) in [
        ("2026-11-24T13:59:59Z", 0),
        ("2026-11-24T14:00:00Z", 1),
        ("2026-11-25T05:59:59Z", 1),
        ("2026-11-25T06:00:00Z", 2),
    ] {
        stage.clock.set(at(time));
        daily.run_once().await.unwrap();
        assert_eq!(notes.count(), handled, "{time}");
    }
}
