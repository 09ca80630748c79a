//! What the doors promise, with a real store and a real identity.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::{Door, Intake, KEYS_KEPT, Recipients, Redrive, Refusal, ShortForm, Submission, Submitted};
use crate::config;
use crate::envelope::{Draft, Envelope, verify};
use crate::error_code::ErrorCode;
use crate::identity::Identity;
use crate::principal::Principal;
use crate::routing::Router;
use crate::store::{Durability, Store};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// The doors of `b`, whose peer `a` has an identity of its own.
struct Doors {
    intake: Intake,
    a: Identity,
    _folders: [TempDir; 2],
}

impl Doors {
    fn new() -> Self {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let a = Identity::load_or_create(folders[0].path()).unwrap();
        let text = format!(
            "[instance]\nname = \"b\"\ndata_dir = \"data\"\n[peers.a]\nkey = \"{}\"\n\
             [inbound.anna]\ntoken = {{ env = \"ANNA\" }}\nrecipients = [\"executor@b\"]\nmay_relay = [\"planner@c\"]\n\
             [transports.out]\nadapter = \"builtin:webhook\"\n[[routes]]\nto = \"*@c\"\nchain = [\"out\"]\ndeadline = \"1h\"\n",
            a.public()
        );
        let config =
            config::parse(&text, Path::new("/byway.toml")).unwrap_or_else(|errors| panic!("{errors}"));
        let store = Store::open(folders[1].path(), Durability::Process).unwrap();
        let identity = Identity::load_or_create(folders[1].path()).unwrap();
        let intake = Intake {
            router: Arc::new(Router::new(&config)),
            config: Arc::new(config),
            store,
            identity: Arc::new(identity),
            clock: Arc::new(|| NOW),
            refusals: crate::intake::RefusalRows::default(),
        };
        Self {
            intake,
            a,
            _folders: folders,
        }
    }

    async fn submits(&self, short: ShortForm) -> Result<Submitted, Refusal> {
        let caller = Principal::Agent("planner".into());
        self.intake
            .submit(&caller, Submission::Short(Box::new(short)), None)
            .await
    }

    /// What comes from `a`, signed by it after `change`.
    async fn takes_in(&self, change: impl FnOnce(&mut Envelope)) -> Result<String, Refusal> {
        let draft = Draft::new("byway://a/planner", "executor@b".parse().unwrap()).text("hello");
        let mut envelope = draft.finish("m-1".into(), NOW).unwrap();
        envelope.expiry_time = Some(after(1));
        change(&mut envelope);
        self.a.sign(&mut envelope);
        let door = Door {
            name: "http".into(),
            inbound: None,
        };
        self.intake
            .take_in(&door, envelope)
            .await
            .map(|taken| taken.status)
    }
}

/// Through the door `anna`, unsigned.
async fn anna_says(
    doors: &Doors,
    recipient: &str,
    change: impl FnOnce(&mut Envelope),
) -> Result<bool, Refusal> {
    let draft = Draft::new("urn:anna", recipient.parse().unwrap()).text("ship it");
    let mut envelope = draft.finish("m-7".into(), NOW).unwrap();
    change(&mut envelope);
    let door = Door {
        name: "anna".into(),
        inbound: Some("anna".into()),
    };
    let taken = doors.intake.take_in(&door, envelope).await;
    taken.map(|taken| taken.again)
}

fn after(hours: i64) -> Timestamp {
    NOW + SignedDuration::from_hours(hours)
}

fn to(recipient: &str) -> ShortForm {
    ShortForm {
        to: recipient.into(),
        text: Some("hello".into()),
        ..ShortForm::default()
    }
}

fn code<T>(result: Result<T, Refusal>) -> Option<ErrorCode> {
    result.err().map(|refusal| refusal.code)
}

#[tokio::test]
async fn an_agent_cannot_issue_a_receipt() {
    let doors = Doors::new();
    let forged = ShortForm {
        event_type: Some("dev.byway.receipt".into()),
        ..to("planner@c")
    };
    assert_eq!(code(doors.submits(forged).await), Some(ErrorCode::Forbidden));
    assert!(doors.intake.store.journal(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_that_is_to_go_later_has_its_whole_time_from_then_on() {
    let doors = Doors::new();
    let later = ShortForm {
        deliverafter: Some(after(48)),
        ..to("planner@c")
    };
    let id = doors.submits(later).await.unwrap().id;
    let message = doors
        .intake
        .store
        .find_outgoing(None, &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((message.due_at, message.deadline), (after(48), after(49)));
}

#[tokio::test]
async fn a_message_that_could_only_go_after_its_end_is_refused() {
    let doors = Doors::new();
    let too_late = ShortForm {
        deliverafter: Some(after(2)),
        expirytime: Some(after(1)),
        ..to("planner@c")
    };
    assert_eq!(code(doors.submits(too_late).await), Some(ErrorCode::Expired));
    let never = ShortForm {
        deliverafter: Some(NOW + KEYS_KEPT),
        ..to("planner@c")
    };
    assert_eq!(code(doors.submits(never).await), Some(ErrorCode::Expired));
}

#[tokio::test]
async fn a_signed_message_must_end_before_its_key_is_forgotten() {
    let doors = Doors::new();
    assert_eq!(
        code(doors.takes_in(|it| it.expiry_time = None).await),
        Some(ErrorCode::Expired)
    );
    let far = NOW + KEYS_KEPT + SignedDuration::from_hours(2);
    assert_eq!(
        code(doors.takes_in(|it| it.expiry_time = Some(far)).await),
        Some(ErrorCode::Expired)
    );
    assert_eq!(doors.takes_in(|_| ()).await.unwrap(), "delivered");
}

#[tokio::test]
async fn a_stranger_cannot_fill_the_journal_with_a_name() {
    let doors = Doors::new();
    let long = doors.takes_in(|it| it.id = "x".repeat(100_000)).await;
    assert_eq!(code(long), Some(ErrorCode::MalformedMessage));
    let journal = doors.intake.store.journal(0, 10).await.unwrap();
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].note.id.as_deref().map(str::len), Some(80));
}

#[tokio::test]
async fn what_a_door_may_relay_goes_on_as_our_own_and_once() {
    let doors = Doors::new();
    assert!(!anna_says(&doors, "planner@c", |_| ()).await.unwrap());
    assert!(anna_says(&doors, "planner@c", |_| ()).await.unwrap());
    let other = anna_says(&doors, "planner@c", |it| it.subject = Some("else".into())).await;
    assert_eq!(code(other), Some(ErrorCode::IdConflict));
    let sent = doors
        .intake
        .store
        .find_outgoing(None, "m-7")
        .await
        .unwrap()
        .unwrap();
    let envelope = Envelope::from_json(&sent.envelope_json).unwrap();
    verify(&envelope, &doors.intake.identity.public()).unwrap();
    assert_eq!(envelope.source, "byway://b/via/anna");
    assert_eq!((envelope.hops(), envelope.expiry_time), (1, Some(after(1))));
    // Nobody vouches for more than the door, so it is never an owner's word.
    assert!(sent.flight.contains("\"untrusted\":true"), "{}", sent.flight);
}

#[tokio::test]
async fn a_door_relays_nothing_else() {
    let doors = Doors::new();
    for recipient in ["secretary@c", "planner@d"] {
        let refused = anna_says(&doors, recipient, |_| ()).await;
        assert_eq!(code(refused), Some(ErrorCode::SenderNotAllowed), "{recipient}");
    }
    let receipt = anna_says(&doors, "planner@c", |it| {
        it.event_type = "dev.byway.receipt".into()
    })
    .await;
    assert_eq!(code(receipt), Some(ErrorCode::SenderNotAllowed));
    let round = anna_says(&doors, "planner@c", |it| it.hops = Some(8)).await;
    assert_eq!(code(round), Some(ErrorCode::TooManyHops));
    let endless = anna_says(&doors, "planner@c", |it| it.expiry_time = Some(after(24 * 31))).await;
    assert_eq!(code(endless), Some(ErrorCode::Expired));
    assert!(
        doors
            .intake
            .store
            .find_outgoing(None, "m-7")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_peer_may_speak_for_its_doors_where_it_may_for_all_its_agents() {
    let doors = Doors::new();
    let at_a_door = |source: &'static str| doors.takes_in(move |it| it.source = source.into());
    assert_eq!(at_a_door("byway://a/via/anna").await.unwrap(), "delivered");
    for source in ["byway://c/via/anna", "byway://a/via/anna/x", "https://a/via/anna"] {
        assert_eq!(
            code(at_a_door(source).await),
            Some(ErrorCode::SenderNotAllowed),
            "{source}"
        );
    }
    // Somebody at a door has no address, so a receipt of theirs settles nothing.
    let receipt = doors.takes_in(|it| {
        it.source = "byway://a/via/anna".into();
        it.event_type = "dev.byway.receipt".into();
    });
    assert_eq!(code(receipt.await), Some(ErrorCode::SenderNotAllowed));
}

/// The doors with more in their configuration.
fn doors_with(more: &str) -> Doors {
    let mut doors = Doors::new();
    let config = Arc::clone(&doors.intake.config);
    let key = &config.peers["a"].key;
    let text = format!(
        "[instance]\nname = \"b\"\ndata_dir = \"data\"\n[peers.a]\nkey = \"{key}\"\n\
         [transports.out]\nadapter = \"builtin:webhook\"\n{more}\n[[routes]]\nto = \"*@c\"\nchain = [\"out\"]\n\
         [[routes]]\nto = \"*@a\"\nchain = [\"out\"]\n"
    );
    let config = config::parse(&text, Path::new("/byway.toml")).unwrap_or_else(|errors| panic!("{errors}"));
    doors.intake.router = Arc::new(Router::new(&config));
    doors.intake.config = Arc::new(config);
    doors
}

fn to_all(recipients: &[&str]) -> ShortForm {
    ShortForm {
        to: Recipients(recipients.iter().map(ToString::to_string).collect()),
        ..to("")
    }
}

const TEAM: &str = "[groups.team]\nmembers = [\"x@c\", \"tester@b\"]";

#[tokio::test]
async fn a_group_is_its_members_each_with_a_state_of_its_own() {
    let doors = doors_with(TEAM);
    let sent = doors.submits(to_all(&["team@b", "x@c", "y@c"])).await.unwrap();
    let store = &doors.intake.store;
    let out = store.find_all_outgoing(None, &sent.id).await.unwrap();
    let recipients: Vec<String> = out.iter().map(|row| row.recipient.to_string()).collect();
    assert_eq!(recipients, ["x@c", "y@c"], "each once");
    let mut keys = Vec::new();
    for row in &out {
        let whole = doors.intake.store.outgoing(row.key).await.unwrap().unwrap();
        let envelope = Envelope::from_json(&whole.envelope_json).unwrap();
        keys.push(envelope.effective_idempotency_key().to_owned());
    }
    assert_ne!(
        keys[0], keys[1],
        "a far side of both would take one for the other"
    );
    assert!(
        store
            .find_incoming(Some("tester"), &sent.id)
            .await
            .unwrap()
            .is_some()
    );
    for row in &out {
        let envelope = Envelope::from_json(&row.envelope_json).unwrap();
        assert_eq!(
            (envelope.id, envelope.recipient),
            (sent.id.clone(), row.recipient.clone())
        );
        assert!(envelope.signature.is_some(), "signed for this recipient");
    }
}

#[tokio::test]
async fn where_one_recipient_cannot_have_it_nobody_has_it() {
    let doors = doors_with(TEAM);
    let refused = doors.submits(to_all(&["team@b", "x@nowhere"])).await;
    assert_eq!(code(refused), Some(ErrorCode::NoRoute));
    let store = &doors.intake.store;
    let sent = store.list_outgoing(crate::store::OutgoingFilter::default(), None, 10);
    assert!(sent.await.unwrap().items.is_empty());
    assert!(
        store
            .inbox("tester", false, None, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let many: Vec<String> = (0..300).map(|number| format!("x{number}@c")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(code(doors.submits(to_all(&many)).await), Some(ErrorCode::Usage));
    assert_eq!(
        code(doors.submits(to_all(&[])).await),
        Some(ErrorCode::InvalidAddress)
    );
}

#[tokio::test]
async fn for_a_peer_a_group_is_nobody() {
    let doors = doors_with(TEAM);
    let refused = doors
        .takes_in(|envelope| envelope.recipient = "team@b".parse().unwrap())
        .await;
    assert_eq!(code(refused), Some(ErrorCode::UnknownAgent));
}

#[tokio::test]
async fn a_mark_is_told_to_the_peer_that_sent_it_and_to_no_local_sender() {
    let doors = doors_with("");
    doors.takes_in(|_| ()).await.unwrap();
    doors.submits(to("executor@b")).await.unwrap();
    let store = &doors.intake.store;
    let items = store.inbox("executor", false, None, 10).await.unwrap().items;
    let words: Vec<Option<String>> = items
        .iter()
        .map(|item| {
            let marked = crate::store::Incoming {
                status: crate::store::InboxStatus::Read,
                ..item.clone()
            };
            let receipt = doors.intake.receipt_of_mark(&marked)?;
            let event = Envelope::from_json(&receipt.message.envelope_json).unwrap();
            let said = crate::envelope::ReceiptEvent::from_envelope(&event).unwrap();
            assert!(receipt.message.deadline <= after(1), "for an hour at most");
            Some(format!("{} {} to {}", said.of_id, said.status, event.recipient))
        })
        .collect();
    assert_eq!(words, [Some("m-1 read to planner@a".to_owned()), None]);
}

/// A dead letter of ours that was accepted so many hours ago.
async fn dead(doors: &Doors, hours: i64) -> crate::store::Outgoing {
    let sent = doors.submits(to("x@c")).await.unwrap();
    let store = &doors.intake.store;
    let mut message = store.find_outgoing(None, &sent.id).await.unwrap().unwrap();
    message.status = crate::store::Status::Dead;
    message.accepted_at = NOW - SignedDuration::from_hours(hours);
    message
}

#[tokio::test]
async fn a_redriven_message_is_the_same_message_with_a_later_end() {
    let doors = doors_with("");
    let message = dead(&doors, 30 * 24 - 1).await;
    let redriven = doors
        .intake
        .redrive(&message, Redrive::default(), "admin")
        .unwrap();
    let before = Envelope::from_json(&message.envelope_json).unwrap();
    let again = Envelope::from_json(&redriven.decision.envelope_json.unwrap()).unwrap();
    assert_eq!(redriven.id, message.id);
    assert_eq!(again.expiry_time, Some(after(1)), "its id is forgotten then");
    assert_eq!(redriven.decision.deadline, after(1));
    assert_eq!(before.message_digest(), again.message_digest());
    assert!(verify(&again, &doors.intake.identity.public()).is_ok());
    assert!(!redriven.decision.forgets_progress);
    let even_twice = Redrive {
        even_twice: true,
        ..Redrive::default()
    };
    let redriven = doors.intake.redrive(&message, even_twice, "admin").unwrap();
    assert!(redriven.decision.forgets_progress, "as if nothing had been tried");
}

#[tokio::test]
async fn one_older_than_its_key_goes_under_a_new_id_only() {
    let doors = doors_with("");
    let message = dead(&doors, 30 * 24).await;
    let refused = doors.intake.redrive(&message, Redrive::default(), "admin");
    assert_eq!(code(refused), Some(ErrorCode::NeedsNewId));
    let how = Redrive {
        new_id: true,
        even_twice: false,
    };
    let anew = doors.intake.redrive(&message, how, "admin").unwrap();
    let new = anew.decision.instead.unwrap();
    assert_eq!(
        (new.id.as_str(), new.recipient.clone()),
        (anew.id.as_str(), message.recipient.clone())
    );
    assert_ne!(new.id, message.id);
    let perhaps = crate::store::Outgoing {
        flight: r#"{"unsettled":["x-http"]}"#.into(),
        ..message.clone()
    };
    assert_eq!(
        code(doors.intake.redrive(&perhaps, how, "admin")),
        Some(ErrorCode::MayHaveArrived),
        "nobody would know it again"
    );
    let even_twice = Redrive {
        even_twice: true,
        ..how
    };
    assert!(doors.intake.redrive(&perhaps, even_twice, "admin").is_ok());
    let waiting = crate::store::Outgoing {
        status: crate::store::Status::Waiting,
        ..message
    };
    assert_eq!(
        code(doors.intake.redrive(&waiting, how, "admin")),
        Some(ErrorCode::TooLate)
    );
}
