//! The back door: transports through which messages are fetched.
//!
//! A batch is stored first and the transport's cursor after it, so a crash between the two brings an
//! item again, which the store recognises, and never loses one. A failure to fetch is said
//! once when it begins and once when it ends, and is never taken for "nothing there".

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Door, Refusal, refused};
use crate::envelope::{Address, Draft, Envelope};
use crate::error_code::ErrorCode;
use crate::front::Byway;
use crate::sandbox::Item;

const BATCH_MAX: u32 = 32;
const FAILED_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Fetches through one transport until `stop` turns true, or the configuration in force has it receive no more.
pub async fn fetch(byway: Arc<Byway>, transport: String, mut stop: watch::Receiver<bool>) {
    let mut swaps = byway.swaps();
    let mut failures = 0_u32;
    while !*stop.borrow() {
        swaps.borrow_and_update();
        let config = byway.config();
        let receive = config.transports.get(&transport).and_then(|it| it.receive);
        let Some(every) = receive.map(|it| it.every) else {
            return;
        };
        let pause = match fetch_once(&byway, &transport).await {
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

async fn fetch_once(byway: &Byway, transport: &str) -> Result<usize, String> {
    let fleet = byway.fleet();
    let adapter = fleet.loaded(transport).ok_or("the transport is not loaded")?;
    let store = byway.store();
    let cursor = store.cursor(transport).await.map_err(|error| error.to_string())?;
    let batch = adapter
        .receive(cursor.clone(), BATCH_MAX)
        .await
        .map_err(|fault| fault.to_string())?;
    let inbound = byway
        .config()
        .inbound
        .contains_key(transport)
        .then(|| transport.to_owned());
    let door = Door {
        name: transport.to_owned(),
        inbound,
    };
    let mut fresh = 0;
    for item in batch.items {
        fresh += usize::from(take(byway, &door, item).await?);
    }
    if batch.cursor != cursor {
        store
            .set_cursor(transport, batch.cursor)
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(fresh)
}

/// Takes one item in, and says whether it was new. A refusal is the item's end, written into the journal
/// and kept as a file; only a failure of ours stops the batch, so that the item comes again.
async fn take(byway: &Byway, door: &Door, item: Item) -> Result<bool, String> {
    let as_it_came = match &item {
        Item::Event(bytes) => bytes.clone(),
        Item::Words(words) => words.text.clone().into_bytes(),
    };
    let taken = match read(byway, door, item) {
        Ok(envelope) => byway.take_in(door, envelope).await,
        Err(refusal) => {
            byway.intake().refuse_malformed(door, &refusal).await;
            Err(refusal)
        }
    };
    match taken {
        Ok(taken) => Ok(!taken.again),
        Err(refusal) if is_ours(refusal.code) => Err(refusal.to_string()),
        Err(_) => {
            keep_refused(byway, door, as_it_came).await?;
            Ok(false)
        }
    }
}

async fn keep_refused(byway: &Byway, door: &Door, bytes: Vec<u8>) -> Result<(), String> {
    let data_dir = byway.config().instance.data_dir.clone();
    let now = (byway.intake().clock)();
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

fn read(byway: &Byway, door: &Door, item: Item) -> Result<Envelope, Refusal> {
    match item {
        Item::Event(bytes) => Ok(Envelope::from_json(&bytes)?),
        Item::Words(words) => {
            let recipient = Address::new(&words.agent, &byway.config().instance.name)
                .map_err(|error| Refusal::new(ErrorCode::InvalidAddress, error.to_string()))?;
            let source = format!("byway://{}/via/{}", byway.config().instance.name, door.name);
            let draft = Draft {
                subject: words.subject,
                ..Draft::new(source, recipient)
            };
            let draft = draft.text(words.text).extension("sender", words.sender);
            Ok(draft.finish(words.id, (byway.intake().clock)())?)
        }
    }
}

fn is_ours(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::StoreFailed
            | ErrorCode::DiskFull
            | ErrorCode::DataFolder
            | ErrorCode::DataFolderInUse
            | ErrorCode::Internal
    )
}
