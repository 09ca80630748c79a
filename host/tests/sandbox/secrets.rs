//! Secrets: where their values go, where they do not, and what comes back.

use byway::config::{Position, Secret, SecretSource};
use byway::contract::Outcome;
use serde_json::{Value, json};

use crate::far_side::{FarSide, Script};
use crate::stage::{With as _, call, delivers, fails, load, secret_file, sends};

const VALUE: &str = "v3ry-s3cret-value";

fn authorization() -> Position {
    Position::Header("authorization".into())
}

#[tokio::test]
async fn a_bound_header_arrives_with_the_value() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let file = secret_file(VALUE);
    let transport = sends(json!([{ "http": {
        "url": far_side.at("/"), "headers": { "authorization": "Bearer $secret:token" }
    } }]))
    .http(&far_side.url)
    .secret("token", file.path(), authorization());
    delivers(&transport).await;
    assert!(far_side.heard()[0].contains(&format!("authorization: Bearer {VALUE}\r\n")));
}

#[tokio::test]
async fn a_bound_path_arrives_with_the_value_escaped_and_no_record_has_it() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let file = secret_file("12:a/b c");
    let transport = sends(json!([{ "http": { "url": far_side.at("/bot$secret:token/send") } }]))
        .http(&far_side.url)
        .secret("token", file.path(), Position::UrlPath);
    let attempted = load(&transport).attempt(call()).await.unwrap();
    assert!(
        far_side.heard()[0].starts_with("POST /bot12:a%2Fb%20c/send HTTP/1.1"),
        "{}",
        far_side.heard()[0]
    );
    assert_eq!(
        attempted.effect.unwrap().0,
        format!("POST {}", far_side.at("/bot{token}/send"))
    );
}

#[tokio::test]
async fn a_reference_in_an_unbound_position_lets_nothing_leave() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let file = secret_file(VALUE);
    let at = far_side.at("/");
    for (position, step) in [
        (
            authorization(),
            json!({ "url": at, "headers": { "x-other": "$secret:token" } }),
        ),
        (
            authorization(),
            json!({ "url": far_side.at("/?t=$secret:token") }),
        ),
        (authorization(), json!({ "url": far_side.at("/$secret:token") })),
        (
            authorization(),
            json!({ "url": at, "chunks": ["before $secret:token after"] }),
        ),
        (
            Position::UrlPath,
            json!({ "url": at, "headers": { "authorization": "$secret:token" } }),
        ),
        (
            Position::Env("TOKEN".into()),
            json!({ "url": at, "chunks": ["$secret:token"] }),
        ),
    ] {
        let transport =
            sends(json!([{ "http": step }]))
                .http(&far_side.url)
                .secret("token", file.path(), position);
        let (attempted, failure) = fails(&transport).await;
        assert_eq!(failure.code, "httprequestdenied");
        assert_eq!(attempted.effect, None);
    }
    assert!(far_side.heard().is_empty());
}

#[tokio::test]
async fn a_reference_is_found_in_a_body_wherever_it_is_cut() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let file = secret_file(VALUE);
    // The guest writes 4096 bytes at a time.
    let padding = "x".repeat(4080);
    let transport = sends(
        json!([{ "http": { "url": far_side.at("/"), "chunks": [format!("{padding}$secret:token")] } }]),
    )
    .http(&far_side.url)
    .secret("token", file.path(), authorization());
    fails(&transport).await;
    assert!(far_side.heard().is_empty());
}

#[tokio::test]
async fn what_a_far_side_echoes_comes_back_without_the_value() {
    let far_side = FarSide::start(Script::Echo).await;
    let file = secret_file(VALUE);
    let transport = sends(json!([{ "http": {
        "url": far_side.at("/"), "headers": { "authorization": "Bearer $secret:token" }
    } }]))
    .http(&far_side.url)
    .secret("token", file.path(), authorization());
    let echoed = delivers(&transport).await;
    assert!(
        echoed.contains("authorization: Bearer *****************"),
        "{echoed}"
    );
    assert!(!echoed.contains(VALUE));
}

#[tokio::test]
async fn a_value_in_an_answers_header_or_in_base64_is_covered() {
    let file = secret_file(VALUE);
    for echoed in [
        VALUE.to_owned(),
        "djNyeS1zM2NyZXQtdmFsdWU=".into(),
        "v3ry-s3cret-value".into(),
    ] {
        let raw = format!("HTTP/1.1 200 OK\r\nx-echo: a{echoed}b\r\ncontent-length: 0\r\n\r\n");
        let far_side = FarSide::start(Script::Raw(raw)).await;
        let transport = sends(json!([{ "http": { "url": far_side.at("/"), "show": "x-echo" } }]))
            .http(&far_side.url)
            .secret("token", file.path(), authorization());
        let shown = delivers(&transport).await;
        assert!(shown.starts_with("a***") && shown.ends_with('b'), "{shown}");
    }
}

#[tokio::test]
async fn no_reference_gets_into_a_record_a_signature_progress_or_a_command() {
    let file = secret_file(VALUE);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let steps: [Value; 5] = [
        json!({ "append": { "folder": path, "name": "a.md", "bytes": "$secret:token" } }),
        json!({ "drop": { "folder": path, "name": "a.json", "bytes": "$secret:token" } }),
        json!({ "save": "$secret:token" }),
        json!({ "sign": { "key": "hook", "id": "$secret:token", "body": "" } }),
        json!({ "sign": { "key": "hook", "id": "id", "body": "$secret:token" } }),
    ];
    for step in steps {
        let mut transport = sends(json!([step]))
            .folder(folder.path(), byway::config::FolderAccess::Append)
            .folder(folder.path(), byway::config::FolderAccess::Drop)
            .secret("token", file.path(), authorization());
        let key = secret_file("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let source = SecretSource::File(key.path().into());
        transport.signers.insert(
            "hook".into(),
            byway::config::SignerKeys {
                sources: vec![source],
            },
        );
        let (_, failure) = fails(&transport).await;
        assert_eq!(failure.code, "reference-not-allowed");
        assert!(!failure.message.contains(VALUE));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_failures_words_have_neither_values_nor_references() {
    let file = secret_file(VALUE);
    let step = json!({ "fail": { "code": "x", "message": format!("got {VALUE} for $secret:token") } });
    let transport = sends(json!([step])).secret("token", file.path(), authorization());
    let (_, failure) = fails(&transport).await;
    assert_eq!(failure.message, "got [secret] for {token}");
}

#[tokio::test]
async fn a_secret_that_was_not_given_cannot_be_asked_for() {
    let (_, failure) = fails(&sends(
        json!([{ "fail": { "code": "x", "message": "$secret:token" } }]),
    ))
    .await;
    assert_eq!(failure.message, "not-granted");
}

#[tokio::test]
async fn a_secret_is_read_at_each_attempt_and_its_absence_is_byways_own_fault() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let file = secret_file("first-value");
    let transport = load(
        &sends(
            json!([{ "http": { "url": far_side.at("/"), "headers": { "authorization": "$secret:token" } } }]),
        )
        .http(&far_side.url)
        .secret("token", file.path(), authorization()),
    );
    assert!(matches!(
        transport.attempt(call()).await.unwrap().outcome,
        Outcome::Delivered(_)
    ));
    std::fs::write(file.path(), "second-value").unwrap();
    transport.attempt(call()).await.unwrap();
    assert!(far_side.heard()[0].contains("first-value") && far_side.heard()[1].contains("second-value"));
    assert!(transport.missing_secrets().is_empty());
    std::fs::remove_file(file.path()).unwrap();
    let fault = transport.attempt(call()).await.unwrap_err();
    assert_eq!(fault.code, "secret-unavailable");
    assert_eq!(transport.missing_secrets()[0].pointer, "/secrets/token");
}

#[tokio::test]
async fn what_a_command_prints_goes_where_it_is_bound() {
    let far_side = FarSide::start(Script::Answer(200, format!("you said {VALUE}"))).await;
    let mut transport = sends(json!([{ "http": {
        "url": far_side.at("/"), "headers": { "authorization": "Bearer $secret:token" }
    } }]))
    .http(&far_side.url);
    let printing = Secret {
        source: SecretSource::Command(["printf", "%s\\n", VALUE].map(str::to_owned).to_vec()),
        positions: vec![authorization()],
    };
    transport.secrets.insert("token".into(), printing);
    let detail = delivers(&transport).await;
    assert!(far_side.heard()[0].contains(&format!("authorization: Bearer {VALUE}\r\n")));
    assert!(!detail.contains(VALUE), "what comes back is scrubbed: {detail}");
}

#[tokio::test]
async fn a_command_that_fails_leaves_the_message_waiting() {
    let mut transport = sends(json!([]));
    let failing = Secret {
        source: SecretSource::Command(vec!["false".to_owned()]),
        positions: vec![authorization()],
    };
    transport.secrets.insert("token".into(), failing);
    let fault = load(&transport).attempt(call()).await.unwrap_err();
    assert_eq!(fault.code, "secret-unavailable");
    assert!(
        fault.message.contains("false ended with exit code 1"),
        "{}",
        fault.message
    );
}

#[tokio::test]
async fn secrets_that_take_longer_than_an_attempt_may_are_no_attempt() {
    let far_side = FarSide::start(Script::Answer(200, "ok".into())).await;
    let mut transport = sends(json!([{ "http": { "url": far_side.at("/") } }]))
        .http(&far_side.url)
        .timeout(200);
    let slow = Secret {
        source: SecretSource::Command(
            ["sh", "-c", "sleep 3; echo slow-secret"]
                .map(str::to_owned)
                .to_vec(),
        ),
        positions: vec![authorization()],
    };
    transport.secrets.insert("token".into(), slow);
    // The time of an attempt is one: it does not begin after the secrets were read.
    let fault = load(&transport).attempt(call()).await.unwrap_err();
    assert_eq!(fault.code, "secret-unavailable");
    assert!(fault.message.contains("longer than an attempt may"), "{fault}");
    assert!(far_side.heard().is_empty());
}
