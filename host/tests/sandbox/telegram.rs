//! The carried telegram adapter in the real sandbox: what it asks in a probe, where the token stands, what it
//! keeps between two tries.

use std::sync::{Arc, OnceLock};

use byway::config::{AdapterRef, Position, Transport};
use byway::sandbox::{Compiling, Item, LoadedTransport, ReadyState, Sandbox, SandboxSettings};
use serde_json::json;

use crate::far_side::{FarSide, Script};
use crate::stage::{With as _, call_keeping, puppet, secret_file};

const TOKEN: &str = "4242:AAb-telegram-token_90c1";
/// Good for every question, and for a message that was sent.
const ANSWER: &str =
    r#"{"ok": true, "result": {"id": 4242, "username": "by_bot", "url": "", "message_id": 41}}"#;

fn load(transport: &Transport) -> LoadedTransport {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let sandbox = SANDBOX.get_or_init(|| {
        Sandbox::new(SandboxSettings {
            cache_dir: None,
            compiling: Compiling::InProcess,
            attempts_at_once_max: 8,
            lanes: 1,
            builtin: byway::builtin::adapters(),
        })
        .unwrap()
    });
    sandbox.load(transport).unwrap()
}

fn telegram(far_side: &FarSide, token: &tempfile::NamedTempFile) -> Transport {
    let config =
        json!({ "api_root": far_side.url, "chats": { "executor": "-100/42" }, "people": { "anna": 7 } });
    let transport = Transport {
        adapter: AdapterRef::Builtin("telegram".into()),
        ..puppet(config)
    };
    transport
        .http(&far_side.url)
        .secret("token", token.path(), Position::UrlPath)
}

#[tokio::test]
async fn a_probe_only_asks_and_finds_a_bot_that_is_ready() {
    let far_side = FarSide::start(Script::Answer(200, ANSWER.into())).await;
    let token = secret_file(TOKEN);
    let readiness = load(&telegram(&far_side, &token)).probe().await.unwrap();
    assert_eq!(readiness.state, ReadyState::Ready, "{readiness:?}");
    let asked: Vec<String> = far_side
        .heard()
        .iter()
        .map(|request| request.lines().next().unwrap().to_owned())
        .collect();
    let expected = ["getMe", "getChat?chat_id=-100", "getWebhookInfo"]
        .map(|question| format!("GET /bot{TOKEN}/{question} HTTP/1.1"));
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_probe_with_a_wrong_token_says_what_to_do() {
    let answer = r#"{"ok": false, "error_code": 401, "description": "Unauthorized"}"#;
    let far_side = FarSide::start(Script::Answer(401, answer.into())).await;
    let token = secret_file(TOKEN);
    let readiness = load(&telegram(&far_side, &token)).probe().await.unwrap();
    assert_eq!(readiness.state, ReadyState::NotReady);
    let bad = readiness.findings.iter().find(|finding| !finding.ok).unwrap();
    assert!(bad.message.contains("Unauthorized") && !bad.message.contains(TOKEN));
    assert!(bad.fix.as_deref().unwrap().contains("@BotFather"));
}

#[tokio::test]
async fn a_telegram_that_hangs_is_an_error_of_fetching_and_not_nothing() {
    let far_side = FarSide::start(Script::Hang).await;
    let token = secret_file(TOKEN);
    let transport = telegram(&far_side, &token).timeout(500);
    assert!(load(&transport).receive(None, 10).await.is_err());
}

#[tokio::test]
async fn what_is_out_is_kept_after_each_part_but_the_last() {
    let far_side = FarSide::start(Script::Answer(200, ANSWER.into())).await;
    let token = secret_file(TOKEN);
    let loaded = load(&telegram(&far_side, &token));
    let kept = Arc::default();
    let mut call = call_keeping(&kept);
    let mut envelope = (*call.envelope).clone();
    envelope.data = Some(byway::envelope::Data::Text("word ".repeat(2000)));
    envelope.data_content_type = Some("text/plain; charset=utf-8".into());
    call.structured = envelope.to_json().into();
    call.envelope = Arc::new(envelope);
    let attempted = loaded.attempt(call).await.unwrap();
    assert!(attempted.outcome.failure().is_none(), "{:?}", attempted.outcome);
    assert_eq!(far_side.heard().len(), 3);
    let kept: serde_json::Value = serde_json::from_slice(&kept.lock().unwrap()).unwrap();
    assert_eq!(kept["ids"], json!([41, 41]));
}

#[tokio::test]
async fn a_decision_reaches_byway_itself_with_its_persons_number_and_a_forwarded_one_does_not() {
    let person = json!({"id": 7, "is_bot": false});
    let message = |number: i64, from: &serde_json::Value| {
        json!({"message_id": number, "date": 1_795_244_400, "from": from, "chat": {"id": from["id"], "type": "private"},
            "text": "/approve 0193-abc executor@b"})
    };
    let mut forwarded = message(2, &person);
    forwarded["forward_origin"] = json!({"type": "user"});
    let stranger = json!({"id": 8, "is_bot": false});
    let updates = json!({"ok": true, "result": [
        {"update_id": 1, "message": message(1, &person)},
        {"update_id": 2, "message": forwarded},
        {"update_id": 3, "edited_message": message(3, &person)},
        {"update_id": 4, "message": message(4, &stranger)},
    ]});
    let far_side = FarSide::start(Script::Answer(200, updates.to_string())).await;
    let token = secret_file(TOKEN);
    let mut transport = telegram(&far_side, &token);
    transport.config.insert("instance".into(), json!("a"));
    let batch = load(&transport).receive(None, 10).await.unwrap();
    let [Item::Event(event), Item::Words(refused)] = batch.items.as_slice() else {
        panic!("{:?}", batch.items);
    };
    let event: serde_json::Value = serde_json::from_slice(event).unwrap();
    assert_eq!(
        [
            &event["recipient"],
            &event["sender"],
            &event["senderid"],
            &event["data"]
        ],
        ["byway@a", "anna", "telegram:7", "/approve 0193-abc executor@b"]
    );
    assert_eq!(refused.agent, "", "the host refuses what is for nobody");
}
