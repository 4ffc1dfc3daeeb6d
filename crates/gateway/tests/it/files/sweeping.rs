//! Files that nothing tells of.

use chrono::TimeDelta;
use conversations::attachments::key_of;
use db::{DbError, Job};
use files::FileKey;
use futures_util::stream;
use kernel::{ClinicId, Lane, MessageAttachmentId, System};
use test_support::world;

use super::*;

/// Leaves a file behind, as a process does that is killed before it has written the row.
async fn left_behind(stage: &Stage, key: &FileKey) {
    let bytes = stream::iter([Ok::<_, std::convert::Infallible>(bytes::Bytes::from(pdf(100)))]);
    stage.app.shared.files().keep(key, bytes, 1_000).await.unwrap();
}

fn some_id(stage: &Stage) -> MessageAttachmentId {
    MessageAttachmentId::new_at(stage.app.clock.now())
}

/// Does now what comes by night, and waits until it is done.
async fn sweep(stage: &Stage, clinics: &[ClinicId]) {
    const WAITING: &str =
        "SELECT count(*) FROM outbox WHERE kind = 'files.sweep' AND key IS NULL AND handled_at IS NULL";
    let db = crate::conversations::database(&stage.app);
    for clinic in clinics {
        db.write(&System::acting_for(*clinic, "test"), async |tx| {
            tx.enqueue(Job::new("files.sweep", &json!({})).lane(Lane::Bulk));
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }
    stage.app.shared.wake().notify();
    until("the sweep", async || stage.count(WAITING).await == 0).await;
}

#[tokio::test]
async fn by_night_what_no_row_tells_of_goes_and_all_else_stays() {
    in_both(async |stage| {
        stage.go_to_real_time_and(TimeDelta::zero());
        let (aurora, horizonte): (ClinicId, ClinicId) = (world::clinic("aurora"), world::clinic("horizonte"));
        let kept = stage.upload(pdf(200)).await.expect_status(201);
        let owner = stage.app.actor("owner@aurora");
        crate::imports::upload(&owner, "contacts", "Nome\nAna Lima\n")
            .await
            .assert_status(201);
        left_behind(stage, &key_of(aurora, some_id(stage))).await;
        left_behind(stage, &key_of(horizonte, some_id(stage))).await;
        left_behind(stage, &FileKey::new(aurora, "imports", some_id(stage))).await;
        // One of another kind is none of the sweep's business.
        left_behind(stage, &FileKey::new(aurora, "others", some_id(stage))).await;
        assert_eq!(stage.kept(), 6);
        // Young as they are they may yet be told of.
        for left in [6, 3] {
            stage.app.clock.advance(TimeDelta::hours(26));
            sweep(stage, &[aurora, horizonte]).await;
            assert_eq!(stage.kept(), left);
        }
        assert_eq!(stage.download(kept.id()).await, (200, pdf(200)));
        let audited =
            "SELECT coalesce(sum((detail->>'removed')::bigint), 0)::bigint FROM audit_log WHERE action = 'files.sweep'";
        until("it is audited", async || stage.count(audited).await == 3).await;
    })
    .await;
}
