//! A list of steps, done one after the other up to the first that fails. Each says in one line
//! that it begins and how long it took, and the end says how the whole went.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::terminal::{Tone, colour_wanted, paint, say, time};

/// One step.
pub(crate) struct Step<'a> {
    /// Its name, which also selects it on the command line.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) work: Box<dyn FnMut() -> Result<()> + 'a>,
}

/// Does the steps named, or all where none is.
pub(crate) fn run(mut steps: Vec<Step<'_>>, only: &[String], task: &str) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !steps.iter().any(|step| step.name == name.as_str()))
    {
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        return Err(Failure::new(format!("there is no step {unknown}"))
            .fix(format!("name some of: {}", names.join(", "))));
    }
    steps.retain(|step| only.is_empty() || only.iter().any(|name| name == step.name));
    let colour = colour_wanted();
    let total = steps.len();
    let mut took: Vec<(&str, Duration)> = Vec::new();
    for (number, Step { name, work }) in steps.iter_mut().enumerate() {
        let place = format!("[{}/{total}] {name}", number + 1);
        say(paint(&format!("==> {place}"), Tone::Strong, colour));
        let started = Instant::now();
        let ended = work();
        took.push((name, started.elapsed()));
        match ended {
            Ok(()) => say(format!(
                "    {place}: {} in {}",
                paint("passed", Tone::Good, colour),
                time(started.elapsed())
            )),
            Err(failure) => {
                say(format!(
                    "    {place}: {} after {}",
                    paint("failed", Tone::Bad, colour),
                    time(started.elapsed())
                ));
                let alone = format!("correct it, then try this step alone: cargo {task} {name}");
                return Err(failure
                    .within(format_args!("{task} failed at {place}"))
                    .or_fix(alone));
            }
        }
    }
    say(paint(
        &format!("==> {task} passed: {}", summary(&took)),
        Tone::Strong,
        colour,
    ));
    Ok(())
}

fn summary(took: &[(&str, Duration)]) -> String {
    let whole = took.iter().map(|(_, took)| *took).sum();
    let each: Vec<String> = took
        .iter()
        .map(|(name, took)| format!("{name} {}", time(*took)))
        .collect();
    let noun = if took.len() == 1 { "step" } else { "steps" };
    format!("{} {noun} in {} ({})", took.len(), time(whole), each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn done(only: &[&str], failing: &str) -> (Vec<&'static str>, Result<()>) {
        let done = RefCell::new(Vec::new());
        let steps = ["one", "two", "three"]
            .map(|name| Step {
                name,
                work: Box::new({
                    let done = &done;
                    move || {
                        done.borrow_mut().push(name);
                        if name == failing {
                            Err(Failure::new("it broke"))
                        } else {
                            Ok(())
                        }
                    }
                }),
            })
            .into();
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        let ended = run(steps, &only, "the test");
        (done.into_inner(), ended)
    }

    #[test]
    fn nothing_is_done_after_a_failure() {
        let (done, ended) = done(&[], "two");
        assert_eq!(done, ["one", "two"]);
        let told = ended.unwrap_err().to_string();
        assert!(told.contains("[2/3] two: it broke"), "{told}");
    }

    #[test]
    fn only_the_steps_named_are_done_in_their_own_order() {
        assert_eq!(done(&["three", "one"], "").0, ["one", "three"]);
    }

    #[test]
    fn a_step_that_is_none_is_refused_before_anything_is_done() {
        let (done, ended) = done(&["one", "four"], "");
        assert!(done.is_empty());
        assert!(ended.unwrap_err().to_string().contains("one, two, three"));
    }

    #[test]
    fn the_summary_has_every_time() {
        let took = [
            ("one", Duration::from_millis(900)),
            ("two", Duration::from_millis(1_200)),
        ];
        assert_eq!(summary(&took), "2 steps in 2.1 s (one 900 ms, two 1.2 s)");
    }
}
