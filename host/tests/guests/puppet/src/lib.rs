//! An adapter that does what its configuration tells it, step by step, good or bad.
//!
//! `{"send": [step, …], "probe": […], "reconcile": […], "receive": […]}`; a step is an object
//! with one member, such as `{"http": {…}}`. Steps are described where they are done.

mod socket;
mod steps;
mod tricks;
mod web;

wit_bindgen::generate!({ path: "../../../../wit/transport.wit", world: "full-adapter" });

use byway::transport::types::{Attempt, Envelope, Failure, FailureKind, Receipt, ReceiptStatus};
use exports::byway::transport::adapter::{
    self, Description, Finding, FolderNeed, Needs, Problem, Readiness, SecretNeed,
};
use exports::byway::transport::receiver::{self, Batch, Item, Words};
use exports::byway::transport::reconciler::{self, Verdict};
use serde_json::Value;
use steps::Puppet;

struct Component;

impl adapter::Guest for Component {
    fn describe() -> Description {
        Description {
            name: "puppet".into(),
            version: "0.1.0".into(),
            summary: "does what it is told".into(),
            config_schema: "{}".into(),
            max_data_bytes: None,
            idempotent: false,
            owner: false,
        }
    }

    /// `needs` of the configuration are given as they stand; `problem` is refused.
    fn check(config: String) -> Result<Needs, Vec<Problem>> {
        let config: Value = serde_json::from_str(&config).unwrap();
        if let Some(problem) = config["problem"].as_str() {
            return Err(vec![Problem {
                pointer: "/problem".into(),
                message: problem.into(),
                fix: "leave it out".into(),
            }]);
        }
        if config["check"] == "loop" {
            steps::spin();
        }
        let needs = &config["needs"];
        let texts = |key: &str| steps::texts(&needs[key]);
        let pairs = |key: &str| needs[key].as_array().cloned().unwrap_or_default();
        Ok(Needs {
            http: texts("http"),
            commands: texts("commands"),
            folders: pairs("folders")
                .iter()
                .map(|it| FolderNeed {
                    path: steps::text(&it["path"]),
                    access: steps::text(&it["access"]),
                })
                .collect(),
            secrets: pairs("secrets")
                .iter()
                .map(|it| SecretNeed {
                    name: steps::text(&it["name"]),
                    positions: steps::texts(&it["positions"]),
                })
                .collect(),
            signers: texts("signers"),
            idempotent: needs["idempotent"] == true,
            owner: needs["owner"] == true,
        })
    }

    fn probe() -> Readiness {
        let mut puppet = Puppet::new(None, None);
        let finding = match puppet.play("probe") {
            Ok(()) => Finding {
                name: "steps".into(),
                ok: true,
                message: puppet.last,
                fix: None,
            },
            Err(failure) => Finding {
                name: failure.code,
                ok: false,
                message: failure.message,
                fix: None,
            },
        };
        Readiness {
            state: if finding.ok {
                adapter::State::Ready
            } else {
                adapter::State::NotReady
            },
            findings: vec![finding],
        }
    }

    fn send(envelope: Envelope, attempt: Attempt) -> Result<Receipt, Failure> {
        let mut puppet = Puppet::new(Some(envelope), Some(attempt));
        puppet.play("send")?;
        Ok(receipt(puppet.last))
    }
}

impl reconciler::Guest for Component {
    fn reconcile(envelope: Envelope, attempt: Attempt) -> Result<Verdict, Failure> {
        let mut puppet = Puppet::new(Some(envelope), Some(attempt));
        puppet.play("reconcile")?;
        Ok(match puppet.last.as_str() {
            "arrived" => Verdict::Arrived(receipt("found".into())),
            "not-arrived" => Verdict::NotArrived,
            _ => Verdict::Unknown,
        })
    }
}

impl receiver::Guest for Component {
    /// Every item of the configuration's `items`, and the cursor one longer than before.
    fn receive(cursor: Option<Vec<u8>>, _max: u32) -> Result<Batch, Failure> {
        let mut puppet = Puppet::new(None, None);
        puppet.play("receive")?;
        if puppet.config["bomb"].is_object() {
            return Ok(tricks::bomb(&puppet.config["bomb"]));
        }
        let items = puppet.config["items"].as_array().cloned().unwrap_or_default();
        let mut cursor = cursor.unwrap_or_default();
        cursor.push(b'x');
        Ok(Batch {
            items: items
                .iter()
                .map(|item| match item.as_str() {
                    Some(text) => Item::Words(Words {
                        id: text.into(),
                        sender: "someone".into(),
                        agent: "planner".into(),
                        subject: None,
                        text: text.into(),
                    }),
                    None => Item::Event(item.to_string().into_bytes()),
                })
                .collect(),
            cursor: Some(cursor),
        })
    }
}

fn receipt(detail: String) -> Receipt {
    Receipt {
        status: ReceiptStatus::Delivered,
        reference: None,
        detail: Some(detail),
        extra: vec![],
    }
}

pub(crate) fn failure(kind: FailureKind, code: &str, message: &str) -> Failure {
    Failure {
        kind,
        code: code.into(),
        message: message.into(),
        fix: None,
        retry_after_ms: None,
    }
}

export!(Component);
