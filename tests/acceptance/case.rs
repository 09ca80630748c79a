//! A case as it is written: `case.toml`, read strictly, so that a typing error cannot weaken a test.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in a sentence or two.
    #[expect(dead_code, reason = "for the reader of the case")]
    pub about: String,
    /// Scripted far sides, by name; `{{far.NAME.url}}` is where they listen.
    #[serde(default)]
    pub far: BTreeMap<String, FarSide>,
    /// Whether a real sshd runs on loopback.
    #[serde(default)]
    pub sshd: bool,
    /// Components of `host/tests/guests` that it needs, as `{{guest.NAME}}`.
    #[serde(default)]
    pub guests: Vec<String>,
    /// A program for node in the case's folder; `{{node.url}}` is where it listens.
    pub node: Option<String>,
    /// The same for Python; `{{python.url}}`.
    pub python: Option<String>,
    /// Repeated rounds of attempts count once, where their number depends on chance.
    #[serde(default)]
    pub collapse_repeats: bool,
    /// Byways whose journal the case breaks: in the end it must not hold, and those of all others must.
    #[serde(default)]
    pub broken_journals: Vec<String>,
    /// Inboxes to look at besides those of all recipients: `agent@instance`.
    #[serde(default)]
    pub inboxes: Vec<String>,
    /// What happens, in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// One scripted far side.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FarSide {
    /// Request headers that belong to what is expected.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Places of a JSON request body that belong to what is expected.
    #[serde(default)]
    pub body: Vec<String>,
    /// Requests must come at least this long after the one before.
    #[serde(default, deserialize_with = "maybe_duration")]
    pub apart: Option<Duration>,
    /// What it does with the first request, the second and so on; the last one stays.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// Instead of `answers`: a Bot API, to which people `say` something.
    #[serde(default)]
    pub bot: bool,
    /// Instead of `answers`: a file of the case's folder with the frames of a WebSocket, `{{far.NAME.ws}}`.
    pub frames: Option<String>,
}

/// What a far side does with one request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status of its answer; 200 where it says nothing else.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers of its answer.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body of its answer.
    #[serde(default)]
    pub body: String,
    /// Passes the request on to this URL first, and answers what is answered there.
    pub forward: Option<String>,
    /// Waits before it does anything.
    #[serde(default, deserialize_with = "duration")]
    pub before: Duration,
    /// Waits before it answers.
    #[serde(default, deserialize_with = "duration")]
    pub after: Duration,
    /// Answers 401 unless `Authorization` is `Bearer` and the text of this file.
    pub bearer_file: Option<String>,
    /// How it misbehaves.
    pub fault: Option<Fault>,
}

impl Answer {
    /// 200, with this body.
    pub fn good(body: String) -> Self {
        Self {
            status: ok(),
            headers: BTreeMap::new(),
            body,
            forward: None,
            before: Duration::ZERO,
            after: Duration::ZERO,
            bearer_file: None,
            fault: None,
        }
    }
}

/// How a far side misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Takes the request and never answers.
    Hang,
    /// Sends the headers and half of the body, and then nothing.
    HangInTheBody,
    /// Takes the request and closes the connection.
    Close,
    /// Sends the headers and half of the body, and closes the connection.
    CloseInTheBody,
}

/// One step of a case.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Starts `byway serve` and waits until it is ready.
    Start {
        /// `a` or `b`.
        byway: String,
    },
    /// Ends a byway with SIGTERM and notes how it exits.
    Stop {
        /// Which.
        byway: String,
    },
    /// Ends a byway with SIGKILL.
    Kill {
        /// Which.
        byway: String,
    },
    /// Gives a byway another configuration, for its next start.
    Configure {
        /// Which.
        byway: String,
        /// The template in the case's folder.
        with: String,
    },
    /// Sends messages in the short form through a byway's API.
    Send(Messages),
    /// Runs the binary.
    Run(Run),
    /// Calls a byway's API.
    Call(Call),
    /// A person writes to a bot.
    Say(Say),
    /// Brings to a byway what a far side has seen, perhaps altered.
    Replay(Replay),
    /// Waits until something is so.
    Wait(Wait),
    /// Writes a file.
    Write {
        /// Where, beneath `{{dir}}`.
        path: String,
        /// What.
        #[serde(default)]
        text: String,
        /// Bytes instead of text.
        hex: Option<String>,
        /// Readable by its owner only, and seen nowhere else when the case is over.
        #[serde(default)]
        secret: bool,
    },
    /// Makes a folder.
    Folder {
        /// Where, beneath `{{dir}}`.
        path: String,
    },
    /// Changes a byway's store behind its back, while it does not run.
    Tamper {
        /// Whose.
        byway: String,
        /// The statements.
        sql: String,
    },
    /// Prunes a byway's journal while it does not run, as if all that is in it were old enough.
    Prune {
        /// Whose.
        byway: String,
    },
    /// Notes the entries of all `*.md` files in a folder, sorted.
    Notes {
        /// Where, beneath `{{dir}}`.
        path: String,
    },
    /// Notes the names of the files in a folder.
    Files {
        /// Where, beneath `{{dir}}`.
        path: String,
    },
}

/// Messages in the short form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// What the case calls the message; `{{NAME.id}}` is its id.
    pub name: String,
    /// Through which byway.
    pub byway: String,
    /// The local agent that sends.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// What it says.
    pub text: Option<String>,
    /// Instead of `text`: the text that is hard to carry, filled up to so many bytes.
    pub hard_text: Option<usize>,
    /// Instead of `text`: several lines, `{{n}}` and filling, of about so many bytes.
    pub long_text: Option<usize>,
    /// So many messages at once, called `NAME-1` and so on.
    pub times: Option<usize>,
}

/// A run of the binary.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Which byway's configuration it is given.
    pub byway: String,
    /// The verb and its arguments; `--config` is added.
    pub args: Vec<String>,
    /// Its standard input.
    pub stdin: Option<String>,
    /// What standard output must contain.
    #[serde(default)]
    pub stdout: Vec<String>,
    /// What standard error must contain.
    #[serde(default)]
    pub stderr: Vec<String>,
    /// What neither may contain.
    #[serde(default)]
    pub never: Vec<String>,
    /// Places of the JSON on standard output that belong to what is expected.
    #[serde(default)]
    pub pick: Vec<String>,
    /// The message whose id stands at `/id` of the JSON on standard output gets this name.
    pub name: Option<String>,
}

/// A call of the API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Whose API.
    pub byway: String,
    /// `GET /v1/messages`.
    pub request: String,
    /// `admin`, `agent:NAME`, `none`, or a token as it stands.
    #[serde(default = "admin")]
    pub token: String,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: String,
    /// Instead of `body`: the short form with a text of so many bytes for this recipient.
    pub sized: Option<SizedBody>,
    /// Places of the JSON answer that belong to what is expected.
    #[serde(default)]
    pub pick: Vec<String>,
    /// What the answer must contain.
    #[serde(default)]
    pub says: Vec<String>,
    /// What the answer may not contain.
    #[serde(default)]
    pub never: Vec<String>,
    /// The message whose id stands at `/id` of the answer gets this name.
    pub name: Option<String>,
}

/// A body of a given size.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizedBody {
    /// The recipient.
    pub to: String,
    /// The bytes of its text.
    pub bytes: usize,
}

/// What a person writes to a bot: in a private chat, and an answer where the bot wrote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The far side that is the bot.
    pub far: String,
    /// The person's number.
    pub from: i64,
    /// The words.
    pub text: String,
    /// In reply to the last message of the bot's that has these words.
    pub reply_to: Option<String>,
    /// It was written by somebody else, and passed on.
    #[serde(default)]
    pub forwarded: bool,
    /// It is told as the change of an earlier message.
    #[serde(default)]
    pub edited: bool,
    /// The far side tells it so often, each time under another number.
    pub times: Option<usize>,
}

/// Something seen before, brought to a byway.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Which far side saw it.
    pub far: String,
    /// Which request, from 0.
    #[serde(default)]
    pub request: usize,
    /// To which byway.
    pub byway: String,
    /// `http` (`POST /v1/inbound`) or `accept` (`byway accept -`).
    #[serde(default = "http")]
    pub door: String,
    /// What is altered: JSON pointers and the new values.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
    /// What is taken out: JSON pointers.
    #[serde(default)]
    pub remove: Vec<String>,
    /// What the answer may not contain.
    #[serde(default)]
    pub never: Vec<String>,
}

/// What is waited for; everything that is given must be so.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// A message by its name …
    pub message: Option<String>,
    /// … has this status (on the byway that accepted it).
    pub status: Option<String>,
    /// … has this receipt, the greatest so far.
    pub receipt: Option<String>,
    /// … has at least so many attempts.
    pub attempts: Option<usize>,
    /// An inbox, `agent@instance` …
    pub inbox: Option<String>,
    /// … has at least so many messages.
    pub messages: Option<usize>,
    /// A far side …
    pub far: Option<String>,
    /// … has seen at least so many requests.
    pub requests: Option<usize>,
    /// A byway …
    pub byway: Option<String>,
    /// … has this in its log.
    pub log: Option<String>,
    /// A folder beneath `{{dir}}` …
    pub folder: Option<String>,
    /// … has at least so many files.
    pub files: Option<usize>,
}

impl Case {
    /// Reads a case's folder.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join("case.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn ok() -> u16 {
    200
}

fn admin() -> String {
    "admin".into()
}

fn http() -> String {
    "http".into()
}

fn maybe_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("`{text}` is no duration such as 300ms or 2s"));
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(wrong()),
    }
}
