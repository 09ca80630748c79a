//! Never comes back from `describe`.

wit_bindgen::generate!({ path: "../../../../wit/transport.wit", world: "transport-adapter" });

use byway::transport::types::{Attempt, Envelope, Failure, Receipt, ReceiptStatus};
use exports::byway::transport::adapter::{Description, Guest, Needs, Problem, Readiness, State};

struct Loops;

impl Guest for Loops {
    fn describe() -> Description {
        let mut number = 0_u64;
        loop {
            number = std::hint::black_box(number.wrapping_add(1));
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

export!(Loops);
