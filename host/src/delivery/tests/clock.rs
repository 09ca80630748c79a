//! A clock that steps, as one does that is set by hand, by a time server, or by a virtual machine that slept.

use proptest::prelude::*;
use tempfile::TempDir;

use super::stage::{Scripted, Stage, failed};
use crate::contract::Outcome;
use crate::store::Status;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However the clock steps, back or forth, within the deadline: every message is delivered in the end, each through
    /// one attempt that delivered it, and none is given up.
    #[test]
    fn steps_of_the_clock_lose_no_message_and_repeat_none(steps in prop::collection::vec(-3_000..3_000i64, 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome: Result<(), String> = runtime.block_on(async {
            let folder = TempDir::new().unwrap();
            let failures = (0..6).map(|_| failed(Outcome::Retryable));
            let stage = Stage::new(folder.path(), Scripted::default().with("only", false, failures));
            let mut keys = Vec::new();
            let mut now = 0;
            for (number, step) in steps.iter().enumerate() {
                keys.push(stage.accept(&number.to_string()).await);
                // Never beyond the deadline, which is an hour after the start.
                let step = (*step).min(3_500 - now);
                now += step;
                stage.pass(step);
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            // Forth to shortly before the deadline: whatever was put off is due by then.
            stage.pass(3_500 - now);
            for key in &keys {
                for _ in 0..40 {
                    if stage.store.outgoing(*key).await.unwrap().unwrap().status == Status::Delivered {
                        break;
                    }
                    stage.pass(2);
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                let message = stage.until(*key, |it| it.status != Status::Waiting).await;
                let outcomes = stage.outcomes(*key).await;
                let delivered = outcomes.iter().filter(|it| it.ends_with("delivered")).count();
                if message.status != Status::Delivered || delivered != 1 {
                    return Err(format!("{:?} after {outcomes:?}", message.status));
                }
            }
            stage.end().await;
            Ok(())
        });
        prop_assert!(outcome.is_ok(), "{outcome:?}");
    }
}
