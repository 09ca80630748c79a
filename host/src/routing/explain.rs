//! Why a message would take the route that it would take.

use serde::{Serialize, Serializer};

use super::router::{Mismatch, RouteIndex, Router, mismatch};
use crate::config::{Authority, DoneAt, Mode, OnUnknown, Place, Route, Step, Strategy, show_duration};
use crate::envelope::{Address, AddressPattern};

/// What would happen to a message, and why; nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The sender's address, if it has one.
    pub source: Option<Address>,
    /// The recipient.
    pub recipient: Address,
    /// The recipient lives behind this byway: its inbox is the delivery, and a chain only wakes it.
    pub local: bool,
    /// The recipient is local, but `[agents]` does not list it, so the message would be refused.
    pub unknown_agent: bool,
    /// The route that is taken.
    pub taken: Option<RouteIndex>,
    /// Every route, in the file's order.
    pub routes: Vec<RouteReport>,
    /// The chain of the route that is taken.
    pub chain: Vec<StepReport>,
}

/// One route, and whether and why it matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteReport {
    /// Its place among the routes.
    pub index: RouteIndex,
    /// Where it stands in the file.
    pub place: Place,
    /// Its pattern of recipients.
    #[serde(serialize_with = "as_text")]
    pub to: AddressPattern,
    /// Its pattern of senders; none: any.
    #[serde(serialize_with = "as_optional_text")]
    pub from: Option<AddressPattern>,
    /// What became of it.
    pub verdict: Verdict,
    /// How its chain is gone through, in words.
    pub manner: String,
}

/// What became of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is the first that matches.
    Taken,
    /// It matches, but an earlier one was taken.
    Later,
    /// It is for other recipients.
    OtherRecipient,
    /// It is for other senders.
    OtherSender,
    /// It is for certain senders, and this one has no address.
    NoSender,
}

/// One step of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// The transport.
    pub transport: String,
    /// Whether it delivers (`deliver`) or tells of the message (`notify`).
    #[serde(serialize_with = "mode_as_text")]
    pub mode: Mode,
    /// The notify step that must have succeeded before this one is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The inbox it leads to, where that is known to take a message in once.
    pub dedupe: Option<String>,
    /// What becomes of a message from a peer or an unsigned sender here.
    pub untrusted: UntrustedVerdict,
}

/// Whether a message that is not from a local sender goes through a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UntrustedVerdict {
    /// It does: the agent hears it as data from somebody else.
    Passes,
    /// It does, because the route says `allow_owner = true`: the agent hears it as its owner.
    PassesAsOwner,
    /// It is skipped: the agent would hear it as its owner.
    Skipped,
    /// The configuration leaves it to the adapter, which was not asked.
    AdapterDecides,
}

impl Router {
    /// Explains what [`Router::route`] would answer. `adapter_is_owner` says, for a transport whose
    /// configuration does not, whether by its adapter the agent hears its owner; `None` where that
    /// is not known.
    #[must_use]
    pub fn explain(
        &self,
        source: Option<&Address>,
        recipient: &Address,
        adapter_is_owner: &dyn Fn(&str) -> Option<bool>,
    ) -> Explanation {
        let taken = self.index(source, recipient);
        let report = |(at, route): (usize, &Route)| RouteReport {
            index: RouteIndex(at),
            place: route.place.clone(),
            to: route.to.clone(),
            from: route.from.clone(),
            verdict: verdict(mismatch(route, source, recipient), taken == Some(RouteIndex(at))),
            manner: manner(route),
        };
        let chain = taken.and_then(|index| self.get(index)).map(|route| {
            let steps = route.chain.iter();
            steps
                .map(|step| self.step(step, route.allow_owner, adapter_is_owner))
                .collect()
        });
        let local = recipient.instance() == self.instance;
        let agents = self.agents.as_ref();
        Explanation {
            source: source.cloned(),
            recipient: recipient.clone(),
            local,
            unknown_agent: local && agents.is_some_and(|agents| !agents.contains(recipient.agent())),
            taken,
            routes: self.routes.iter().enumerate().map(report).collect(),
            chain: chain.unwrap_or_default(),
        }
    }

    fn step(
        &self,
        step: &Step,
        allow_owner: bool,
        adapter_is_owner: &dyn Fn(&str) -> Option<bool>,
    ) -> StepReport {
        let transport = self.transports.get(&step.transport);
        let configured = transport.and_then(|transport| transport.authority);
        let is_owner = match configured {
            Some(authority) => Some(authority == Authority::Owner),
            None => adapter_is_owner(&step.transport),
        };
        StepReport {
            transport: step.transport.clone(),
            mode: step.mode,
            after: step.after.clone(),
            dedupe: transport.and_then(|transport| transport.dedupe.clone()),
            untrusted: match is_owner {
                Some(false) => UntrustedVerdict::Passes,
                Some(true) if allow_owner => UntrustedVerdict::PassesAsOwner,
                Some(true) => UntrustedVerdict::Skipped,
                None => UntrustedVerdict::AdapterDecides,
            },
        }
    }
}

fn verdict(mismatch: Option<Mismatch>, taken: bool) -> Verdict {
    match mismatch {
        None if taken => Verdict::Taken,
        None => Verdict::Later,
        Some(Mismatch::Recipient) => Verdict::OtherRecipient,
        Some(Mismatch::Sender) => Verdict::OtherSender,
        Some(Mismatch::NoSender) => Verdict::NoSender,
    }
}

fn manner(route: &Route) -> String {
    let strategy = match route.strategy {
        Strategy::Sweep => "each step once a round".to_owned(),
        Strategy::Exhaust => format!("{} tries of each step", route.tries),
    };
    let done_at = match route.done_at {
        DoneAt::Accepted => "accepted",
        DoneAt::Delivered => "delivered",
        DoneAt::PeerReceipt => "the peer's receipt",
    };
    let on_unknown = match route.on_unknown {
        OnUnknown::Hold => "held when unknown",
        OnUnknown::Continue => "goes on when unknown",
    };
    let deadline = show_duration(route.deadline);
    format!("{strategy}, for {deadline}; done at {done_at}; {on_unknown}")
}

/// A mode as the configuration's page calls it.
pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Deliver => "deliver",
        Mode::Notify => "notify",
    }
}

fn mode_as_text<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(mode_word(*mode))
}

fn as_text<S: Serializer>(pattern: &AddressPattern, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pattern)
}

fn as_optional_text<S: Serializer>(
    pattern: &Option<AddressPattern>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match pattern {
        Some(pattern) => serializer.collect_str(pattern),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const CONFIG: &str = r#"
[instance]
name = "a"
data_dir = "/d"
[agents]
names = ["planner"]
[transports.http]
adapter = "builtin:webhook"
dedupe = "inbox:b"
authority = "untrusted"
[transports.gateway]
adapter = "builtin:sessions-send"
authority = "owner"
[transports.chat]
adapter = "builtin:telegram"
[[routes]]
to = "executor@b"
from = "planner@a"
chain = ["http", "gateway", { notify = "chat" }]
[[routes]]
to = "*@b"
chain = ["gateway"]
allow_owner = true
strategy = "exhaust"
deadline = "90m"
[[routes]]
to = "*@a"
chain = ["gateway"]
"#;

    fn explain(source: Option<&str>, recipient: &str) -> Explanation {
        let config = crate::config::parse(CONFIG, Path::new("byway.toml")).unwrap();
        let source: Option<Address> = source.map(|text| text.parse().unwrap());
        let owner = |name: &str| (name == "chat").then_some(true);
        Router::new(&config).explain(source.as_ref(), &recipient.parse().unwrap(), &owner)
    }

    #[test]
    fn tells_the_chain_and_why_each_route_was_passed_over() {
        assert_eq!(
            explain(Some("planner@a"), "executor@b").to_string(),
            "\
planner@a -> executor@b
takes this route:

  planner@a -> executor@b
  each step once a round, for 1d; done at accepted; held when unknown
    1. http     deliver  untrusted messages pass; leads to inbox:b
    2. gateway  deliver  skipped for untrusted messages: heard as the owner
    3. chat     notify   skipped for untrusted messages: heard as the owner

routes, in order:
  planner@a -> executor@b  taken: the first that matches (byway.toml:16:1)
  any -> *@b               matches, but an earlier one was taken (byway.toml:20:1)
  any -> *@a               is for other recipients (byway.toml:26:1)
"
        );
    }

    #[test]
    fn says_what_becomes_of_a_message_without_a_route() {
        let refused = explain(None, "executor@c");
        assert_eq!(refused.taken, None);
        assert!(refused.to_string().contains("would be refused: no route matches"));
        let local = explain(Some("x@b"), "planner@a");
        assert!(local.local && local.to_string().contains("into the inbox here; then a route"));
        let unknown = explain(Some("x@b"), "nobody@a");
        assert!(unknown.unknown_agent && unknown.to_string().contains("[agents] does not list `nobody`"));
    }

    #[test]
    fn the_route_alone_lets_an_untrusted_message_pass_as_owner() {
        let allowed = explain(None, "executor@b");
        assert_eq!(allowed.routes[0].verdict, Verdict::NoSender);
        assert_eq!(allowed.chain[0].untrusted, UntrustedVerdict::PassesAsOwner);
        let skipped = explain(Some("planner@a"), "executor@b");
        let verdicts: Vec<_> = skipped.chain.iter().map(|step| step.untrusted).collect();
        assert_eq!(
            verdicts,
            [
                UntrustedVerdict::Passes,
                UntrustedVerdict::Skipped,
                UntrustedVerdict::Skipped
            ]
        );
    }

    #[test]
    fn an_explanation_is_also_data() {
        let value = serde_json::to_value(explain(Some("planner@a"), "executor@b")).unwrap();
        assert_eq!(value["taken"], 0);
        assert_eq!(value["routes"][1]["verdict"], "later");
        assert_eq!(value["routes"][1]["to"], "*@b");
        assert_eq!(value["chain"][2]["mode"], "notify");
        assert_eq!(value["chain"][0]["untrusted"], "passes");
    }
}
