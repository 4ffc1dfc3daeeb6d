//! Makes and removes the databases of one process: a thread with connections that are opened once, since signing in costs
//! more than copying a small database.

use std::sync::{OnceLock, mpsc};

use tokio::sync::oneshot;
use tokio_postgres::Client;

use crate::database::connect;
use crate::services::{Services, with_database};
use crate::template;

/// What the keeper is asked to do.
enum Task {
    Make {
        name: String,
        seeded: bool,
        done: oneshot::Sender<()>,
    },
    Remove {
        name: String,
        done: mpsc::Sender<()>,
    },
}

/// The connections by which databases are made, and by which what still holds one is let go.
struct Keeper {
    admin: Client,
    /// One of each role that tests sign in as: a role may end its own connections, and no other's.
    roles: Vec<Client>,
    template: String,
}

/// Makes the database `name`: with the world in it, or empty.
pub(crate) async fn make(services: &Services, name: &str, seeded: bool) {
    let (done, answer) = oneshot::channel();
    tell(
        services,
        Task::Make {
            name: name.to_owned(),
            seeded,
            done,
        },
    );
    answer
        .await
        .expect("databases can be made; the reason why not is above");
}

/// Removes the database `name`, whoever is connected to it.
pub(crate) fn remove(services: &Services, name: &str) {
    let (done, answer) = mpsc::channel();
    tell(
        services,
        Task::Remove {
            name: name.to_owned(),
            done,
        },
    );
    // One that cannot be removed is swept by a later run.
    let _keeper_gone = answer.recv();
}

fn tell(services: &Services, task: Task) {
    static KEEPER: OnceLock<tokio::sync::mpsc::UnboundedSender<Task>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (sender, tasks) = tokio::sync::mpsc::unbounded_channel();
        let services = services.clone();
        std::thread::spawn(move || run(&services, tasks));
        sender
    });
    // When the keeper is gone, whoever waits for the answer learns of it.
    let _keeper_gone = keeper.send(task);
}

fn run(services: &Services, mut tasks: tokio::sync::mpsc::UnboundedReceiver<Task>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the databases");
    runtime.block_on(async {
        let keeper = Keeper::open(services).await;
        while let Some(task) = tasks.recv().await {
            match task {
                Task::Make { name, seeded, done } => {
                    let template = if seeded { &keeper.template } else { "template1" };
                    template::run(&keeper.admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                    let _test_gone = done.send(());
                }
                Task::Remove { name, done } => {
                    keeper.remove(&name).await;
                    let _test_gone = done.send(());
                }
            }
        }
    });
}

impl Keeper {
    async fn open(services: &Services) -> Self {
        let admin = connect(&services.admin).await;
        let template = template::ready(services, &admin).await;
        let mut roles = Vec::new();
        for url in [&services.app, &services.worker, &services.maintenance] {
            roles.push(connect(&with_database(url, "postgres")).await);
        }
        Self { admin, roles, template }
    }

    async fn remove(&self, name: &str) {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        if self.admin.batch_execute(&statement).await.is_ok() {
            return;
        }
        for role in &self.roles {
            role.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND usename = current_user",
                &[&name],
            )
            .await
            .expect("a role may end its own connections");
        }
        if let Err(error) = self.admin.batch_execute(&statement).await {
            eprintln!("a test database was left behind: {error}");
        }
    }
}
