//! What a transport's adapter may do, as the operator granted it.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a transport's adapter may do. Empty: nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// Requests it may make.
    pub http: Vec<HttpGrant>,
    /// Commands it may run.
    pub commands: BTreeMap<String, CommandGrant>,
    /// Folders it may touch.
    pub folders: Vec<FolderGrant>,
}

/// One allowed kind of request: `POST https://host:port/path`, or `ws://…`. Also written as a table
/// with `allow`, `effect` and `private`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// The methods; empty: any. Always `GET` for `ws` and `wss`.
    pub methods: Vec<String>,
    /// `http`, `https`, `ws` or `wss`.
    pub scheme: String,
    /// The host.
    pub host: HostPattern,
    /// The port; the scheme's own where none is written.
    pub port: u16,
    /// The path.
    pub path: PathPattern,
    /// `effect = false`: requests under this grant cannot deliver a message.
    pub effect: Option<bool>,
    /// `private = true`: the name may lead to private, loopback or link-local addresses. An address
    /// or `localhost` written as the host allows itself.
    pub private: bool,
    /// The grant as written.
    pub text: String,
}

/// The host of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This name or address, lower case; IPv6 without brackets.
    Exact(String),
    /// `*.example.org`: any name beneath, not the domain itself. Holds the part after `*.`.
    Beneath(String),
}

/// The path of a grant. The query is never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// This path.
    Exact(String),
    /// `/hooks/*`: this and everything beneath. Holds the part before `*`.
    Beneath(String),
}

/// A command that the operator named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandGrant {
    /// The argument list.
    pub argv: Vec<ArgumentTemplate>,
    /// What its standard input gets.
    pub stdin: CommandInput,
    /// The environment: names and fixed values. Secrets come by the position `env:NAME`.
    pub env: BTreeMap<String, String>,
    /// Names passed on from byway's own environment (such as `PATH`, `HOME`).
    pub env_pass: Vec<String>,
    /// Its working folder.
    pub cwd: Option<PathBuf>,
    /// `effect = false`: running it cannot deliver a message.
    pub effect: bool,
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentTemplate {
    /// As it stands.
    Fixed(String),
    /// `{name}` or `--opt={name}`: a text, then the value of a parameter, to the end.
    Parameter {
        /// What stands before the value; empty where the parameter is the whole argument.
        prefix: String,
        /// The parameter's name.
        name: String,
    },
}

/// Where a command's standard input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandInput {
    /// Nothing: the adapter may give no input.
    Nothing,
    /// Whatever the adapter gives.
    Adapter,
    /// The envelope as structured JSON; the host puts it there itself.
    Envelope,
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderGrant {
    /// Its absolute path.
    pub path: PathBuf,
    /// What may be done in it.
    pub access: FolderAccess,
}

/// What may be done in a granted folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderAccess {
    /// Read it, through WASI.
    Read,
    /// Append records to its files.
    Append,
    /// Put whole files into it.
    Drop,
    /// Take files out of it, and put files into it.
    Receive,
}
