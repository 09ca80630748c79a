//! How a command reaches its byway.
//!
//! The lock of the data folder decides. If the command gets it, no server runs, and the command does the
//! work itself. If it does not, whoever has it is asked: the server, at the address that it has
//! written down. For a moment it can be neither (a server starts or stops, another command is at
//! work), so the command tries for a while before it gives up. No address is guessed, because another
//! byway of this machine may be listening there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::address_file;
use super::client::Client;
use super::failure::Failure;
use crate::api;
use crate::config::Config;
use crate::error_code::ErrorCode;
use crate::front::Byway;
use crate::principal::Tokens;

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
const TOKEN_VARIABLE: &str = "BYWAY_TOKEN";

/// As whom a command calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Whoever's token `BYWAY_TOKEN` is; without it the owner of the data folder, who is the admin.
    Local,
    /// Somebody from outside, who brings a message with its own proof.
    Outside,
}

/// Finds whoever answers for this configuration.
pub(super) async fn reach(config: &Config, caller: Caller) -> Result<Client, Failure> {
    let given = token_given(caller);
    let until = Instant::now() + PATIENCE;
    loop {
        match Byway::open_without_transports(config.clone()) {
            Ok(byway) => return Ok(in_folder(byway, caller, given)),
            Err(error) if error.code == ErrorCode::DataFolderInUse => {}
            // An agent that runs as another user may call with its token, but not look into the folder.
            Err(error) if error.code == ErrorCode::DataFolder && given.is_some() => {
                let client = Client::to(address_file::callable(config.api.listen), given);
                return if client.is_alive().await {
                    Ok(client)
                } else {
                    Err(error.into())
                };
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(client) = running(config, caller).await? {
            return Ok(client);
        }
        if Instant::now() >= until {
            return Err(nobody_answers(config));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// An empty one counts as given: `BYWAY_TOKEN="$(something that failed)"` must not make an admin.
fn token_given(caller: Caller) -> Option<Zeroizing<String>> {
    let token = (caller == Caller::Local)
        .then(|| std::env::var_os(TOKEN_VARIABLE))
        .flatten()?;
    Some(Zeroizing::new(token.to_string_lossy().into_owned()))
}

fn in_folder(byway: Byway, caller: Caller, given: Option<Zeroizing<String>>) -> Client {
    let token = match caller {
        Caller::Local => given.or_else(|| Some(Zeroizing::new(byway.tokens().admin().to_owned()))),
        Caller::Outside => None,
    };
    Client::in_process(api::router(Arc::new(byway)), token)
}

/// Whether a server answers for this data folder.
pub(super) async fn is_running(config: &Config) -> bool {
    let Some(address) = address_file::read(&config.instance.data_dir) else {
        return false;
    };
    Client::to(address, None).is_alive().await
}

/// The running server, where one has written down its address and answers. Leaves the data folder alone.
pub(super) async fn running(config: &Config, caller: Caller) -> Result<Option<Client>, Failure> {
    let data_dir = &config.instance.data_dir;
    let Some(address) = address_file::read(data_dir) else {
        return Ok(None);
    };
    let token = match (caller, token_given(caller)) {
        (Caller::Outside, _) => None,
        (Caller::Local, Some(token)) => Some(token),
        (Caller::Local, None) => Some(Zeroizing::new(
            Tokens::load_or_create(data_dir)?.admin().to_owned(),
        )),
    };
    let client = Client::to(address, token);
    Ok(client.is_alive().await.then_some(client))
}

fn nobody_answers(config: &Config) -> Failure {
    let folder = config.instance.data_dir.display();
    Failure::new(
        ErrorCode::NotRunning,
        format!(
            "another byway has the data folder {folder}, and did not answer for {} s",
            PATIENCE.as_secs()
        ),
    )
    .with_fix("Try again; if it stays so, look at the log of that `byway serve`.")
}
