//! From the configuration that is in force to the plan of one message.

use jiff::{SignedDuration, Timestamp};

use super::in_force::InForce;
use super::plan::{Gate, Plan, PlannedStep};
use crate::config::{OnBlock, Step};
use crate::envelope::Address;
use crate::store::Outgoing;

/// How long a message waits whose route or transport is not there, before byway looks again.
pub(super) const CLOSED_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// Why a message waits for which there is no route.
pub(super) const NO_ROUTE: &str = "no route of the configuration matches it now";

impl InForce {
    /// The plan of a message; `None` where no route matches it now. A wake and a receipt are routed like
    /// any message to their recipient.
    pub(super) fn plan(&self, message: &Outgoing, now: Timestamp) -> Option<Plan> {
        let route = self.router.route(message.sender.as_ref(), &message.recipient)?;
        Some(Plan {
            steps: route.chain.iter().map(|step| self.planned(step, now)).collect(),
            strategy: route.strategy,
            tries: route.tries,
            on_unknown: route.on_unknown,
            done_at: route.done_at,
            backoff: route.backoff,
            allow_owner: route.allow_owner,
        })
    }

    /// Whether a message that takes this route, dead or held, lets the next one of its partition go. Where there is no
    /// route just now, nobody has said so: a route that is missing for one reload must not let anybody overtake.
    pub(super) fn lets_pass(&self, sender: Option<&Address>, recipient: &Address) -> bool {
        let route = self.router.route(sender, recipient);
        route.is_some_and(|route| route.on_block == OnBlock::Release)
    }

    /// Whether a transport can be tried now, for any message.
    pub(super) fn gate(&self, transport: &str, now: Timestamp) -> Gate {
        let fault = match self.transports.view(transport) {
            Some(view) => view.fault.clone(),
            None => Some("there is no such transport".to_owned()),
        };
        if let Some(why) = fault {
            Gate::Host(now.saturating_add(CLOSED_PAUSE).unwrap_or(now), why)
        } else if let Some(quarantined) = self.transports.quarantined(transport) {
            Gate::Quarantined(quarantined.until, quarantined.reason)
        } else if let Some(until) = self.breaker_open_until(transport, now) {
            Gate::Breaker(until)
        } else if let Some(until) = self.rate_closed_until(transport, now) {
            Gate::Rate(until)
        } else {
            Gate::Open
        }
    }

    fn planned(&self, step: &Step, now: Timestamp) -> PlannedStep {
        let view = self.transports.view(&step.transport);
        let gate = self.gate(&step.transport, now);
        PlannedStep {
            transport: step.transport.clone(),
            mode: step.mode,
            after: step.after.clone(),
            idempotent: view.is_some_and(|view| view.idempotent),
            reconciles: view.is_some_and(|view| view.reconciles),
            // Where nothing is known, the careful answer.
            owner: view.is_none_or(|view| view.owner),
            dedupe: view.and_then(|view| view.dedupe.clone()),
            fingerprint: view.map_or(0, |view| view.fingerprint),
            leads_to: view.map_or(0, |view| view.leads_to),
            gate,
        }
    }
}
