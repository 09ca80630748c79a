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

#[tokio::test]
async fn every_lane_delivers_over_connections_of_its_own() {
    let far_side = FarSide::start(Script::Answer(200, "thanks".into())).await;
    let transport = sends(json!([{ "http": { "url": far_side.at("/hook") } }])).http(&far_side.url);
    let kept = tempfile::tempdir().unwrap();
    let lanes = Lanes::start(LANES).unwrap();
    for cache_dir in [None, Some(kept.path().join("compiled"))] {
        let (heard, connected) = (far_side.heard().len(), far_side.connections());
        let ended = attempts(&load(&transport, cache_dir), &lanes, 4).await;
        let all: Vec<_> = (0..LANES)
            .flat_map(|lane| [(lane, OutcomeKind::Delivered); 4])
            .collect();
        assert_eq!(ended, all);
        assert_eq!(far_side.heard().len() - heard, all.len());
        assert_eq!(far_side.connections() - connected, LANES);
    }
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
