//! What an inspection found, for people: aligned, and with what is to be copied on lines of its own.

use owo_colors::OwoColorize as _;
use serde_json::Value;

use crate::cli::terminal::{clean, clean_lines};
use crate::sandbox::{Description, Inspection, PreflightProblem};

/// The page. Everything that the adapter says is cleaned: it may be anybody's.
pub(super) fn render(adapter: &str, found: &Inspection) -> String {
    let mut page = format!("{}\n", clean(adapter).bold());
    if let Some(description) = &found.description {
        describe(&mut page, description);
    }
    let fits = if found.fits { "" } else { "not " };
    line(&mut page, "contract", &format!("{fits}{}", found.contract));
    if !found.exports.is_empty() {
        line(&mut page, "can", &abilities(&found.exports));
    }
    names(&mut page, "exports", &found.exports);
    names(&mut page, "imports", &found.imports);
    line(&mut page, "size", &size(found.bytes));
    line(&mut page, "sha256", &format!("sha256 = \"{}\"", found.sha256));
    if let Some(description) = &found.description {
        keys(&mut page, &description.config_schema);
    }
    if let Some(configured) = &found.configured {
        if configured.needs.idempotent {
            line(
                &mut page,
                "",
                "with this configuration a repetition cannot deliver twice",
            );
        }
        if configured.needs.owner {
            line(&mut page, "", "with this configuration the agent hears its owner");
        }
        if configured.grants.is_empty() {
            page.push_str("\nThis configuration needs no grant.\n");
        } else {
            page.push_str("\nThis configuration needs these grants; put in the transport's name, and look them through:\n\n");
            page.push_str(&clean_lines(&configured.grants));
        }
    }
    page
}

/// A problem as errors look everywhere.
pub(super) fn problem(problem: &PreflightProblem) -> String {
    let head = format!("error[{}]", problem.code.code());
    let place = match problem.pointer.as_str() {
        "" | "/adapter" => String::new(),
        pointer => format!(" (at {})", clean(pointer)),
    };
    let mut text = format!("{}: {}{place}", head.red().bold(), clean(&problem.message));
    if let Some(fix) = &problem.fix {
        text.push_str(&format!("\n{} {}", "help:".cyan().bold(), clean_lines(fix)));
    }
    text
}

fn describe(page: &mut String, description: &Description) {
    let name = format!("{} {}", clean(&description.name), clean(&description.version));
    line(page, "name", &name);
    line(page, "summary", &clean(&description.summary));
    line(
        page,
        "repeating",
        if description.idempotent {
            "cannot deliver twice"
        } else {
            "can deliver twice, unless its configuration says otherwise"
        },
    );
    line(
        page,
        "authority",
        if description.owner {
            "the agent hears its owner"
        } else {
            "the agent does not hear its owner, unless its configuration says otherwise"
        },
    );
    let largest = match description.max_data_bytes {
        Some(bytes) => size(usize::try_from(bytes).unwrap_or(usize::MAX)),
        None => "no limit of its own".to_owned(),
    };
    line(page, "largest", &largest);
}

fn abilities(exports: &[String]) -> String {
    let has = |interface: &str| {
        exports.iter().any(|name| {
            name.split('@')
                .next()
                .is_some_and(|it| it == format!("byway:transport/{interface}"))
        })
    };
    let abilities = [
        ("adapter", "send"),
        ("reconciler", "find out what became of a message"),
        ("receiver", "receive"),
    ];
    let can: Vec<&str> = abilities
        .into_iter()
        .filter(|(interface, _)| has(interface))
        .map(|(_, ability)| ability)
        .collect();
    if can.is_empty() {
        "nothing that byway knows".to_owned()
    } else {
        can.join(", ")
    }
}

/// The keys of the `config` table, as far as the schema is a simple one.
fn keys(page: &mut String, schema: &str) {
    let Ok(schema) = serde_json::from_str::<Value>(schema) else {
        line(page, "config", "its schema is no JSON");
        return;
    };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required = |name: &str| {
        schema
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|names| names.iter().any(|it| it == name))
    };
    let width = properties
        .keys()
        .map(|name| clean(name).chars().count())
        .max()
        .unwrap_or_default();
    let mut keys: Vec<(&String, &Value)> = properties.iter().collect();
    // What must be written first.
    keys.sort_by_key(|(name, _)| !required(name));
    for (at, (name, property)) in keys.into_iter().enumerate() {
        let name_shown = clean(name);
        let padding = " ".repeat(width.saturating_sub(name_shown.chars().count()));
        let remark = remark(property, required(name));
        let label = if at == 0 { "config" } else { "" };
        line(page, label, format!("{name_shown}{padding}  {remark}").trim_end());
    }
}

/// The values a key can have, its default, and its description.
fn remark(property: &Value, required: bool) -> String {
    let text = |name: &str| property.get(name).and_then(Value::as_str).map(clean);
    let values = property.get("enum").and_then(Value::as_array).map(|values| {
        let values: Vec<String> = values.iter().map(|value| clean(&value.to_string())).collect();
        values.join(" | ")
    });
    let default = property
        .get("default")
        .map(|value| format!("default {}", clean(&value.to_string())));
    let facts: Vec<String> = [
        values.or_else(|| text("type")),
        required.then(|| "required".to_owned()),
        default,
    ]
    .into_iter()
    .flatten()
    .collect();
    match text("description") {
        Some(description) if facts.is_empty() => description,
        Some(description) => format!("{}. {description}", facts.join(", ")),
        None => facts.join(", "),
    }
}

fn names(page: &mut String, label: &str, names: &[String]) {
    for (at, name) in names.iter().enumerate() {
        line(page, if at == 0 { label } else { "" }, &clean(name));
    }
}

fn line(page: &mut String, label: &str, text: &str) {
    page.push_str(&format!("  {label:<10} {text}\n"));
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_code::ErrorCode;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn inspection() -> Inspection {
        Inspection {
            sha256: "ab".repeat(32),
            bytes: 2048,
            fits: true,
            contract: "byway:transport@0.1.0".into(),
            exports: vec!["byway:transport/adapter@0.1.0".into()],
            imports: vec!["byway:transport/log@0.1.0".into(), "wasi:io/poll@0.2.6".into()],
            description: Some(Description {
                name: "hook".into(),
                version: "1.0.0".into(),
                summary: "Posts \u{1b}[2Jit".into(),
                config_schema: r#"{"required":["url"],"properties":{"mode":{"enum":["a","b"],"default":"a"},
                    "url":{"type":"string","description":"Where to."}}}"#
                    .into(),
                max_data_bytes: None,
                idempotent: false,
                owner: false,
            }),
            configured: None,
            problems: Vec::new(),
        }
    }

    #[test]
    fn says_everything_aligned_and_cleaned() {
        let sha256 = "ab".repeat(32);
        let wanted = format!(
            "./hook.wasm
  name       hook 1.0.0
  summary    Posts \u{fffd}[2Jit
  repeating  can deliver twice, unless its configuration says otherwise
  authority  the agent does not hear its owner, unless its configuration says otherwise
  largest    no limit of its own
  contract   byway:transport@0.1.0
  can        send
  exports    byway:transport/adapter@0.1.0
  imports    byway:transport/log@0.1.0
             wasi:io/poll@0.2.6
  size       2 KiB
  sha256     sha256 = \"{sha256}\"
  config     url   string, required. Where to.
             mode  \"a\" | \"b\", default \"a\"
"
        );
        assert_eq!(plain(&render("./hook.wasm", &inspection())), wanted);
    }

    #[test]
    fn a_component_of_another_contract_is_still_told_by_its_names() {
        let found = Inspection {
            fits: false,
            description: None,
            exports: vec!["other:plugin/weather@1.2.0".into()],
            ..inspection()
        };
        let page = plain(&render("x", &found));
        assert!(page.contains("contract   not byway:transport@0.1.0"), "{page}");
        assert!(page.contains("other:plugin/weather@1.2.0") && page.contains("nothing that byway knows"));
    }

    #[test]
    fn a_problem_has_its_code_its_place_and_its_fix() {
        let text = problem(&PreflightProblem {
            is_passing: false,
            code: ErrorCode::AdapterConfig,
            pointer: "/config/url".into(),
            message: "`url` is missing".into(),
            fix: Some("write it".into()),
        });
        assert_eq!(
            plain(&text),
            "error[BW305]: `url` is missing (at /config/url)\nhelp: write it"
        );
    }
}
