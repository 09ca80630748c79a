//! The contract in another language: the adapter of `examples/javascript-adapter`, written by hand in JavaScript without an SDK,
//! over the `websocket` capability.
//!
//! `cargo xtask test` makes the component where npm is; by hand, `npm ci && npm run build` in that folder and set
//! `BYWAY_JAVASCRIPT_ADAPTER` to the component. Without it these tests are left out, and
//! `cargo xtask test` says so.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use byway::config::{AdapterRef, Position, Transport};
use byway::contract::{Attempted, Failure, Outcome, OutcomeKind, ReceiptStatus};
use byway::sandbox::{Compiling, LoadedTransport, ReadyState, Sandbox, SandboxSettings};
use serde_json::{Value, json};

use crate::socket_side::{Heard, Play, socket_side};
use crate::stage::{With as _, call, puppet, secret_file};

const TOKEN: &str = "r00m-t0ken-value";

/// What a server answers to a message; nothing: it hangs up.
type Room = fn(&str) -> Option<String>;

/// The component, or nothing where it was not made.
fn component() -> Option<PathBuf> {
    std::env::var_os("BYWAY_JAVASCRIPT_ADAPTER")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// Keeps what it compiled, since each test may be a process: the engine in the component takes a second or more.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        Sandbox::new(SandboxSettings {
            cache_dir: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("javascript-compiled")),
            compiling: Compiling::InProcess,
            attempts_at_once_max: 8,
            lanes: 1,
            builtin: &[],
        })
        .unwrap()
    })
}

fn load(transport: &Transport) -> LoadedTransport {
    sandbox().load(transport).unwrap()
}

async fn attempt(transport: &Transport) -> Attempted {
    load(transport).attempt(call()).await.unwrap()
}

async fn fails(transport: &Transport) -> (Attempted, Failure) {
    let attempted = attempt(transport).await;
    let failure = attempted.outcome.failure().unwrap().clone();
    (attempted, failure)
}

/// The room server of the example: a login, then messages, each answered with its name.
fn room(said: &str) -> Option<String> {
    let said: Value = serde_json::from_str(said).unwrap();
    let answer = match said["type"].as_str() {
        Some("login") if said["token"] == TOKEN => json!({ "type": "welcome" }),
        Some("login") => json!({ "type": "go-away" }),
        _ => json!({ "type": "taken", "key": said["key"], "name": 41 }),
    };
    Some(answer.to_string())
}

/// The same, but for what it answers a message.
fn room_that_says(said: &str, answer: Option<&str>) -> Option<String> {
    match room(said) {
        Some(taken) if taken.contains("taken") => answer.map(str::to_owned),
        other => other,
    }
}

/// The example's transport towards a server that has begun to listen.
fn transport(component: PathBuf, url: &str, token: &tempfile::NamedTempFile) -> Transport {
    let transport = Transport {
        adapter: AdapterRef::Path(component),
        ..puppet(json!({ "url": format!("{url}/room"), "token": "room" }))
    };
    transport
        .http(url)
        .secret("room", token.path(), Position::WsJson("/token".into()))
}

/// Starts a server, and gives the transport to it.
async fn stage(token: &tempfile::NamedTempFile) -> Option<(Transport, Heard)> {
    let component = component()?;
    let (url, heard) = socket_side(Play::Answer(room)).await;
    Some((transport(component, &url, token), heard))
}

fn login(token: &str) -> String {
    format!(r#"{{"type":"login","token":"{token}"}}"#)
}

#[tokio::test]
async fn a_message_arrives_and_the_token_is_put_in_on_the_way() {
    let token = secret_file(TOKEN);
    let Some((transport, heard)) = stage(&token).await else {
        return;
    };
    let attempted = attempt(&transport).await;
    let Outcome::Delivered(receipt) = &attempted.outcome else {
        panic!("{:?}", attempted.outcome);
    };
    assert_eq!(
        (receipt.status, receipt.reference.as_deref()),
        (ReceiptStatus::Accepted, Some("41"))
    );
    assert!(attempted.effect.is_some());
    heard.all_over().await;
    let messages = heard.messages();
    assert_eq!(messages[0], login(TOKEN));
    let message: Value = serde_json::from_str(&messages[1]).unwrap();
    assert_eq!(
        message,
        json!({
            "type": "message", "key": "m-1", "from": "byway://a/planner", "to": "executor@b",
            "text": r#"{"number":1,"text":"hello"}"#
        })
    );
    assert_eq!(messages.len(), 2);
}

#[tokio::test]
async fn a_probe_logs_in_and_sends_nothing() {
    let token = secret_file(TOKEN);
    let Some((transport, heard)) = stage(&token).await else {
        return;
    };
    let readiness = load(&transport).probe().await.unwrap();
    assert_eq!(readiness.state, ReadyState::Ready, "{readiness:?}");
    heard.all_over().await;
    assert_eq!(heard.messages(), [login(TOKEN)]);
}

#[tokio::test]
async fn a_wrong_token_is_no_effect() {
    let token = secret_file("another-value");
    let Some((transport, heard)) = stage(&token).await else {
        return;
    };
    let (attempted, failure) = fails(&transport).await;
    assert_eq!(
        (attempted.outcome.kind(), failure.code.as_str()),
        (OutcomeKind::Unavailable, "wrong-token")
    );
    assert!(attempted.effect.is_none());
    heard.all_over().await;
    assert_eq!(heard.messages(), [login("another-value")]);
}

#[tokio::test]
async fn nobody_there_is_retryable() {
    let token = secret_file(TOKEN);
    let Some(component) = component() else {
        return;
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", closed.local_addr().unwrap());
    drop(closed);
    let (attempted, failure) = fails(&transport(component, &url, &token)).await;
    assert_eq!(
        (attempted.outcome.kind(), failure.code.as_str()),
        (OutcomeKind::Retryable, "connection-refused")
    );
}

#[tokio::test]
async fn after_the_message_everything_but_a_clear_answer_is_unknown() {
    use OutcomeKind::{Refused, Unknown};
    let token = secret_file(TOKEN);
    let Some(component) = component() else {
        return;
    };
    let plays: [(Room, OutcomeKind, &[&str]); 4] = [
        (|said| room_that_says(said, None), Unknown, &["closed", "io"]),
        (
            |said| room_that_says(said, Some("no JSON")),
            Unknown,
            &["bad-answer"],
        ),
        (
            |said| room_that_says(said, Some(r#"{"type": "taken", "key": "another"}"#)),
            Unknown,
            &["bad-answer"],
        ),
        (
            |said| room_that_says(said, Some(r#"{"type": "refused", "why": "too loud"}"#)),
            Refused,
            &["room-refused"],
        ),
    ];
    for (play, kind, codes) in plays {
        let (url, heard) = socket_side(Play::Answer(play)).await;
        let (attempted, failure) = fails(&transport(component.clone(), &url, &token)).await;
        assert_eq!(attempted.outcome.kind(), kind, "{failure:?}");
        assert!(codes.contains(&failure.code.as_str()), "{failure:?}");
        assert!(attempted.effect.is_some());
        assert_eq!(heard.messages().len(), 2);
    }
}

#[tokio::test]
async fn its_check_finds_what_is_missing_and_what_is_not_granted() {
    let token = secret_file(TOKEN);
    let Some(component) = component() else {
        return;
    };
    let pointers = |transport: &Transport| -> Vec<String> {
        let problems = sandbox().load(transport).map(drop).unwrap_err();
        problems.into_iter().map(|problem| problem.pointer).collect()
    };
    let mut wrong = transport(component.clone(), "ws://127.0.0.1:1", &token);
    wrong.config = json!({ "url": "http://127.0.0.1/", "tokn": 1 })
        .as_object()
        .unwrap()
        .clone();
    let mut found = pointers(&wrong);
    found.sort();
    assert_eq!(found, ["/config/token", "/config/tokn", "/config/url"]);
    let mut bare = transport(component, "ws://127.0.0.1:1", &token);
    bare.grants.http.clear();
    bare.secrets.clear();
    let found = pointers(&bare);
    assert_eq!(found.len(), 2, "{found:?}");
}
