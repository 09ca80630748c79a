//! What interfaces look like, whoever describes them.

use std::collections::BTreeMap;

/// Interfaces by name, such as `adapter`.
pub(super) type World = BTreeMap<String, Interface>;

/// Functions by name.
pub(super) type Interface = BTreeMap<String, Function>;

/// A function's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub params: Vec<(String, Shape)>,
    pub result: Option<Shape>,
}

/// A type, and its name where it has one. A component's own types have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub name: Option<String>,
    pub kind: Kind,
}

/// The kinds of types that the contract uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers, `bool`, `char`, `string`.
    Plain(&'static str),
    List(Box<Shape>),
    Option(Box<Shape>),
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
    Tuple(Vec<Shape>),
    Record(Vec<(String, Shape)>),
    Variant(Vec<(String, Option<Shape>)>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    /// What the contract has nowhere.
    Other(&'static str),
}

impl Shape {
    pub(super) fn unnamed(kind: Kind) -> Self {
        Self { name: None, kind }
    }
}

impl Kind {
    /// Its word in WIT.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Plain(word) | Self::Other(word) => word,
            Self::List(_) => "list",
            Self::Option(_) => "option",
            Self::Result(..) => "result",
            Self::Tuple(_) => "tuple",
            Self::Record(_) => "record",
            Self::Variant(_) => "variant",
            Self::Enum(_) => "enum",
            Self::Flags(_) => "flags",
        }
    }
}

/// For people: the word, with the name where there is one.
impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.name, &self.kind) {
            (Some(name), kind) => write!(f, "{} `{name}`", kind.word()),
            (None, Kind::List(item) | Kind::Option(item)) => write!(f, "{}<{item}>", self.kind.word()),
            (None, kind) => f.write_str(kind.word()),
        }
    }
}
