//! What becomes of a message whose time is over, and why, in words for a person.

use jiff::Timestamp;

use super::decide::{dead_reason, unsettled_reason};
use super::flight::Flight;
use super::plan::Plan;
use crate::store::{Kind, Outgoing, Status};

/// The status that it ends with, and the reason. The caller has seen that its deadline has passed.
pub(super) fn overdue(message: &Outgoing, plan: &Plan, flight: &Flight, now: Timestamp) -> (Status, String) {
    if !flight.unsettled.is_empty() {
        return (
            Status::Dead,
            format!("the deadline passed while {}", unsettled_reason(flight)),
        );
    }
    if let Some(transport) = &flight.awaiting {
        return (
            Status::Dead,
            format!("the deadline passed; {transport} took charge of it, and no receipt came"),
        );
    }
    if message.kind == Kind::Receipt {
        return (
            Status::Expired,
            "the receipt found no way back in time".to_owned(),
        );
    }
    let why = dead_reason(plan, flight);
    if message.expires.is_some_and(|expires| expires <= now) {
        return (Status::Expired, format!("its expirytime passed; {why}"));
    }
    (Status::Dead, format!("the route's deadline passed; {why}"))
}
