//! The back door: transports through which messages are fetched.
//!
//! A batch is stored first and the transport's cursor after it, so a crash between the two brings an
//! item again, which the store recognises, and never loses one. A failure to fetch is said
//! once when it begins and once when it ends, and is never taken for "nothing there".
//!
//! A batch is fetched and stored under one setup, whatever is put in force meanwhile: the doors of another one
//! would refuse for good what this one was to take.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::cursor::{self, Kept};
use super::{Door, Refusal, refused};
use crate::contract::Failure;
use crate::delivery::Transports as _;
use crate::envelope::{Address, Draft, Envelope};
use crate::error_code::ErrorCode;
use crate::front::{Byway, Setup};
use crate::sandbox::{Batch, Item, ReceiveFault};

const BATCH_MAX: u32 = 32;
const FAILED_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Fetches through one transport until `stop` turns true, or the configuration in force has it receive no more.
pub async fn fetch(byway: Arc<Byway>, transport: String, mut stop: watch::Receiver<bool>) {
    let mut swaps = byway.swaps();
    let mut failures = 0_u32;
    while !*stop.borrow() {
        swaps.borrow_and_update();
        let setup = byway.setup();
        let receive = setup.config.transports.get(&transport).and_then(|it| it.receive);
        let Some(every) = receive.map(|it| it.every) else {
            return;
        };
        let fetched = fetch_once(&byway, &setup, &transport).await;
        // An old one goes as soon as nothing is done under it any more.
        drop(setup);
        let pause = match fetched {
            Ok(fresh) => {
                if failures > 0 {
                    tracing::info!(transport, "messages are fetched again");
                }
                failures = 0;
                if fresh == 0 { every } else { Duration::ZERO }
            }
            Err(why) => {
                if failures == 0 {
                    tracing::error!(transport, "messages cannot be fetched: {why}");
                }
                failures = failures.saturating_add(1);
                every
                    .saturating_mul(1 << failures.min(16))
                    .min(FAILED_PAUSE_MAX)
                    .max(every)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => {}
            _ = swaps.changed() => {}
        }
    }
}

async fn fetch_once(byway: &Byway, setup: &Setup, transport: &str) -> Result<usize, String> {
    let adapter = setup
        .fleet
        .loaded(transport)
        .ok_or("the transport is not loaded")?;
    let kept = byway
        .store()
        .cursor(transport)
        .await
        .map_err(|error| error.to_string())?;
    let cursor = match cursor::read(kept, leads_to(setup, transport)) {
        Kept::Here(cursor) => cursor,
        Kept::Elsewhere => {
            tracing::warn!(
                transport,
                "its configuration leads elsewhere now: fetching begins anew, and what comes again is recognised"
            );
            None
        }
    };
    let batch = adapter
        .receive(cursor.clone(), BATCH_MAX)
        .await
        .map_err(|fault| with_fix(&fault))?;
    store(byway, setup, transport, cursor, batch).await
}

/// Stores what was fetched and then the new cursor, and says how much of it was new.
async fn store(
    byway: &Byway,
    setup: &Setup,
    transport: &str,
    cursor: Option<Vec<u8>>,
    batch: Batch,
) -> Result<usize, String> {
    let is_allowed = setup.config.inbound.contains_key(transport);
    let inbound = is_allowed.then(|| transport.to_owned());
    let door = Door {
        name: transport.to_owned(),
        inbound,
    };
    let mut fresh = 0;
    for item in batch.items {
        fresh += usize::from(take(byway, setup, &door, item).await?);
    }
    if batch.cursor != cursor {
        byway
            .store()
            .set_cursor(transport, cursor::keep(batch.cursor, leads_to(setup, transport)))
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(fresh)
}

/// Where the transport leads under this setup, as it tells places apart.
fn leads_to(setup: &Setup, transport: &str) -> u64 {
    setup.fleet.view(transport).map_or(0, |view| view.leads_to)
}

/// What went wrong, and what the adapter says can be done.
fn with_fix(fault: &ReceiveFault) -> String {
    match fault {
        ReceiveFault::Adapter(Failure { fix: Some(fix), .. }) => format!("{fault}. {fix}"),
        fault => fault.to_string(),
    }
}

/// Takes one item in, and says whether it was new. A refusal is the item's end, written into the journal
/// and kept as a file; only a failure of ours stops the batch, so that the item comes again.
async fn take(byway: &Byway, setup: &Setup, door: &Door, item: Item) -> Result<bool, String> {
    let as_it_came = match &item {
        Item::Event(bytes) => bytes.clone(),
        Item::Words(words) => words.text.clone().into_bytes(),
    };
    let taken = match read(setup, door, item) {
        Ok(envelope) => byway.take_in_under(setup, door, envelope).await,
        Err(refusal) => {
            setup.intake.refuse_malformed(door, &refusal).await;
            Err(refusal)
        }
    };
    match taken {
        Ok(taken) => Ok(!taken.again),
        Err(refusal) if refusal.is_ours() => Err(refusal.to_string()),
        Err(_) => {
            keep_refused(setup, door, as_it_came).await?;
            Ok(false)
        }
    }
}

async fn keep_refused(setup: &Setup, door: &Door, bytes: Vec<u8>) -> Result<(), String> {
    let data_dir = setup.config.instance.data_dir.clone();
    let now = (setup.intake.clock)();
    let kept = tokio::task::spawn_blocking(move || refused::keep(&data_dir, &bytes, now)).await;
    match kept
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?
    {
        Some(path) => tracing::warn!(door = door.name, path = %path.display(), "what was refused is kept"),
        None => tracing::error!(
            door = door.name,
            "too much was refused already; this one is not kept"
        ),
    }
    Ok(())
}

fn read(setup: &Setup, door: &Door, item: Item) -> Result<Envelope, Refusal> {
    match item {
        Item::Event(bytes) => Ok(Envelope::from_json(&bytes)?),
        Item::Words(words) => {
            let me = &setup.config.instance.name;
            let recipient = Address::new(&words.agent, me)
                .map_err(|error| Refusal::new(ErrorCode::InvalidAddress, error.to_string()))?;
            let source = format!("byway://{me}/via/{}", door.name);
            let draft = Draft {
                subject: words.subject,
                ..Draft::new(source, recipient)
            };
            let draft = draft.text(words.text).extension("sender", words.sender);
            // When they were said is not known, and a time of ours would make another message of the same words
            // when they come again.
            Ok(Envelope {
                time: None,
                ..draft.finish(words.id, (setup.intake.clock)())?
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config;
    use crate::front::Trigger;
    use crate::sandbox::{Compiling, Words};

    const INSTANCE: &str = "[instance]\nname = \"b\"\ndata_dir = \"data\"\n";
    // There is no such adapter: what it would have fetched is handed in.
    const MAIL: &str = "[transports.mail]\nadapter = \"./none.wasm\"\nreceive = {}\n\
                        [inbound.mail]\nrecipients = [\"executor@b\"]\n";

    #[tokio::test]
    async fn a_batch_is_stored_under_the_setup_that_fetched_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("byway.toml");
        fs::write(&file, format!("{INSTANCE}{MAIL}")).unwrap();
        let config = config::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
        let opened = tokio::task::spawn_blocking(move || Byway::open(config, Compiling::InProcess)).await;
        let byway = opened.unwrap().unwrap();
        let setup = byway.setup();
        fs::write(&file, INSTANCE).unwrap();
        let view = byway.reload(Trigger::Call).await;
        assert_eq!(view.outcome, "done", "{:?}", view.report);
        assert!(byway.config().inbound.is_empty());
        let words = Words {
            id: "m-1".into(),
            sender: "somebody".into(),
            agent: "executor".into(),
            subject: None,
            text: "hello".into(),
        };
        let batch = Batch {
            items: vec![Item::Words(words)],
            cursor: Some(b"1".to_vec()),
        };
        assert_eq!(store(&byway, &setup, "mail", None, batch).await, Ok(1));
        let there = byway.store().find_incoming(Some("executor"), "m-1").await;
        assert!(there.unwrap().is_some());
        let kept = byway.store().cursor("mail").await.unwrap();
        let place = leads_to(&setup, "mail");
        assert_eq!(cursor::read(kept, place), Kept::Here(Some(b"1".to_vec())));
    }
}
