//! Does nothing and claims success: the attempt whose cost is the sandbox alone.

wit_bindgen::generate!({ path: "../../../../wit/transport.wit", world: "transport-adapter" });

use byway::transport::types::{Attempt, Envelope, Failure, Receipt, ReceiptStatus};
use exports::byway::transport::adapter::{Description, Guest, Needs, Problem, Readiness, State};

struct Noop;

impl Guest for Noop {
    fn describe() -> Description {
        Description {
            name: "noop".into(),
            version: "0.1.0".into(),
            summary: "nothing".into(),
            config_schema: "{}".into(),
            max_data_bytes: None,
            idempotent: false,
            owner: false,
        }
    }

    fn check(_config: String) -> Result<Needs, Vec<Problem>> {
        Ok(Needs {
            http: vec![],
            commands: vec![],
            folders: vec![],
            secrets: vec![],
            signers: vec![],
            idempotent: false,
            owner: false,
        })
    }

    fn probe() -> Readiness {
        Readiness {
            state: State::Ready,
            findings: vec![],
        }
    }

    fn send(_envelope: Envelope, _attempt: Attempt) -> Result<Receipt, Failure> {
        Ok(Receipt {
            status: ReceiptStatus::Delivered,
            reference: None,
            detail: None,
            extra: vec![],
        })
    }
}

export!(Noop);
