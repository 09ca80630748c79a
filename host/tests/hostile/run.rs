//! Runs one case and compares how it ended with how it had to end.

use byway::config::Transport;
use byway::contract::{Outcome, Verdict};
use byway::sandbox::{LoadedTransport, PreflightProblem, ReadyState, ReceiveFault, Sandbox};

use crate::case::{Case, End};
use crate::stage::call;
use crate::world::World;

/// How a case ended: everything that a person could have been shown, and what of it was not as it had to be.
pub(crate) struct Ended {
    pub(crate) shown: String,
    pub(crate) faults: Vec<String>,
}

/// Loads the case's transports and calls them.
pub(crate) async fn run(sandbox: Sandbox, world: &World, case: &Case) -> Ended {
    let mut ended = Ended {
        shown: String::new(),
        faults: vec![],
    };
    for transport in world.transports(case) {
        let loaded = load(&sandbox, transport).await;
        let (shown, fault) = match (loaded, &case.end) {
            (Err(problems), End::Refused { codes, says }) => {
                let as_it_had_to = problems
                    .iter()
                    .any(|it| codes.contains(&it.code) && it.message.contains(says));
                (format!("{problems:?}"), !as_it_had_to)
            }
            (Err(problems), _) => (format!("{problems:?}"), true),
            (Ok(loaded), end) => called(&loaded, end).await,
        };
        if fault {
            ended.faults.push(shown.clone());
        }
        ended.shown.push_str(&shown);
    }
    ended
}

/// Loading blocks, as it does where byway starts.
async fn load(sandbox: &Sandbox, transport: Transport) -> Result<LoadedTransport, Vec<PreflightProblem>> {
    let sandbox = sandbox.clone();
    tokio::task::spawn_blocking(move || sandbox.load(&transport))
        .await
        .unwrap()
}

/// What came of the call, and whether that is a fault.
async fn called(loaded: &LoadedTransport, end: &End) -> (String, bool) {
    match end {
        End::Refused { .. } => ("it was loaded".into(), true),
        End::Fails { outcome, code, says } => {
            let attempted = loaded.attempt(call()).await.unwrap();
            let ended = attempted.outcome.failure().is_some_and(|failure| {
                attempted.outcome.kind() == *outcome
                    && failure.code == *code
                    && failure.message.contains(says)
                    // What the host denied has not left.
                    && (failure.code != "httprequestdenied" || attempted.effect.is_none())
            });
            (format!("{attempted:?}"), !ended)
        }
        End::Delivers { says } => {
            let attempted = loaded.attempt(call()).await.unwrap();
            let ended = matches!(&attempted.outcome, Outcome::Delivered(receipt)
                if receipt.detail.as_deref().unwrap_or_default().contains(says));
            (format!("{attempted:?}"), !ended)
        }
        End::NotReady { says } => {
            let readiness = loaded.probe().await.unwrap();
            let ended = readiness.state == ReadyState::NotReady
                && readiness
                    .findings
                    .iter()
                    .any(|finding| finding.message.contains(says));
            (format!("{readiness:?}"), !ended)
        }
        End::ReceivesNothing { code } => {
            let batch = loaded.receive(None, 100).await;
            let ended = matches!(&batch, Err(ReceiveFault::Adapter(failure)) if failure.code == *code);
            (format!("{batch:?}").chars().take(2000).collect(), !ended)
        }
        End::CannotSay => {
            let verdict = loaded.reconcile(call()).await.unwrap();
            let ended = verdict == Verdict::Unknown;
            (format!("{verdict:?}"), !ended)
        }
    }
}
