//! Files through the front door, in a folder and in a bucket alike: kept, given out, limited, missed, and looked after.

mod bucket;
mod limits;
mod slow;
mod sweeping;

use std::sync::Arc;

use kernel::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Actor, Answer, Role, TestBucket};

use crate::app::{TestApp, until};
use crate::conversations::{whatsapp, write_in};

/// A gateway, where its files are, and a conversation.
struct Stage {
    app: TestApp,
    bucket: Option<Arc<TestBucket>>,
    conversation: String,
}

impl Stage {
    async fn set(bucket: Option<Arc<TestBucket>>) -> Option<Self> {
        let app = TestApp::start_with(|config| {
            if let Some(bucket) = &bucket {
                config.files = bucket.files();
            }
        })
        .await?;
        let inbox = whatsapp(&app).await;
        let talk = write_in(&app, inbox, "5571981234567", "w1", "Oi").await;
        Some(Self {
            app,
            bucket,
            conversation: talk.conversation.to_string(),
        })
    }

    async fn with_bucket() -> Option<(Self, Arc<TestBucket>)> {
        let bucket = TestBucket::start().await;
        Some((Self::set(Some(Arc::clone(&bucket))).await?, bucket))
    }

    fn reception(&self) -> Actor {
        self.app.actor("reception@aurora")
    }

    async fn upload(&self, bytes: impl Into<Vec<u8>>) -> Answer {
        let path = format!(
            "/v1/conversations/{}/attachments?file_name=exame.pdf",
            self.conversation
        );
        self.reception()
            .call(Method::POST, &path)
            .bytes("application/octet-stream", bytes.into())
            .send()
            .await
    }

    /// The file as it is given out: status and bytes.
    async fn download(&self, id: &str) -> (u16, Vec<u8>) {
        let url = format!("http://{}/v1/message-attachments/{id}", self.app.api.address());
        let call = reqwest::Client::new().get(url).bearer_auth(self.reception().token());
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    /// How many files are kept.
    fn kept(&self) -> usize {
        match &self.bucket {
            Some(bucket) => bucket.kept(),
            None => self.app.kept_files(),
        }
    }

    async fn count(&self, query: &str) -> i64 {
        let maintenance = self.app.database.connect(Role::Maintenance).await;
        maintenance.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Moves the gateway's clock to `ahead` after the real time, which is that of the store's files.
    fn go_to_real_time_and(&self, ahead: chrono::TimeDelta) {
        self.app
            .clock
            .advance(SystemClock.now().since(self.app.clock.now()) + ahead);
        self.app.shared.wake().notify();
    }
}

/// Runs a test over a folder, and over a bucket.
async fn in_both(test: impl AsyncFn(&Stage)) {
    for bucket in [None, Some(TestBucket::start().await)] {
        let Some(stage) = Stage::set(bucket).await else { return };
        test(&stage).await;
    }
}

/// A PDF of so many bytes.
fn pdf(bytes: usize) -> Vec<u8> {
    let mut pdf = b"%PDF-1.7\n".to_vec();
    pdf.extend((pdf.len()..bytes).map(|place| b'a' + u8::try_from(place % 26).unwrap()));
    pdf
}

#[tokio::test]
async fn what_was_sent_comes_back_small_or_in_parts_and_to_its_clinic_alone() {
    in_both(async |stage| {
        for bytes in [pdf(9), pdf(5 << 20), pdf((11 << 20) + 7)] {
            let kept = stage.upload(bytes.clone()).await.expect_status(201);
            assert_eq!(kept.body["size_bytes"], bytes.len());
            assert_eq!(kept.body["content_type"], "application/pdf");
            let (status, came) = stage.download(kept.id()).await;
            assert_eq!(status, 200);
            assert!(came == bytes, "{} bytes came of {}", came.len(), bytes.len());
            let path = format!("/v1/message-attachments/{}", kept.id());
            stage
                .app
                .get("owner@horizonte", &path)
                .await
                .assert_problem(404, "attachment_not_found");
        }
        assert_eq!(stage.kept(), 3);
    })
    .await;
}

#[tokio::test]
async fn of_what_is_refused_nothing_stays() {
    in_both(async |stage| {
        let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0".to_vec();
        program.resize(6 << 20, 0);
        stage.upload(program).await.assert_status(422);
        stage.upload(Vec::new()).await.assert_status(422);
        let none = kernel::ConversationId::new_at(stage.app.clock.now());
        let path = format!("/v1/conversations/{none}/attachments");
        let call = stage.reception().call(Method::POST, &path);
        call.bytes("application/pdf", pdf(100)).send().await.assert_status(404);
        assert_eq!(stage.kept(), 0);
        assert_eq!(stage.count("SELECT count(*) FROM message_attachments").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_gone_from_the_store_is_told_as_missing() {
    in_both(async |stage| {
        let kept = stage.upload(pdf(100)).await.expect_status(201);
        let id = kept.id().parse().unwrap();
        let key = conversations::attachments::key_of(test_support::world::clinic("aurora"), id);
        stage.app.shared.files().remove(&key).await.unwrap();
        assert_eq!(stage.download(kept.id()).await.0, 404);
    })
    .await;
}

#[tokio::test]
async fn an_import_reads_its_file_and_is_forgotten_with_it() {
    in_both(async |stage| {
        let owner = stage.app.actor("owner@aurora");
        let taken = crate::imports::upload(&owner, "contacts", "Nome\nAna Lima\nBia Reis\n").await;
        let import = format!("/v1/imports/{}", taken.expect_status(201).id());
        assert_eq!(stage.kept(), 1);
        owner
            .post(&format!("{import}/start"), json!({}))
            .await
            .assert_status(202);
        let standing = async || owner.get(&import).await.expect_status(200).body;
        until("the import", async || standing().await["status"] == "completed").await;
        assert_eq!(standing().await["created"], json!(2));
        stage.app.clock.advance(chrono::TimeDelta::days(30));
        stage.app.shared.wake().notify();
        until("the file goes", async || stage.kept() == 0).await;
        let owner = stage.app.actor("owner@aurora");
        let refused = owner.post(&format!("{import}/undo"), json!({})).await;
        refused.assert_problem(409, "file_removed");
    })
    .await;
}

/// The member of a body, as text.
fn text(body: &Value, member: &str) -> String {
    body[member].as_str().unwrap_or_default().to_owned()
}
