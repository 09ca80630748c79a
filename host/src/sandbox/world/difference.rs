//! The first difference between what a component has and what this byway has. Pure.

use super::shape::{Function, Interface, Kind, Shape, World};

/// Who has what the other lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Side {
    /// The adapter has something that this byway does not know: it may have been built for a newer one.
    Adapter,
    /// This byway has something that the adapter lacks.
    Byway,
    /// Both have it, and differently.
    Both,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Difference {
    /// A sentence without its full stop, such as ``in `send` of `adapter`: the record `attempt` lacks the field
    /// `progress` ``.
    pub sentence: String,
    /// Who has more.
    pub more: Side,
}

fn differs(sentence: String, more: Side) -> Option<Difference> {
    Some(Difference { sentence, more })
}

/// The first difference, imports first. Every function that the component imports must be one of ours; of
/// an interface that it exports, every function must be there. What it exports beyond is nobody's concern.
pub(super) fn first(ours: &World, imports: &World, exports: &World) -> Option<Difference> {
    let imports = imports
        .iter()
        .find_map(|(name, theirs)| imported(ours, name, theirs));
    imports.or_else(|| {
        exports
            .iter()
            .find_map(|(name, theirs)| exported(name, ours.get(name)?, theirs))
    })
}

fn imported(ours: &World, name: &str, theirs: &Interface) -> Option<Difference> {
    let Some(interface) = ours.get(name) else {
        return differs(
            format!("the adapter imports the interface `{name}`, which this byway does not have"),
            Side::Adapter,
        );
    };
    theirs
        .iter()
        .find_map(|(function, theirs)| match interface.get(function) {
            Some(ours) => functions(name, function, ours, theirs),
            None => differs(
                format!("the adapter calls `{function}` of `{name}`, which this byway does not have"),
                Side::Adapter,
            ),
        })
}

fn exported(name: &str, ours: &Interface, theirs: &Interface) -> Option<Difference> {
    ours.iter()
        .find_map(|(function, ours)| match theirs.get(function) {
            Some(theirs) => functions(name, function, ours, theirs),
            None => differs(
                format!("the adapter's `{name}` lacks the function `{function}`"),
                Side::Byway,
            ),
        })
}

fn functions(interface: &str, name: &str, ours: &Function, theirs: &Function) -> Option<Difference> {
    let place = format!("`{name}` of `{interface}`");
    let (has, wants) = (theirs.params.len(), ours.params.len());
    if has != wants {
        return differs(
            format!(
                "the adapter's {place} takes {}, this byway's {wants}",
                parameters(has)
            ),
            more(has, wants),
        );
    }
    let mut params = ours.params.iter().zip(&theirs.params);
    params
        .find_map(|((param, ours), (_, theirs))| {
            shapes(&format!("the parameter `{param}` of {place}"), ours, theirs)
        })
        .or_else(|| {
            option(
                &format!("the result of {place}"),
                ours.result.as_ref(),
                theirs.result.as_ref(),
            )
        })
}

fn parameters(count: usize) -> String {
    match count {
        0 => "no parameters".into(),
        1 => "1 parameter".into(),
        count => format!("{count} parameters"),
    }
}

fn more(theirs: usize, ours: usize) -> Side {
    match theirs.cmp(&ours) {
        std::cmp::Ordering::Greater => Side::Adapter,
        std::cmp::Ordering::Less => Side::Byway,
        std::cmp::Ordering::Equal => Side::Both,
    }
}

/// Two types that stand at the same place.
fn shapes(place: &str, ours: &Shape, theirs: &Shape) -> Option<Difference> {
    let whole = |word: &str| match &ours.name {
        Some(name) => format!("the {word} `{name}`"),
        None => format!("{place} (a {word})"),
    };
    match (&ours.kind, &theirs.kind) {
        (Kind::Plain(a), Kind::Plain(b)) if a == b => None,
        (Kind::List(a), Kind::List(b)) => shapes(&format!("an item of {place}"), a, b),
        (Kind::Option(a), Kind::Option(b)) => shapes(place, a, b),
        (Kind::Result(ok, err), Kind::Result(their_ok, their_err)) => option(
            &format!("the success of {place}"),
            ok.as_deref(),
            their_ok.as_deref(),
        )
        .or_else(|| {
            option(
                &format!("the error of {place}"),
                err.as_deref(),
                their_err.as_deref(),
            )
        }),
        (Kind::Tuple(a), Kind::Tuple(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .zip(1..)
            .find_map(|((a, b), number)| shapes(&format!("place {number} of {place}"), a, b)),
        (Kind::Record(a), Kind::Record(b)) => {
            let whole = whole("record");
            names(&whole, "field", &keys(a), &keys(b)).or_else(|| {
                let mut fields = a.iter().zip(b);
                fields.find_map(|((name, a), (_, b))| shapes(&format!("the field `{name}` of {whole}"), a, b))
            })
        }
        (Kind::Variant(a), Kind::Variant(b)) => {
            let whole = whole("variant");
            names(&whole, "case", &keys(a), &keys(b)).or_else(|| {
                let mut cases = a.iter().zip(b);
                cases.find_map(|((name, a), (_, b))| {
                    option(&format!("the case `{name}` of {whole}"), a.as_ref(), b.as_ref())
                })
            })
        }
        (Kind::Enum(a), Kind::Enum(b)) => names(&whole("enum"), "case", &texts(a), &texts(b)),
        (Kind::Flags(a), Kind::Flags(b)) => names(&whole("flags"), "flag", &texts(a), &texts(b)),
        _ => differs(
            format!("{place} is a {theirs} in the adapter, and a {ours} in this byway"),
            Side::Both,
        ),
    }
}

/// What may be there or not.
fn option(place: &str, ours: Option<&Shape>, theirs: Option<&Shape>) -> Option<Difference> {
    match (ours, theirs) {
        (None, None) => None,
        (Some(ours), Some(theirs)) => shapes(place, ours, theirs),
        (Some(ours), None) => differs(
            format!("{place} is nothing in the adapter, and a {ours} in this byway"),
            Side::Byway,
        ),
        (None, Some(theirs)) => differs(
            format!("{place} is a {theirs} in the adapter, and nothing in this byway"),
            Side::Adapter,
        ),
    }
}

fn keys<T>(named: &[(String, T)]) -> Vec<&str> {
    named.iter().map(|(name, _)| name.as_str()).collect()
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Members by name: one lacking, one additional, or another order.
fn names(whole: &str, member: &str, ours: &[&str], theirs: &[&str]) -> Option<Difference> {
    if let Some(lacking) = ours.iter().find(|name| !theirs.contains(name)) {
        return differs(
            format!("in the adapter, {whole} lacks the {member} `{lacking}`"),
            Side::Byway,
        );
    }
    if let Some(additional) = theirs.iter().find(|name| !ours.contains(name)) {
        return differs(
            format!("in the adapter, {whole} has an additional {member} `{additional}`"),
            Side::Adapter,
        );
    }
    let (ours, theirs) = ours.iter().zip(theirs).find(|(a, b)| a != b)?;
    differs(
        format!(
            "in the adapter, {whole} has its {member}s in another order: `{theirs}` where `{ours}` stands"
        ),
        Side::Both,
    )
}
