//! The help, and what a call that makes no sense is told.

use crate::place::Place;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");

const HELP: &[&[&str]] = &[
    &[],
    &["serve"],
    &["reload"],
    &["send"],
    &["show"],
    &["list"],
    &["cancel"],
    &["approve"],
    &["reject"],
    &["dead"],
    &["dead", "list"],
    &["dead", "show"],
    &["dead", "redrive"],
    &["dead", "drop"],
    &["accept"],
    &["inbox"],
    &["inbox", "list"],
    &["inbox", "read"],
    &["inbox", "ack"],
    &["journal"],
    &["journal", "verify"],
    &["journal", "show"],
    &["validate"],
    &["probe"],
    &["adapter"],
    &["adapter", "inspect"],
    &["explain"],
    &["identity"],
    &["token"],
];

#[test]
fn the_page_has_every_help_text_as_it_is() {
    let place = Place::new();
    let mut page = std::fs::read_to_string(PAGE).unwrap();
    for verb in HELP {
        let ran = place.run(&[verb, &["--help"][..]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{verb:?}");
        page = with_help(
            &page,
            &["byway"]
                .iter()
                .chain(*verb)
                .copied()
                .collect::<Vec<_>>()
                .join(" "),
            &ran.stdout,
        );
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap();
    assert_eq!(
        written, page,
        "docs/cli.md is behind: BLESS=1 cargo test --test cli"
    );
}

/// The page with the block that follows `<!-- help: NAME -->` replaced.
fn with_help(page: &str, name: &str, help: &str) -> String {
    let mark = format!("<!-- help: {name} -->\n");
    let start = page
        .find(&mark)
        .unwrap_or_else(|| panic!("docs/cli.md has no {mark}"))
        + mark.len();
    let fence = "```\n";
    let open = page[start..]
        .strip_prefix("```text\n")
        .unwrap_or_else(|| panic!("no block after {mark}"));
    let end = start + "```text\n".len() + open.find(fence).unwrap() + fence.len();
    format!(
        "{}```text\n{}\n{fence}{}",
        &page[..start],
        help.trim_end(),
        &page[end..]
    )
}

#[test]
fn the_page_names_every_exit_code_of_the_help() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let help = Place::new().run(&["--help"]).stdout;
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    for code in codes.lines().map(|line| line.split_whitespace().next().unwrap()) {
        assert!(
            page.contains(&format!("| {code} |")),
            "exit code {code} is not in the page's table"
        );
    }
}

#[test]
fn without_a_verb_the_help_is_shown_as_a_mistake() {
    let ran = Place::new().run(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (64, ""));
    assert!(ran.stderr.contains("Usage: byway"), "{ran:?}");
}

#[test]
fn a_mistyped_verb_or_option_gets_the_right_one() {
    let place = Place::new();
    for (args, right) in [
        (&["sned"][..], "'send'"),
        (&["send", "--too", "x@y", "hi"][..], "'--to'"),
        (&["list", "--status", "daed"][..], "'dead'"),
        (&["inbox", "raed"][..], "'read'"),
    ] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (64, ""), "{args:?}");
        assert!(ran.stderr.contains(right), "{args:?}: {}", ran.stderr);
    }
    assert!(!place.path("data").exists());
}

#[test]
fn a_mistake_in_the_call_is_a_problem_where_json_is_wanted() {
    let ran = Place::new().run(&["--json", "send", "--to", "executor@b"]);
    assert_eq!(ran.code, 64);
    assert_eq!(ran.problem()["code"], "BW504");
}
