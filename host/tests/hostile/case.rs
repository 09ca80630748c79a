//! What a case is: an attack, the guest that makes it, what it was granted, and how it must end.

use byway::config::{ArgumentTemplate, CommandInput, FolderAccess, Position};
use byway::contract::OutcomeKind;
use byway::error_code::ErrorCode;
use serde_json::Value;

use crate::far_side::Script;

/// One hostile guest and what must come of it.
pub(crate) struct Case {
    /// Its name, also in `docs/security.md`.
    pub(crate) name: &'static str,
    /// What the guest does.
    pub(crate) guest: Guest,
    /// Its rights. None unless it says so: most attacks need none.
    pub(crate) grants: Vec<Grant>,
    /// How the far side that it may reach behaves.
    pub(crate) far: Script,
    /// The limits that differ from the usual: the deadline in milliseconds, the memory in bytes.
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) memory_bytes: Option<usize>,
    /// How it must end.
    pub(crate) end: End,
}

/// Where the component comes from.
pub(crate) enum Guest {
    /// `adapter.wat` with these lines in its places.
    Written(Vec<(&'static str, &'static str)>),
    /// The puppet of `host/tests/guests` with this configuration.
    Puppet(Value),
    /// Another component of `host/tests/guests`.
    Built(&'static str),
    /// Files that should be components; each is tried, and each must end in the same way.
    Files(fn() -> Vec<Vec<u8>>),
}

/// A right that a case's guest has.
pub(crate) enum Grant {
    /// Any request to the case's far side.
    Far,
    /// Any request to this address, in which `{port}` is the port of the far side that must hear nothing.
    Http(&'static str),
    /// The granted folder.
    Folder(FolderAccess),
    /// A secret of this name in this position.
    Secret(&'static str, Position),
    /// The command `it`, and what its standard input gets.
    Command(Vec<ArgumentTemplate>, CommandInput),
}

/// How a case must end. `says` is a part of what a person reads.
pub(crate) enum End {
    /// Loading it is refused.
    Refused {
        codes: Vec<ErrorCode>,
        says: &'static str,
    },
    /// Sending fails.
    Fails {
        outcome: OutcomeKind,
        code: &'static str,
        says: &'static str,
    },
    /// Sending succeeds, and the receipt's detail has this: the attack was no attack any more.
    Delivers { says: &'static str },
    /// A probe says that the transport is not ready.
    NotReady { says: &'static str },
    /// Receiving fails.
    ReceivesNothing { code: &'static str },
    /// Reconciling leaves it open.
    CannotSay,
}

/// The honest adapter with hostile lines; it refuses every message unless `end` says otherwise.
pub(crate) fn written(name: &'static str, places: &[(&'static str, &'static str)]) -> Case {
    case(name, Guest::Written(places.to_vec()))
}

/// A puppet that plays these steps when it sends.
pub(crate) fn sends(name: &'static str, steps: Value) -> Case {
    plays(name, serde_json::json!({ "send": steps }))
}

/// A puppet with this configuration.
pub(crate) fn plays(name: &'static str, config: Value) -> Case {
    case(name, Guest::Puppet(config))
}

/// Files that should be components.
pub(crate) fn files(name: &'static str, files: fn() -> Vec<Vec<u8>>) -> Case {
    case(name, Guest::Files(files))
}

/// A component of `host/tests/guests`.
pub(crate) fn built(name: &'static str, guest: &'static str) -> Case {
    case(name, Guest::Built(guest))
}

fn case(name: &'static str, guest: Guest) -> Case {
    Case {
        name,
        guest,
        grants: vec![],
        far: Script::Echo,
        timeout_ms: None,
        memory_bytes: None,
        end: End::Fails {
            outcome: OutcomeKind::Refused,
            code: "told-to",
            says: "",
        },
    }
}

impl Case {
    pub(crate) fn granted(mut self, grants: impl IntoIterator<Item = Grant>) -> Self {
        self.grants.extend(grants);
        self
    }

    pub(crate) fn far(mut self, script: Script) -> Self {
        self.far = script;
        self
    }

    /// So short that a case without an end of its own is over soon.
    pub(crate) fn timeout_ms(mut self, timeout: u64) -> Self {
        self.timeout_ms = Some(timeout);
        self
    }

    pub(crate) fn memory_bytes(mut self, memory: usize) -> Self {
        self.memory_bytes = Some(memory);
        self
    }

    pub(crate) fn refused(self, code: ErrorCode, says: &'static str) -> Self {
        self.refused_as(&[code], says)
    }

    /// Refused for one of these reasons: for damage, which it is depends on where it is.
    pub(crate) fn refused_as(self, codes: &[ErrorCode], says: &'static str) -> Self {
        let codes = codes.to_vec();
        self.ends(End::Refused { codes, says })
    }

    /// Nothing was sent, so it may be tried again, by another transport for instance.
    pub(crate) fn breaks(self, code: &'static str, says: &'static str) -> Self {
        self.fails(OutcomeKind::Retryable, code, says)
    }

    /// The host denied what was asked, and the guest passed that on.
    pub(crate) fn denied(self, code: &'static str) -> Self {
        self.fails(OutcomeKind::Refused, code, "")
    }

    pub(crate) fn fails(self, outcome: OutcomeKind, code: &'static str, says: &'static str) -> Self {
        self.ends(End::Fails { outcome, code, says })
    }

    pub(crate) fn ends(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}
