//! A message that waits for a person: nothing is tried before somebody approves it, or its time for that is over.
//!
//! Both are decisions like a person's, and are written the same way: only if the message still stands as it was
//! seen. So an approval that comes in the same moment is never overwritten.

use std::sync::Arc;

use jiff::Timestamp;

use super::flight::Flight;
use super::in_force::InForce;
use super::journey::Journey;
use super::planning::NO_ROUTE;
use super::ruling;
use crate::config::OnApprovalExpiry;
use crate::store::{Intervention, Kind, Outgoing, Status};

/// The decision that is byway's own to make about a message that waits for approval; `None` where it
/// waits as it should.
fn due(
    message: &Outgoing,
    flight: &Flight,
    until: Timestamp,
    on_expiry: Option<OnApprovalExpiry>,
    now: Timestamp,
) -> Option<Intervention> {
    let about = |event| Intervention::about(message, event, "byway", now);
    if now < until {
        let waits = message.status == Status::Pending && message.due_at >= until;
        return (!waits).then(|| Intervention {
            status: Status::Pending,
            reason: None,
            due_at: until,
            ..about("pending")
        });
    }
    let Some(on_expiry) = on_expiry else {
        // A reload makes it due again; else its deadline ends it.
        let waits = message.status == Status::Pending && message.due_at >= message.deadline;
        return (!waits).then(|| Intervention {
            status: Status::Pending,
            reason: Some(NO_ROUTE.into()),
            due_at: message.deadline,
            ..about("pending")
        });
    };
    Some(match on_expiry {
        OnApprovalExpiry::Reject => Intervention {
            status: Status::Cancelled,
            reason: Some("rejected: nobody approved it in time".into()),
            ..about("rejected")
        },
        OnApprovalExpiry::Deliver => Intervention {
            status: Status::Waiting,
            reason: Some("nobody objected in time".into()),
            flight: serde_json::to_string(&ruling::approved(flight)).unwrap_or_default(),
            due_at: now,
            ..about("approved")
        },
    })
}

impl Journey {
    /// Whether this is as far as the message goes now, since nobody has approved it.
    pub(super) async fn waits_for_approval(&mut self, in_force: &Arc<InForce>, now: Timestamp) -> bool {
        let Some(until) = self.flight.approval_until else {
            return false;
        };
        if self.message.kind == Kind::Receipt {
            self.flight.approval_until = None;
            return false;
        }
        let route = in_force
            .router
            .route(self.message.sender.as_ref(), &self.message.recipient);
        // Where the route wants no approval any more, what began to wait for it still does; nobody has said yes.
        let on_expiry = route.map(|route| {
            let approval = route.approval.as_ref();
            approval.map_or(OnApprovalExpiry::Reject, |approval| approval.on_expiry)
        });
        if let Some(decision) = due(&self.message, &self.flight, until, on_expiry, now) {
            let decision = self.with_notice(decision, in_force, until);
            let (id, status) = (self.message.id.clone(), decision.status);
            let notice = decision.beside.as_ref().map(|notice| notice.id.clone());
            let store = self.engine.store();
            match store.intervene(self.message.key, decision).await {
                Ok(true) => {
                    tracing::info!(id, %status, notice, "approval");
                    self.engine.nudge();
                }
                Ok(false) => tracing::debug!(id, "somebody decided in the same moment"),
                Err(error) => tracing::error!(id, %error, "the message's state could not be stored"),
            }
        }
        true
    }

    /// With a message that begins to wait, people are told of it: stored in the same moment, so they are told once
    /// whatever happens in between. It then goes its own way, and this one waits wherever that leads.
    fn with_notice(&self, decision: Intervention, in_force: &InForce, until: Timestamp) -> Intervention {
        if decision.status != Status::Pending || self.flight.notice.is_some() {
            return decision;
        }
        let tells = in_force.tells.as_ref();
        let Some(notice) = tells.and_then(|tells| tells.waits_for_approval(&self.message, until)) else {
            return decision;
        };
        Intervention {
            flight: serde_json::to_string(&ruling::told(&self.flight, &notice.id)).unwrap_or_default(),
            beside: Some(Box::new(notice)),
            ..decision
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::stage::{START, Scripted, Stage, delivered, message, route};
    use crate::store::Accepted;

    async fn asking(stage: &Stage, seconds: i64) -> crate::store::MessageKey {
        let until = Timestamp::from_second(START + seconds).unwrap();
        let flight = ruling::asking(Flight::new(false), Some(until));
        let new = crate::store::NewOutgoing {
            flight: serde_json::to_string(&flight).unwrap(),
            ..message("m-1")
        };
        let Accepted::New(key) = stage.store.accept(new).await.unwrap() else {
            panic!("it is not new");
        };
        stage.engine.nudge();
        key
    }

    /// A person's yes to a message as it stands.
    fn approved(seen: &Outgoing) -> Intervention {
        let flight: Flight = serde_json::from_str(&seen.flight).unwrap();
        Intervention {
            status: Status::Waiting,
            flight: serde_json::to_string(&ruling::approved(&flight)).unwrap(),
            due_at: Timestamp::from_second(START).unwrap(),
            ..Intervention::about(seen, "approved", "admin", seen.accepted_at)
        }
    }

    fn stage(folder: &tempfile::TempDir) -> Stage {
        Stage::new(
            folder.path(),
            Scripted::default().with("hook", false, [Ok(delivered())]),
        )
    }

    #[tokio::test]
    async fn nothing_is_tried_before_somebody_approves() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(&folder);
        let key = asking(&stage, 60).await;
        stage
            .until(key, |message| message.status == Status::Pending)
            .await;
        stage.reload(&["hook"]).await;
        stage.pass(30);
        let seen = stage
            .until(key, |message| message.status == Status::Pending)
            .await;
        assert!(stage.transports.calls().is_empty());
        let yes = approved(&seen);
        assert!(stage.store.intervene(key, yes.clone()).await.unwrap());
        assert!(
            !stage.store.intervene(key, yes).await.unwrap(),
            "it was decided already"
        );
        stage.engine.nudge();
        stage
            .until(key, |message| message.status == Status::Delivered)
            .await;
        stage.end().await;
    }

    #[tokio::test]
    async fn a_route_that_is_gone_changes_nothing_about_what_a_person_decides() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(&folder);
        let key = asking(&stage, 60).await;
        let seen = stage
            .until(key, |message| message.status == Status::Pending)
            .await;
        stage.reload_routes(&route("elsewhere", &["hook"], "")).await;
        stage.pass(61);
        // That it was looked at shows in the time until which it waits now; else it waits as it did.
        let waits = stage
            .until(key, |message| message.due_at == message.deadline)
            .await;
        assert_eq!((waits.status, &waits.flight), (Status::Pending, &seen.flight));
        let yes = approved(&waits);
        assert!(
            stage.store.intervene(key, yes).await.unwrap(),
            "nothing was written over"
        );
        stage.engine.nudge();
        stage
            .until(key, |message| {
                message.status == Status::Waiting && message.due_at > message.accepted_at
            })
            .await;
        stage.reload(&["hook"]).await;
        stage
            .until(key, |message| message.status == Status::Delivered)
            .await;
        stage.end().await;
    }

    #[tokio::test]
    async fn without_a_route_nothing_is_decided_before_the_route_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(&folder);
        let key = asking(&stage, 60).await;
        stage
            .until(key, |message| message.status == Status::Pending)
            .await;
        stage.reload_routes(&route("elsewhere", &["hook"], "")).await;
        stage.pass(61);
        let waits = stage
            .until(key, |message| message.due_at == message.deadline)
            .await;
        assert_eq!(waits.status, Status::Pending);
        assert!(waits.reason.unwrap().contains("no route"));
        let says = "approval = true\non_approval_expiry = \"deliver\"";
        stage.reload_routes(&route("b", &["hook"], says)).await;
        stage
            .until(key, |message| message.status == Status::Delivered)
            .await;
        stage.end().await;
    }

    #[tokio::test]
    async fn the_deadline_ends_it_also_where_it_has_no_route() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(&folder);
        let key = asking(&stage, 1_000_000).await;
        stage
            .until(key, |message| message.status == Status::Pending)
            .await;
        stage.reload_routes(&route("elsewhere", &["hook"], "")).await;
        stage.pass(100_000);
        let ended = stage.until(key, |message| message.ended_at.is_some()).await;
        assert_eq!(ended.status, Status::Dead);
        stage.end().await;
    }

    #[tokio::test]
    async fn what_nobody_approves_in_time_ends_as_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(&folder);
        let key = asking(&stage, 60).await;
        stage
            .until(key, |message| message.status == Status::Pending)
            .await;
        stage.pass(61);
        let ended = stage.until(key, |message| message.ended_at.is_some()).await;
        assert_eq!(ended.status, Status::Cancelled);
        assert!(ended.reason.unwrap().contains("nobody approved it in time"));
        assert!(stage.transports.calls().is_empty());
        stage.end().await;
    }

    #[test]
    fn on_expiry_it_goes_out_where_the_route_says_so() {
        let at = |second| Timestamp::from_second(START + second).unwrap();
        let seen = Outgoing {
            key: crate::store::MessageKey::default(),
            kind: Kind::Message,
            envelope_json: Vec::new(),
            id: "m-1".into(),
            source: "byway://a/planner".into(),
            sender: None,
            recipient: "executor@b".parse().unwrap(),
            status: Status::Pending,
            reason: None,
            fallback: false,
            receipt: None,
            flight: String::new(),
            waits_for: crate::store::WaitsFor::Time,
            due_at: at(60),
            deadline: at(90),
            expires: None,
            accepted_at: at(0),
            ended_at: None,
            has_progress: false,
        };
        let flight = ruling::asking(Flight::new(false), Some(at(60)));
        let decided = |now, word| due(&seen, &flight, at(60), Some(word), at(now)).map(|it| it.status);
        assert_eq!(decided(59, OnApprovalExpiry::Deliver), None);
        assert_eq!(decided(60, OnApprovalExpiry::Deliver), Some(Status::Waiting));
        assert_eq!(decided(60, OnApprovalExpiry::Reject), Some(Status::Cancelled));
    }
}
