//! Keeps one fetch running for each transport that receives, whatever is in force.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::Byway;
use crate::intake::fetch;

impl Byway {
    /// Fetches until `stop` turns true and the fetches have ended. A fetch ends by itself when its transport
    /// receives no more; it is begun here when one does.
    pub(super) async fn receive(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let mut swaps = self.swaps();
        let mut fetches = JoinSet::new();
        let mut running: HashMap<Id, String> = HashMap::new();
        let mut stopped = stop.clone();
        while !*stop.borrow() {
            swaps.borrow_and_update();
            let config = self.config();
            for transport in config.transports.values().filter(|it| it.receive.is_some()) {
                if !running.values().any(|name| *name == transport.name) {
                    let task = fetches.spawn(fetch(Arc::clone(&self), transport.name.clone(), stop.clone()));
                    running.insert(task.id(), transport.name.clone());
                }
            }
            tokio::select! {
                _ = swaps.changed() => {}
                _ = stopped.changed() => {}
                Some(ended) = fetches.join_next_with_id(), if !fetches.is_empty() => match ended {
                    Ok((id, ())) => { running.remove(&id); }
                    // It keeps its place: what panics once would panic again at once.
                    Err(error) => tracing::error!(%error, "a fetch ended in a panic; please report it"),
                },
            }
        }
        while fetches.join_next().await.is_some() {}
    }
}
