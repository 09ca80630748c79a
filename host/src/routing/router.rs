//! The lookup.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::config::{Authority, Config, Route};
use crate::envelope::Address;

/// The place of a route in the file's order, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RouteIndex(pub usize);

/// The routes, and what of their transports matters for choosing among them.
#[derive(Clone, Debug)]
pub struct Router {
    pub(super) instance: String,
    pub(super) agents: Option<BTreeSet<String>>,
    pub(super) routes: Vec<Route>,
    pub(super) transports: BTreeMap<String, Traits>,
}

/// What of a transport matters here.
#[derive(Clone, Debug)]
pub(super) struct Traits {
    pub(super) dedupe: Option<String>,
    pub(super) authority: Option<Authority>,
}

/// Why a route does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// It is for other recipients.
    Recipient,
    /// It is for other senders.
    Sender,
    /// It is for some senders only, and this one has no address.
    NoSender,
}

impl Router {
    /// Takes the routes of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let traits = |transport: &crate::config::Transport| Traits {
            dedupe: transport.dedupe.clone(),
            authority: transport.authority,
        };
        let transports = config.transports.iter();
        Self {
            instance: config.instance.name.clone(),
            agents: config.agents.clone(),
            routes: config.routes.clone(),
            transports: transports
                .map(|(name, transport)| (name.clone(), traits(transport)))
                .collect(),
        }
    }

    /// The route of a message: the first in the file's order that matches. `source` is the sender's
    /// address, and `None` for a sender that has none (`byway://…/via/…`): it matches only routes
    /// for any sender.
    #[must_use]
    pub fn route(&self, source: Option<&Address>, recipient: &Address) -> Option<&Route> {
        self.index(source, recipient).and_then(|index| self.get(index))
    }

    /// The place of that route.
    #[must_use]
    pub fn index(&self, source: Option<&Address>, recipient: &Address) -> Option<RouteIndex> {
        let matching = |route: &Route| mismatch(route, source, recipient).is_none();
        self.routes.iter().position(matching).map(RouteIndex)
    }

    /// The route at a place.
    #[must_use]
    pub fn get(&self, index: RouteIndex) -> Option<&Route> {
        self.routes.get(index.0)
    }

    /// The recipients that there are routes for, as patterns, in the file's order, each once: for
    /// the error that a local sender gets when no route matches. Never for a remote one.
    #[must_use]
    pub fn destinations(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let patterns = self.routes.iter().map(|route| route.to.to_string());
        patterns.filter(|pattern| seen.insert(pattern.clone())).collect()
    }
}

/// Why a route does not match; `None` where it does.
pub(super) fn mismatch(route: &Route, source: Option<&Address>, recipient: &Address) -> Option<Mismatch> {
    if !route.to.matches(recipient) {
        return Some(Mismatch::Recipient);
    }
    match (&route.from, source) {
        (None, _) => None,
        (Some(_), None) => Some(Mismatch::NoSender),
        (Some(from), Some(source)) if from.matches(source) => None,
        (Some(_), Some(_)) => Some(Mismatch::Sender),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// Routes as (to, from), each through a transport of its own.
    fn router(routes: &[(String, Option<String>)]) -> Option<Router> {
        let mut text = "[instance]\nname = \"a\"\ndata_dir = \"/d\"\n\
                        [transports.t]\nadapter = \"builtin:file\"\n"
            .to_owned();
        for (to, from) in routes {
            write!(text, "[[routes]]\nto = \"{to}\"\nchain = [\"t\"]\n").unwrap();
            if let Some(from) = from {
                writeln!(text, "from = \"{from}\"").unwrap();
            }
        }
        let config = crate::config::parse(&text, Path::new("byway.toml")).ok()?;
        Some(Router::new(&config))
    }

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_route_that_matches_is_taken() {
        let routes = [
            ("executor@b", Some("planner@a")),
            ("executor@b", None),
            ("*@b", Some("*@c")),
            ("*@b", None),
            ("planner@*", None),
        ]
        .map(|(to, from)| (to.to_owned(), from.map(str::to_owned)));
        let router = router(&routes).unwrap();
        for (source, recipient, wanted) in [
            (Some("planner@a"), "executor@b", Some(0)),
            (Some("planner@c"), "executor@b", Some(1)),
            (None, "executor@b", Some(1)),
            (Some("x@c"), "y@b", Some(2)),
            (Some("x@d"), "y@b", Some(3)),
            (None, "planner@b", Some(3)),
            (None, "planner@z", Some(4)),
            (Some("planner@a"), "y@z", None),
        ] {
            let source = source.map(address);
            let found = router.index(source.as_ref(), &address(recipient));
            assert_eq!(found, wanted.map(RouteIndex), "{source:?} to {recipient}");
        }
        assert_eq!(router.destinations(), ["executor@b", "*@b", "planner@*"]);
    }

    fn part() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(vec!["a", "b", "c"])
    }

    fn pattern() -> impl Strategy<Value = String> {
        let part = || proptest::sample::select(vec!["*", "a", "b", "c"]);
        (part(), part()).prop_map(|(agent, instance)| format!("{agent}@{instance}"))
    }

    proptest! {
        #[test]
        fn no_earlier_route_would_have_matched_and_none_matches_where_none_is_found(
            routes in prop::collection::vec((pattern(), prop::option::of(pattern())), 0..6),
            (agent, instance) in (part(), part()),
            source in prop::option::of((part(), part())),
        ) {
            let Some(router) = router(&routes) else {
                // A route that can never be taken is no configuration.
                return Ok(());
            };
            let recipient = Address::new(agent, instance).unwrap();
            let source = source.map(|(agent, instance)| Address::new(agent, instance).unwrap());
            let taken = router.index(source.as_ref(), &recipient);
            for (at, (to, from)) in routes.iter().enumerate() {
                let covers = |pattern: &str, address: &Address| {
                    let (agent, instance) = pattern.split_once('@').unwrap();
                    (agent == "*" || agent == address.agent()) && (instance == "*" || instance == address.instance())
                };
                let sender = match (from, &source) {
                    (None, _) => true,
                    (Some(from), Some(source)) => covers(from, source),
                    (Some(_), None) => false,
                };
                let matches = covers(to, &recipient) && sender;
                match taken {
                    Some(RouteIndex(index)) if at == index => prop_assert!(matches),
                    Some(RouteIndex(index)) if at > index => {}
                    _ => prop_assert!(!matches),
                }
            }
        }

        #[test]
        fn every_route_of_a_configuration_can_be_taken(
            routes in prop::collection::vec((pattern(), prop::option::of(pattern())), 0..6),
        ) {
            // Names that stand for "*": some message reaches each route, unless several earlier ones
            // together take all, which these names rule out.
            if let Some(router) = router(&routes) {
                for (at, (to, from)) in routes.iter().enumerate() {
                    let some = |pattern: &str| address(&pattern.replace('*', "other"));
                    let source = from.as_deref().map(some);
                    prop_assert_eq!(router.index(source.as_ref(), &some(to)), Some(RouteIndex(at)));
                }
            }
        }
    }
}
