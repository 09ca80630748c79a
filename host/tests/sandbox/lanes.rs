//! Attempts on several lanes: each with an engine and connections of its own, and all of them one transport.

use std::path::PathBuf;
use std::sync::Arc;

use byway::config::Transport;
use byway::contract::OutcomeKind;
use byway::lanes::{self, Lanes};
use byway::sandbox::{Compiling, LoadedTransport, Sandbox, SandboxSettings};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::far_side::{FarSide, Script};
use crate::stage::{With as _, call, puppet, sends};

const LANES: usize = 3;

fn load(transport: &Transport, cache_dir: Option<PathBuf>) -> LoadedTransport {
    let sandbox = Sandbox::new(SandboxSettings {
        cache_dir,
        compiling: Compiling::InProcess,
        attempts_at_once_max: 8,
        lanes: LANES,
        builtin: &[],
    })
    .unwrap();
    sandbox.load(transport).unwrap()
}

/// An attempt on each lane, all at the same time, so often.
async fn attempts(loaded: &LoadedTransport, lanes: &Lanes, times: usize) -> Vec<(usize, OutcomeKind)> {
    let mut running = JoinSet::new();
    let together = Arc::new(Barrier::new(LANES));
    for _ in 0..LANES {
        let (loaded, together) = (loaded.clone(), Arc::clone(&together));
        lanes.begin(&mut running, async move {
            let mut ended = Vec::new();
            for _ in 0..times {
                together.wait().await;
                let attempted = loaded.attempt(call()).await.unwrap();
                ended.push((lanes::here(), attempted.outcome.kind()));
            }
            ended
        });
    }
    let mut ended = running.join_all().await.concat();
    ended.sort_by_key(|(lane, _)| *lane);
    ended
}

/// One attempt on this lane, while nothing happens on the others.
async fn attempt_on(loaded: &LoadedTransport, lanes: &Lanes, wanted: usize) -> OutcomeKind {
    let mut running = JoinSet::new();
    let together = Arc::new(Barrier::new(LANES));
    for _ in 0..LANES {
        let (loaded, together) = (loaded.clone(), Arc::clone(&together));
        lanes.begin(&mut running, async move {
            // Each lane has one of them by now.
            together.wait().await;
            if lanes::here() != wanted {
                return None;
            }
            Some(loaded.attempt(call()).await.unwrap().outcome.kind())
        });
    }
    running.join_all().await.into_iter().flatten().next().unwrap()
}

#[tokio::test]
async fn every_lane_delivers_over_connections_of_its_own() {
    let far_side = FarSide::start(Script::Answer(200, "thanks".into())).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/hook") } }])).http(&far_side.url);
    let kept = tempfile::tempdir().unwrap();
    let lanes = Lanes::start(LANES).unwrap();
    for cache_dir in [None, Some(kept.path().join("compiled"))] {
        let (heard, connected) = (far_side.heard().len(), far_side.connections());
        let loaded = load(&transport, cache_dir);
        assert_eq!(loaded.lanes(), 1, "the others when they are needed");
        let ended = attempts(&loaded, &lanes, 4).await;
        assert_eq!(
            loaded.lanes(),
            LANES,
            "none of them fell back on another's engine"
        );
        let all: Vec<_> = (0..LANES)
            .flat_map(|lane| [(lane, OutcomeKind::Delivered); 4])
            .collect();
        assert_eq!(ended, all);
        assert_eq!(far_side.heard().len() - heard, all.len());
        assert_eq!(far_side.connections() - connected, LANES);
    }
    // One after the other, where a shared client would go on over the connection that is idle.
    let (loaded, connected) = (load(&transport, None), far_side.connections());
    for _ in 0..2 {
        for lane in 0..LANES {
            assert_eq!(attempt_on(&loaded, &lanes, lane).await, OutcomeKind::Delivered);
        }
    }
    assert_eq!(far_side.connections() - connected, LANES);
}

#[tokio::test]
async fn a_crash_counts_for_the_transport_on_whichever_lane_it_happens() {
    let loaded = load(&puppet(json!({ "send": [{ "trap": true }] })), None);
    let lanes = Lanes::start(LANES).unwrap();
    assert!(loaded.sending_quarantined().is_none());
    let ended = attempts(&loaded, &lanes, 1).await;
    assert_eq!(ended.len(), LANES);
    assert!(
        loaded.sending_quarantined().is_some(),
        "{LANES} crashes in a row, one on each lane"
    );
}
