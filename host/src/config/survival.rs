//! Whatever stands in the file, reading it ends with a configuration or with errors.
//!
//! Fits a fuzzer as it is: [`survives`] takes any text.

use std::path::Path;

use proptest::prelude::*;

use super::parse;

const WRONG_TYPES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/config_errors/wrong_types.toml"
);

/// Pieces that lead into every reader, put together in any order.
fn pieces() -> impl Strategy<Value = String> + use<> {
    let words = proptest::sample::select(vec![
        "[instance]",
        "[transports.t]",
        "[[routes]]",
        "[peers.b]",
        "[inbound.x]",
        "[agents]",
        "[limits]",
        "[transports.t.grants.commands.c]",
        "name",
        "data_dir",
        "adapter",
        "chain",
        "to",
        "from",
        "argv",
        "http",
        "secrets",
        "signers",
        "proxy",
        "proxy_auth",
        "keys",
        "env",
        "file",
        "in",
        "grants",
        "folders",
        "config",
        "deadline",
        "timeout",
        "memory_max",
        "sha256",
        "receive",
        "breaker",
        "backoff",
        "token",
        "recipients",
        "key",
        ".",
        " = ",
        "\n",
        "\n",
        "{ ",
        " }",
        "[",
        "]",
        ", ",
        "\"",
        "'",
        "\"\"\"",
        "\"a\"",
        "\"*@b\"",
        "\"{x}\"",
        "\"--x={x}\"",
        "\"5m\"",
        "\"1MiB\"",
        "\"url-path\"",
        "\"builtin:x\"",
        "\"POST https://a/\"",
        "1",
        "-1",
        "0x7f",
        "1.5",
        "nan",
        "true",
        "1979-05-27",
        "#",
        "é",
        "名",
        "\u{0}",
        "\r",
        "\\",
        "\u{feff}",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

/// Reads a text, and looks that a refusal says something.
fn survives(text: &str) {
    if let Err(errors) = parse(text, Path::new("byway.toml")) {
        assert!(!errors.problems().is_empty());
        assert!(errors.to_string().contains("error[BW1"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_text_is_answered_and_never_panics(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn text_that_looks_like_a_configuration_never_panics(text in pieces()) {
        survives(&text);
    }

    #[test]
    fn a_configuration_cut_or_changed_anywhere_never_panics(
        at in any::<prop::sample::Index>(), with in "\\PC{0,3}", cut in any::<bool>(),
    ) {
        let whole = std::fs::read_to_string(WRONG_TYPES).unwrap();
        let mut chars: Vec<char> = whole.chars().collect();
        let at = at.index(chars.len());
        let end = if cut { chars.len() } else { at + 1 };
        chars.splice(at..end, with.chars());
        survives(&chars.into_iter().collect::<String>());
    }
}
