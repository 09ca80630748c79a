//! The verbs that look at the configuration and at the instance: validate, explain, identity, token.

use crate::place::Place;

#[test]
fn a_configuration_that_is_not_there_is_said() {
    let ran = Place::new().run(&["list", "--config", "nowhere.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (78, ""));
    assert!(ran.stderr.starts_with("error[BW101]: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("nowhere.toml"), "{}", ran.stderr);
}

#[test]
fn a_wrong_key_is_shown_with_its_line_and_the_right_one() {
    let place = Place::with("[instance]\nname = \"a\"\ndata_dri = \"data\"\n");
    for args in [&["validate"][..], &["serve"][..], &["accept", "-"][..]] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (78, ""), "{args:?}");
        for part in ["BW103", "byway.toml", "3", "data_dir"] {
            assert!(
                ran.stderr.contains(part),
                "{args:?} misses {part}: {}",
                ran.stderr
            );
        }
    }
    assert!(!place.path("data").exists(), "a wrong file changes nothing");
}

#[test]
fn validate_tells_programs_too() {
    let right = Place::new().run(&["validate", "--json"]);
    assert_eq!(right.code, 0, "{right:?}");
    assert_eq!(right.json()["valid"], true);
    assert_eq!(
        right.json()["summary"]["agents"],
        serde_json::json!(["planner", "reviewer"])
    );
    let wrong = Place::with("[instance]\nname = \"a\"\ndata_dri = \"data\"\n").run(&["validate", "--json"]);
    assert_eq!((wrong.code, wrong.stderr.as_str()), (78, ""));
    assert_eq!(wrong.json()["valid"], false);
    assert_eq!(wrong.json()["problems"][0]["code"], "BW103");
}

#[test]
fn validate_sums_up_what_is_right() {
    let ran = Place::new().run(&["validate"]);
    ran.is(
        0,
        "\
byway.toml is right
  instance   a
  agents     planner, reviewer
  peers      none
  inbound    none
  transports none
  routes     none
",
        "",
    );
}

#[test]
fn validate_says_which_secret_is_missing_and_where_it_is_asked_for() {
    let place = Place::with(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[inbound.ops]\nrecipients = [\"*@a\"]\ntoken = { env = \"BYWAY_TEST_TOKEN\" }\n",
    );
    let ran = place.run(&["validate"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (78, ""));
    for part in ["error[BW108]", "BYWAY_TEST_TOKEN is not set", "byway.toml:6:"] {
        assert!(ran.stderr.contains(part), "no {part}: {}", ran.stderr);
    }
    assert_eq!(place.run(&["validate", "--no-environment"]).code, 0);
    assert_eq!(
        place
            .run_with(&["validate"], b"", &[("BYWAY_TEST_TOKEN", "x")])
            .code,
        0
    );
}

#[test]
fn validate_looks_for_the_credentials_of_a_proxy() {
    let place = Place::with(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[transports.t]\nadapter = \"builtin:file\"\n\
         proxy = \"http://127.0.0.1:3128\"\nproxy_auth = { env = \"BYWAY_TEST_PROXY\" }\n",
    );
    let ran = place.run(&["validate"]);
    assert_eq!(ran.code, 78);
    for part in ["error[BW108]", "BYWAY_TEST_PROXY is not set", "byway.toml:7:"] {
        assert!(ran.stderr.contains(part), "misses {part}: {}", ran.stderr);
    }
}

#[test]
fn explain_says_where_a_message_would_go_and_sends_nothing() {
    let place = Place::new();
    let local = place.run(&["explain", "--to", "reviewer@a"]);
    assert_eq!((local.code, local.stderr.as_str()), (0, ""));
    assert!(
        local.stdout.contains("goes into the inbox here"),
        "{}",
        local.stdout
    );
    let nowhere = place.run(&["explain", "--to", "x@b", "--json"]).json();
    assert_eq!(nowhere["taken"], serde_json::Value::Null);
    assert!(!place.path("data").exists());
}

#[test]
fn an_identity_is_made_once() {
    let place = Place::new();
    let first = place.run(&["identity"]);
    assert!(
        first.stdout.starts_with("ed25519:") && first.stdout.trim_end().len() == 51,
        "{first:?}"
    );
    place.run(&["identity"]).is(0, &first.stdout, "");
    let json = place.run(&["identity", "--json"]).json();
    assert_eq!(
        (json["instance"].as_str(), json["key"].as_str()),
        (Some("a"), Some(first.stdout.trim_end()))
    );
}

#[test]
fn a_token_is_given_for_agents_that_are_listed_only() {
    let place = Place::new();
    let planner = place.run(&["token", "planner"]);
    assert!(
        planner.code == 0 && planner.stdout.starts_with("byway_agent_planner_"),
        "{planner:?}"
    );
    assert!(place.run(&["token"]).stdout.starts_with("byway_admin_"));
    place.run(&["token", "plannr"]).is(
        65,
        "",
        "error[BW212]: [agents] does not list `plannr`\nhelp: Did you mean `planner`? Else add it to [agents].\n",
    );
}
