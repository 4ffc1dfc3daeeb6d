//! No mailbox is forgotten: one that nobody began to look into is, once a worker has started, and one whose chain of jobs broke, later.

use chrono::TimeDelta;
use test_support::Role;

use super::super::the_conversation;
use super::Stage;
use crate::app::until;

impl Stage {
    /// Leaves the inbox as it was before mailboxes were looked into, or as a job that was lost leaves it.
    async fn forget(&self, also_the_position: bool) {
        let maintenance = self.app.database.connect(Role::Maintenance).await;
        let waiting = "DELETE FROM outbox WHERE kind = 'inbox.poll' AND handled_at IS NULL AND locked_until IS NULL";
        assert_eq!(maintenance.execute(waiting, &[]).await.unwrap(), 1);
        if also_the_position {
            assert_eq!(maintenance.execute("DELETE FROM inbox_polls", &[]).await.unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn a_mailbox_that_nobody_looks_into_is_found_when_a_worker_starts_and_each_hour() {
    let Some(mut stage) = Stage::set("forgotten").await else {
        return;
    };
    stage.forget(true).await;
    stage.app.start_again_connected().await;
    // The work of all clinics is spread over some minutes.
    stage.app.clock.advance(TimeDelta::minutes(7));
    stage.app.shared.wake().notify();
    until("the first look", async || {
        !stage.mailbox().await["last_success_at"].is_null()
    })
    .await;
    stage.comes_in(&stage.patient.address(), "f1@patient.example", "", "Um");
    stage.look();
    let conversation = the_conversation(&stage.app).await;
    until("its successor", async || {
        let next = stage.mailbox().await["next_poll_at"].clone();
        next.as_str().is_some_and(|next| next > "2026-11-20T12:09:30")
    })
    .await;

    stage.forget(false).await;
    stage.comes_in(&stage.patient.address(), "f2@patient.example", "", "Dois");
    stage.app.clock.advance(TimeDelta::hours(1));
    stage.app.shared.wake().notify();
    // The next full hour, and the minutes over which the work is spread.
    until("somebody is sent", async || {
        stage.app.clock.advance(TimeDelta::minutes(1));
        stage.app.shared.wake().notify();
        stage.bodies(&conversation).await.len() == 2
    })
    .await;
    assert_eq!(stage.bodies(&conversation).await, ["Um", "Dois"]);
}
