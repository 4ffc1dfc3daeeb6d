//! The bus's own thread: heartbeats must go out in time however busy the workers are.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{Bus, Listener, redis};

/// A bus that listens. It also stops when this is dropped, but then nobody waits for it.
#[derive(Debug)]
pub struct BusHandle {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl BusHandle {
    /// Says good-bye to the others and waits until the thread is gone.
    pub async fn stop(self) {
        // Either fails only when the thread has ended already, or there was none.
        let _ended_before = self.stop.send(());
        let _ended = self.ended.await;
    }
}

pub(crate) fn start(bus: Bus, listeners: Arc<[Arc<dyn Listener>]>) -> Result<BusHandle, std::io::Error> {
    let (stop, stopped) = oneshot::channel();
    let (ending, ended) = oneshot::channel();
    if bus.0.redis.is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("bus".to_owned()).spawn(move || {
            runtime.block_on(async {
                // A handle that was dropped means stop as well.
                let stopped = async { drop(stopped.await) };
                Box::pin(redis::run(&bus, &listeners, stopped)).await;
            });
            drop(runtime);
            drop(ending);
        })?;
    }
    Ok(BusHandle { stop, ended })
}
