//! What the doors promise, with a real store and a real identity.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::{Door, Intake, KEYS_KEPT, Refusal, ShortForm, Submission, Submitted};
use crate::config;
use crate::envelope::{Draft, Envelope};
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
