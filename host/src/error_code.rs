//! Every error a person can meet, with a stable code.
//!
//! A code is printed with the sentence, so that it can be looked up: `docs/errors.md` is made from
//! this table, and a test fails where the two differ. Codes are never reused. The hundreds tell
//! the room: 1 configuration, 2 messages, 3 transports and adapters, 4 store and instance, 5 callers.

/// One entry of the page.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The code, `BW` and three digits.
    pub code: &'static str,
    /// A few words, also the slug of the problem's type.
    pub title: &'static str,
    /// What brings it about.
    pub cause: &'static str,
    /// What to do.
    pub fix: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $cause:literal, $fix:literal;)*) => {
        /// A stable error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* #[doc = $title] $name,)*
        }

        impl ErrorCode {
            /// All of them, in the order of the page.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its entry on the page.
            #[must_use]
            pub fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry { code: $code, title: $title, cause: $cause, fix: $fix },)*
                }
            }
        }
    };
}

impl ErrorCode {
    /// The code's text, such as `BW203`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().code
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

codes! {
    ConfigMissing = "BW101", "no configuration file",
        "No file was found at the places byway looks, or the one named cannot be read.",
        "Name one with --config PATH or BYWAY_CONFIG, or start from examples/.";
    ConfigSyntax = "BW102", "not TOML",
        "The configuration file is not valid TOML.",
        "Correct the line that is shown.";
    UnknownKey = "BW103", "unknown key",
        "A key is not one that byway knows. Unknown keys are refused, so that a typing error cannot switch something off.",
        "Use the nearest right key that is shown, or remove it; docs/configuration.md lists all of them.";
    ConfigValue = "BW104", "wrong value",
        "A value has the wrong type or form, or is out of range.",
        "Write it in the form that is shown.";
    UnknownName = "BW105", "unknown name",
        "A route, a step or a grant speaks of something that is not configured.",
        "Correct the name, or add its table.";
    MissingKey = "BW106", "missing key",
        "A key that has no default is not there.",
        "Add it.";
    UnsafeTemplate = "BW107", "unsafe command template",
        "A command's far end joins its arguments for a shell, and the template would put message text among them.",
        "Send the message by standard input (stdin = \"envelope\") or as base64.";
    SecretUnavailable = "BW108", "secret not available",
        "A secret's environment variable is not set, its file cannot be read or is readable by others, or its command fails.",
        "Set the variable, make the file with mode 0600, or run the command by hand and see.";
    NeedsRestart = "BW109", "needs a restart",
        "The configuration was read again while byway runs, and changes something that a running byway cannot change.",
        "Restart byway, or write the value that it had; the rest is put in force then.";

    MalformedMessage = "BW201", "malformed message",
        "The message is not JSON, or not a CloudEvent: an attribute is missing or has the wrong form.",
        "Correct the attribute that is named; nothing was stored.";
    InvalidAddress = "BW202", "invalid address",
        "An address is not agent@instance.",
        "Write both parts with a-z 0-9 . _ - only.";
    TooLarge = "BW203", "message too large",
        "The data is larger than limits.data_bytes_max allows.",
        "Send less, or a link to it; or raise limits.data_bytes_max on both sides.";
    NoRoute = "BW204", "no route",
        "No route matches the recipient, so the message could never leave.",
        "Add a [[routes]] entry; `byway explain` shows what a message would take.";
    IdempotencyConflict = "BW205", "idempotency key reused",
        "The same Idempotency-Key came with another message.",
        "Use a new key for a new message.";
    IdConflict = "BW206", "id reused",
        "A message with the same source and id, but other content, was taken in before.",
        "Give the new message an id of its own.";
    BadSignature = "BW207", "signature does not hold",
        "The message was altered on the way, or signed with another key.",
        "Compare `byway identity` over there with the peer's key here.";
    UnknownPeer = "BW208", "unknown sender",
        "The message is signed by a key that no peer has, or is not signed and comes from no allowed sender.",
        "Add [peers.NAME] with the key that `byway identity` prints over there.";
    SenderNotAllowed = "BW209", "sender not allowed",
        "The peer may not speak for this sender, or not send to this recipient.",
        "Look at senders and recipients of the peer's table.";
    WrongInstance = "BW210", "not for this instance",
        "The recipient lives on another instance, and byway may not relay for this sender.",
        "Send it to the right byway, or allow it with may_relay.";
    TooManyHops = "BW211", "too many hops",
        "The message has passed more than 8 byways: there is a loop.",
        "Look at the routes of the byways it passed.";
    UnknownAgent = "BW212", "no such agent here",
        "The recipient's instance is this one, but [agents] does not list the agent.",
        "Add it to [agents], or correct the address.";
    NoSuchMessage = "BW213", "no such message",
        "No message of that id is in the outbox or inbox, or it belongs to somebody else.",
        "`byway list` shows the messages there are.";
    Expired = "BW214", "message expired",
        "The message's expirytime has passed, or lies further ahead than the 30 days for which ids are kept.",
        "Send it anew under a new id.";
    DeadLetter = "BW215", "message is dead",
        "byway has stopped trying to deliver the message.",
        "`byway show ID` tells why each transport failed.";
    Undecided = "BW216", "still undecided",
        "The message is stored and byway goes on trying; --wait ended before it was decided.",
        "Do not send it again; `byway show ID` tells how it stands.";
    TooLate = "BW217", "decided already",
        "The message has ended, or does not stand so that this could be done with it. Nothing was changed.",
        "`byway show ID` tells how it stands.";
    NeedsNewId = "BW218", "too old for its id",
        "The message was accepted so long ago (30 days) that its recipient may have forgotten its id: under the same id it could be taken in twice.",
        "Redrive it with --new-id (\"new_id\": true): then it is another message with the same content.";

    MayHaveArrived = "BW219", "may have arrived",
        "The message may have arrived, and under a new id nobody would know it again: it could be delivered twice.",
        "Ask its recipient. Redrive it with --even-twice (\"even_twice\": true) if twice is better than not at all, or drop it.";

    NotADecision = "BW220", "not a decision",
        "What a person wrote to byway neither approves nor rejects exactly one message that waits for it. Nothing was changed.",
        "Answer the notice of the message with approve, or with reject and why; or write /approve and its whole id.";

    NotAComponent = "BW301", "not a component",
        "The adapter's file is a core module, a truncated file, or no WebAssembly at all.",
        "Build it for wasm32-wasip2 (`cargo build --target wasm32-wasip2`).";
    WrongContract = "BW302", "wrong contract",
        "The component does not implement byway:transport in a version this byway serves, or imports something that byway does not give.",
        "Build it against wit/ of this byway; the first difference is shown.";
    NoSuchAdapter = "BW303", "no such adapter",
        "The adapter's file is not there, or no adapter of that name is built in.",
        "Correct the path or the name.";
    DigestMismatch = "BW304", "adapter is not the pinned one",
        "The component's SHA-256 is not the one in the configuration.",
        "Get the right file, or correct the digest after looking at what changed.";
    AdapterConfig = "BW305", "adapter configuration",
        "The adapter says that its config table is wrong.",
        "Correct what it names.";
    MissingGrant = "BW306", "missing grant",
        "The adapter's configuration needs something that the transport was not granted.",
        "Add the line that is shown, if you want it to have that right.";
    NotCompiled = "BW309", "component not compiled",
        "Compiling the component reached a limit of time or memory, the compiler broke, or the component asks for more memory, tables or instances than an attempt may have. The other transports go on.",
        "Build the adapter smaller (opt-level = \"s\", lto, strip), or use another.";

    DataFolder = "BW401", "data folder",
        "The data folder cannot be made, read or written.",
        "Look at its owner, its mode and the space on its disk.";
    DataFolderInUse = "BW402", "data folder in use",
        "Another byway has this data folder.",
        "Stop the other one, or give this one a data_dir of its own.";
    StoreFailed = "BW403", "store failed",
        "The database could not store or read something. Nothing was accepted.",
        "Look at the disk; byway's log has the cause.";
    ListenFailed = "BW404", "cannot listen",
        "The API's address is in use, or may not be used.",
        "Choose another api.listen.";
    NotRunning = "BW405", "byway is not running",
        "Nobody answers at the API's address.",
        "Start `byway serve` with the same configuration.";
    Internal = "BW406", "internal error",
        "Something happened that byway should have prevented.",
        "Please report it, with the log.";
    DiskFull = "BW407", "disk full",
        "The disk of the data folder is full, or what byway may take of it ([store] disk_max, free_min). Nothing was accepted; what was accepted before is delivered all the same.",
        "Make room, keep messages for less long ([retention]) or raise the limit; byway takes messages again by itself. Send again then.";
    ReloadRefused = "BW408", "configuration refused",
        "The configuration was read again, and something is wrong with it or with an adapter. The one in force stays.",
        "Correct what is listed, and reload again.";
    JournalBroken = "BW409", "journal does not hold",
        "Rows of the journal were altered, taken out, moved or cut off, or the tables hold something else than the journal says.",
        "Keep a copy of the whole data folder before anything else. docs/journal.md tells what each finding means; a checkpoint kept elsewhere tells how far the journal went.";
    RowDamaged = "BW410", "message or record damaged",
        "A stored row is not what was written: the disk or its memory damaged it. A message was set aside, and the others go on; of a damaged record (what was tried, what an adapter kept, which key was used) nothing is believed, and what could happen twice is refused.",
        "Look at the disk, and whether the message is there; if not, send it anew under a new id and key. The table `damaged` of the store has what is left of it.";

    Unauthorized = "BW501", "not authorized",
        "The call has no token, or one that is not valid.",
        "Send Authorization: Bearer with the token of `byway token`.";
    Forbidden = "BW502", "forbidden",
        "The token is valid, but not for this.",
        "An agent's token sends as that agent and sees its own inbox and messages only.";
    NotFound = "BW503", "not found",
        "There is nothing at this address of the API.",
        "docs/api.md lists the calls.";
    Usage = "BW504", "wrong use",
        "The call's parameters do not fit together.",
        "`byway help` and docs/api.md tell the forms.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");

    fn page() -> String {
        let rooms = [
            ("1", "Configuration"),
            ("2", "Messages"),
            ("3", "Transports and adapters"),
            ("4", "Store and instance"),
            ("5", "Callers"),
        ];
        let mut page = String::from(
            "# Errors\n\nEvery error that byway shows has a code, which never means anything else later. Look it up here.\n\n\
             This page is made from `host/src/error_code.rs`: `BLESS=1 cargo test -p byway --lib error_code`.\n",
        );
        for (hundred, room) in rooms {
            page.push_str(&format!("\n## {room}\n"));
            let entries = ErrorCode::ALL.iter().map(|code| code.entry());
            for entry in entries.filter(|entry| entry.code[2..].starts_with(hundred)) {
                let Entry {
                    code,
                    title,
                    cause,
                    fix,
                } = entry;
                page.push_str(&format!(
                    "\n### {code}\n\n**{title}.** {cause}\n\n**What to do.** {fix}\n"
                ));
            }
        }
        page
    }

    #[test]
    fn the_page_of_errors_says_what_the_table_says() {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(PAGE, page()).unwrap();
        }
        let written = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(
            written == page(),
            "docs/errors.md differs: make it anew with BLESS=1"
        );
    }

    #[test]
    fn every_code_is_on_the_page_once() {
        let codes: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
        let page = page();
        for code in codes {
            assert_eq!(page.matches(&format!("### {code}\n")).count(), 1, "{code}");
        }
    }
}
