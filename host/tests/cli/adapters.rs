//! `byway adapter inspect`, and what `byway validate` says of components.

use crate::place::Place;

#[test]
fn a_carried_adapter_is_shown_with_all_that_is_asked_of_it() {
    let place = Place::new();
    let ran = place.run(&["adapter", "inspect", "builtin:webhook"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    for part in [
        "builtin:webhook\n",
        "  name       webhook ",
        "  contract   byway:transport@0.1.0\n",
        "  sha256     sha256 = \"",
        "byway:transport/adapter@0.1.0\n",
        "url ",
    ] {
        assert!(ran.stdout.contains(part), "no {part}: {}", ran.stdout);
    }
    assert!(!place.path("data").exists(), "looking makes nothing");
}

#[test]
fn the_grants_it_prints_are_those_that_validate_wants() {
    let place = Place::new();
    let config = "url = \"https://a.test/bot{secret.token}/send\"\nsigning = \"hook\"\n";
    let ran = place.run(&[
        "--json",
        "adapter",
        "inspect",
        "builtin:webhook",
        "--adapter-config",
        config,
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = ran.json();
    let grants = found["grants"].as_str().unwrap();
    assert!(grants.contains("POST https://a.test/"), "{grants}");
    let (pin, config) = (found["sha256"].as_str().unwrap(), config);
    let written = format!(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[transports.hook]\nadapter = \"builtin:webhook\"\n\
         sha256 = \"{pin}\"\n[transports.hook.config]\n{config}\n{}",
        grants.replace("NAME", "hook")
    );
    let with = Place::with(&written).run(&["validate", "--no-environment"]);
    assert_eq!(with.code, 0, "{written}\n{with:?}");
    // And without them it is not content, so the test can tell.
    let (without, _) = written.split_once("[transports.hook.grants]").unwrap();
    let ran = Place::with(without).run(&["validate", "--no-environment"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.stderr.contains("BW306"), "{ran:?}");
}

#[test]
fn a_wrong_configuration_is_told_by_the_adapter_s_own_words() {
    let args = [
        "adapter",
        "inspect",
        "builtin:webhook",
        "--adapter-config",
        "{ url = 7 }",
    ];
    let ran = Place::new().run(&args);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.stderr.contains("error[BW305]"), "{ran:?}");
    assert!(
        ran.stdout.contains("  name       webhook "),
        "what can be said is said"
    );
}

#[test]
fn a_file_that_is_no_component_still_has_a_digest() {
    let place = Place::new();
    std::fs::write(place.path("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let ran = place.run(&["adapter", "inspect", "module.wasm"]);
    assert_eq!(ran.code, 65, "{ran:?}");
    assert!(
        ran.stdout
            .contains("sha256 = \"93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476\""),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("BW301") && ran.stderr.contains("core module"),
        "{ran:?}"
    );
}

#[test]
fn what_is_not_there_is_named_with_the_nearest() {
    let place = Place::new();
    let ran = place.run(&["adapter", "inspect", "builtin:webhok"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (66, ""), "{ran:?}");
    assert!(ran.stderr.contains("builtin:webhook"), "{ran:?}");
    assert_eq!(place.run(&["adapter", "inspect", "nowhere.wasm"]).code, 66);
}

#[test]
fn validate_points_at_the_pin_that_does_not_hold() {
    let pin = "0".repeat(64);
    let place = Place::with(&format!(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[transports.hook]\nadapter = \"builtin:webhook\"\nsha256 = \"{pin}\"\n"
    ));
    let ran = place.run(&["validate"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(
        ran.stderr.contains("error[BW304]") && ran.stderr.contains("byway.toml:6:"),
        "{ran:?}"
    );
}

#[test]
fn validate_points_at_the_line_that_the_adapter_finds_wrong() {
    let place = Place::with(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[transports.hook]\nadapter = \"builtin:webhook\"\n\
         [transports.hook.config]\nmethod = \"POST\"\nurl = \"ftp://a.test/\"\n",
    );
    let ran = place.run(&["validate"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(
        ran.stderr.contains("error[BW305]") && ran.stderr.contains("byway.toml:8:"),
        "{ran:?}"
    );
}

#[test]
fn validate_runs_the_command_of_a_secret_and_shows_nothing_of_it() {
    let config = |command: &str| {
        format!(
            "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[inbound.ops]\nrecipients = [\"*@a\"]\n\
             token = {{ command = [\"sh\", \"-c\", \"{command}\"] }}\n"
        )
    };
    assert_eq!(Place::with(&config("echo s3cret")).run(&["validate"]).code, 0);
    let ran = Place::with(&config("cat /etc/hostname; exit 4")).run(&["validate"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (78, ""), "{ran:?}");
    for part in [
        "error[BW108]",
        "its command sh ended with exit code 4",
        "byway.toml:6:",
    ] {
        assert!(ran.stderr.contains(part), "no {part}: {}", ran.stderr);
    }
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let hostname = hostname.trim();
    assert!(hostname.is_empty() || !ran.stderr.contains(hostname), "{ran:?}");
}

#[test]
fn probe_goes_through_the_check_lists() {
    let place = Place::with(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n\
         [transports.notes]\nadapter = \"builtin:file\"\nconfig = { folder = \"/no/such/folder\", mode = \"note\" }\n\
         grants.folders = [{ path = \"/no/such/folder\", access = \"append\" }]\n\
         [transports.hook]\nadapter = \"builtin:webhook\"\nconfig = { url = \"https://a.test/\" }\n",
    );
    let ran = place.run(&["probe", "notes"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (69, ""), "{ran:?}");
    assert!(ran.stdout.starts_with("notes: not ready\n  not  "), "{ran:?}");
    let ran = place.run(&["probe", "--json"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    let found = ran.json();
    assert_eq!(found[0]["transport"], "hook");
    assert_eq!(found[0]["state"], "not-loaded");
    assert_eq!(found[0]["findings"][0]["name"], "BW306");
    assert_eq!(found[1]["state"], "not-ready");
    let ran = place.run(&["probe", "nots"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (78, ""), "{ran:?}");
    assert!(ran.stderr.contains("hook, notes"), "{ran:?}");
    assert!(!place.path("data").exists(), "looking makes nothing");
}
