//! The good transport beside the hostile ones: the reason why any of this matters.

use std::sync::Arc;

use byway::contract::OutcomeKind;
use byway::sandbox::{LoadedTransport, Sandbox};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::far_side::{FarSide, Script};
use crate::stage::{With as _, call, sends};

/// A transport that delivers to a far side of its own.
pub(crate) struct Good {
    transport: LoadedTransport,
    far: FarSide,
    delivered: usize,
}

impl Good {
    pub(crate) async fn start(sandbox: &Sandbox) -> Self {
        let far = FarSide::start(Script::Answer(200, "ok".into())).await;
        let transport = sends(json!([{ "http": { "url": far.at("/") } }])).http(&far.url);
        Self {
            transport: sandbox.load(&transport).unwrap(),
            far,
            delivered: 0,
        }
    }

    /// Delivers at least once, and on until `hostile` has ended; what it ended with.
    pub(crate) async fn delivers_during<T>(&mut self, hostile: &mut JoinSet<T>) -> T
    where
        T: 'static,
    {
        loop {
            let attempted = self.transport.attempt(call()).await.unwrap();
            assert_eq!(attempted.outcome.kind(), OutcomeKind::Delivered, "{attempted:?}");
            self.delivered += 1;
            assert_eq!(
                self.far.heard().len(),
                self.delivered,
                "each delivery arrives once"
            );
            if let Some(ended) = hostile.try_join_next() {
                return ended.unwrap();
            }
        }
    }

    pub(crate) fn delivered(&self) -> usize {
        self.delivered
    }
}

/// Takes every slot of the sandbox at once, which it can only if none was lost: the far side answers
/// none of the attempts before all of them have asked.
pub(crate) async fn every_slot_is_free(sandbox: &Sandbox, slots: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let all_asked = Arc::new(Barrier::new(slots));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let all_asked = Arc::clone(&all_asked);
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let asked = stream.read(&mut request).await.unwrap();
                assert!(asked > 0, "it hung up without having asked");
                all_asked.wait().await;
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    .await
                    .unwrap();
            });
        }
    });
    // No transport gets all of them alone.
    let halves = ["one", "other"].map(|name| {
        let mut transport = sends(json!([{ "http": { "url": format!("{url}/") } }])).http(&url);
        transport.name = name.into();
        sandbox.load(&transport).unwrap()
    });
    let attempts: Vec<_> = (0..slots)
        .map(|number| {
            let transport = halves[number % 2].clone();
            tokio::spawn(async move { transport.attempt(call()).await.unwrap() })
        })
        .collect();
    for attempt in attempts {
        assert_eq!(attempt.await.unwrap().outcome.kind(), OutcomeKind::Delivered);
    }
}
