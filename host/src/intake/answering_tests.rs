//! What people decide by answering, with a real store: who may, of which message, and what is told.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::{Door, Intake, RefusalRows, ShortForm, Submission, TakenIn, flight};
use crate::config;
use crate::delivery::{Tells as _, ruling};
use crate::envelope::{Draft, Envelope, Value};
use crate::error_code::ErrorCode;
use crate::identity::Identity;
use crate::principal::Principal;
use crate::routing::Router;
use crate::store::{Durability, Intervention, Outgoing, OutgoingFilter, Status, Store};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const CONFIG: &str = r#"
[instance]
name = "a"
data_dir = "data"
[groups.all]
members = ["executor@b", "tester@b", "executor@c"]
[peers.b]
key = "KEY"
[inbound.chat]
token = { env = "CHAT" }
recipients = ["planner@a"]
[inbound.other]
token = { env = "OTHER" }
recipients = ["planner@a"]
[transports.out]
adapter = "builtin:webhook"
[[routes]]
to = "*@b"
chain = ["out"]
approval = true
approval_notice = "ops@people"
approvers = { chat = ["anna"] }
[[routes]]
to = "*@c"
chain = ["out"]
[[routes]]
to = "*@people"
chain = ["out"]
approval = true
"#;

/// Instance `a`, where a message to `*@b` waits for Anna.
struct House {
    intake: Intake,
    b: Identity,
    _folders: [TempDir; 2],
}

impl House {
    fn new() -> Self {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let b = Identity::load_or_create(folders[0].path()).unwrap();
        let text = CONFIG.replace("KEY", &b.public().to_string());
        let config =
            config::parse(&text, Path::new("/byway.toml")).unwrap_or_else(|errors| panic!("{errors}"));
        let intake = Intake {
            router: Arc::new(Router::new(&config)),
            config: Arc::new(config),
            store: Store::open(folders[1].path(), Durability::Process).unwrap(),
            identity: Arc::new(Identity::load_or_create(folders[1].path()).unwrap()),
            clock: Arc::new(|| NOW),
            refusals: RefusalRows::default(),
        };
        Self {
            intake,
            b,
            _folders: folders,
        }
    }

    async fn rows(&self, id: &str) -> Vec<Outgoing> {
        self.intake.store.find_all_outgoing(None, id).await.unwrap()
    }

    async fn row(&self, id: &str, to: &str) -> Outgoing {
        let rows = self.rows(id).await;
        rows.into_iter()
            .find(|row| row.recipient.to_string() == to)
            .unwrap()
    }

    /// A message of the planner's, which then waits as the engine would have it wait. Says its id.
    async fn waiting(&self, to: &str) -> String {
        let short = ShortForm {
            to: to.into(),
            text: Some("Ship it?".into()),
            ..ShortForm::default()
        };
        let caller = Principal::Agent("planner".into());
        let submission = Submission::Short(Box::new(short));
        let id = self.intake.submit(&caller, submission, None).await.unwrap().id;
        for row in self.rows(&id).await {
            let Some(until) = flight(&row).approval_until else {
                continue;
            };
            let notice = self.intake.waits_for_approval(&row, until).unwrap();
            let decision = Intervention {
                status: Status::Pending,
                flight: serde_json::to_string(&ruling::told(&flight(&row), &notice.id)).unwrap(),
                beside: Some(Box::new(notice)),
                due_at: until,
                ..Intervention::about(&row, "pending", "byway", NOW)
            };
            assert!(self.intake.store.intervene(row.key, decision).await.unwrap());
        }
        id
    }

    async fn notice_of(&self, id: &str, to: &str) -> String {
        flight(&self.row(id, to).await).notice.unwrap()
    }

    /// What a person writes through a door, under an id of its own.
    async fn hears(&self, said: Said<'_>) -> Result<TakenIn, ErrorCode> {
        let mut draft = Draft::new("urn:byway:telegram", "byway@a".parse().unwrap())
            .text(said.words)
            .extension("sender", said.who)
            .extension("senderid", "telegram:7");
        if let Some(notice) = said.to {
            draft = draft.extension("causationid", notice);
        }
        let envelope = draft.finish(said.id.into(), NOW).unwrap();
        let door = Door {
            name: said.door.into(),
            inbound: Some(said.door.into()),
        };
        self.intake
            .take_in(&door, envelope)
            .await
            .map_err(|refusal| refusal.code)
    }

    async fn says(&self, who: &str, words: &str, to: Option<&str>) -> Result<TakenIn, ErrorCode> {
        let id = format!("{who}-{words}-{}", to.unwrap_or_default());
        self.hears(Said {
            id: &id,
            door: "chat",
            who,
            words,
            to,
        })
        .await
    }

    /// Everything that people were told, oldest first, notices left out.
    async fn told(&self) -> Vec<String> {
        let filter = OutgoingFilter {
            source: Some("byway://a/byway".into()),
            ..OutgoingFilter::default()
        };
        let page = self.intake.store.list_outgoing(filter, None, 100).await.unwrap();
        let mut told = Vec::new();
        for header in page.items.iter().rev() {
            let row = self.intake.store.outgoing(header.key).await.unwrap().unwrap();
            let envelope = Envelope::from_json(&row.envelope_json).unwrap();
            let text = String::from_utf8(envelope.data_bytes().into_owned()).unwrap();
            if row.id.starts_with("reply-") {
                assert_eq!(row.recipient.to_string(), "ops@people");
                told.push(text);
            }
        }
        told
    }
}

struct Said<'a> {
    id: &'a str,
    door: &'a str,
    who: &'a str,
    words: &'a str,
    to: Option<&'a str>,
}

#[tokio::test]
async fn people_are_told_of_what_waits_and_that_waits_for_nobody() {
    let house = House::new();
    let id = house.waiting("executor@b").await;
    let notice = house
        .row(&house.notice_of(&id, "executor@b").await, "ops@people")
        .await;
    let envelope = Envelope::from_json(&notice.envelope_json).unwrap();
    assert_eq!(envelope.source, "byway://a/byway");
    assert_eq!(envelope.extensions["correlationid"], Value::String(id.clone()));
    let text = String::from_utf8(envelope.data_bytes().into_owned()).unwrap();
    assert!(text.contains("planner@a → executor@b") && text.contains("> Ship it?"));
    assert_eq!(notice.status, Status::Waiting);
    assert_eq!(
        flight(&notice).approval_until,
        None,
        "its route would have asked people"
    );
    let until = flight(&house.row(&id, "executor@b").await).approval_until;
    assert_eq!(envelope.expiry_time, until, "nobody needs it afterwards");
    assert!(notice.deadline <= until.unwrap());
}

#[tokio::test]
async fn whoever_is_named_decides_by_answering_the_notice() {
    for (words, status, told) in [
        (
            "approve",
            Status::Waiting,
            "Approved by anna (telegram:7, through chat).\nplanner@a → executor@b goes out",
        ),
        (
            "Reject: not on a Friday",
            Status::Cancelled,
            "Rejected by anna (telegram:7, through chat): not on a Friday.\nplanner@a → executor@b is not sent",
        ),
    ] {
        let house = House::new();
        let id = house.waiting("executor@b").await;
        let notice = house.notice_of(&id, "executor@b").await;
        let taken = house.says("anna", words, Some(&notice)).await.unwrap();
        assert!(!taken.again);
        let row = house.row(&id, "executor@b").await;
        assert_eq!(row.status, status);
        assert_eq!(flight(&row).approval_until.is_none(), status == Status::Waiting);
        assert!(row.reason.unwrap().contains("by anna (telegram:7, through chat)"));
        let said = house.told().await;
        assert!(said.len() == 1 && said[0].starts_with(told), "{said:?}");
    }
}

#[tokio::test]
async fn what_comes_again_decides_once_and_is_answered_once() {
    let house = House::new();
    let id = house.waiting("executor@b").await;
    let words = format!("/approve {id}");
    assert!(!house.says("anna", &words, None).await.unwrap().again);
    assert!(house.says("anna", &words, None).await.unwrap().again);
    assert_eq!(house.told().await.len(), 1);
    let late = Said {
        id: "another",
        door: "chat",
        who: "anna",
        words: &words.replace("approve", "reject"),
        to: None,
    };
    assert_eq!(house.hears(late).await.unwrap_err(), ErrorCode::TooLate);
    assert_eq!(house.row(&id, "executor@b").await.status, Status::Waiting);
    let told = house.told().await;
    assert!(
        told[1].contains("nothing was done") && told[1].contains("approved by anna"),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_is_not_clear_or_not_theirs_changes_nothing_and_is_told_in_words() {
    let house = House::new();
    let (id, other) = (house.waiting("executor@b").await, house.waiting("tester@b").await);
    let notice = house.notice_of(&id, "executor@b").await;
    let prefix = format!("/approve {}", &id[..id.len() - 1]);
    let conditions = format!("/approve {id} please");
    let names_another = format!("reject {other}");
    for (who, words, to, code) in [
        ("bert", "approve", Some(&notice), ErrorCode::SenderNotAllowed),
        ("", "approve", Some(&notice), ErrorCode::SenderNotAllowed),
        (
            "anna",
            "approve it once it is green",
            Some(&notice),
            ErrorCode::NotADecision,
        ),
        ("anna", "Yes, do", Some(&notice), ErrorCode::NotADecision),
        ("anna", "/approve", None, ErrorCode::NotADecision),
        ("anna", "/approve m-404", None, ErrorCode::NoSuchMessage),
        ("anna", prefix.as_str(), None, ErrorCode::NoSuchMessage),
        ("anna", conditions.as_str(), None, ErrorCode::NotADecision),
        (
            "anna",
            names_another.as_str(),
            Some(&notice),
            ErrorCode::NotADecision,
        ),
    ] {
        let before = house.told().await.len();
        let found = house.says(who, words, to.map(String::as_str)).await;
        assert_eq!(found.unwrap_err(), code, "{who}: {words}");
        let told = house.told().await;
        assert_eq!(told.len(), before + 1, "{who}: {words}");
        assert!(told[before].contains("nothing was done"), "{}", told[before]);
    }
    for (id, to) in [(&id, "executor@b"), (&other, "tester@b")] {
        assert_eq!(house.row(id, to).await.status, Status::Pending);
    }
}

#[tokio::test]
async fn an_id_of_several_needs_a_recipient_and_a_notice_has_one() {
    let house = House::new();
    let id = house.waiting("all@a").await;
    let unclear = house.says("anna", &format!("/approve {id}"), None).await;
    assert_eq!(unclear.unwrap_err(), ErrorCode::NotADecision);
    assert!(house.told().await[0].contains("executor@b and tester@b"));
    house
        .says("anna", &format!("/approve {id} tester@b"), None)
        .await
        .unwrap();
    assert_eq!(house.row(&id, "executor@b").await.status, Status::Pending);
    let notice = house.notice_of(&id, "executor@b").await;
    house.says("anna", "reject", Some(&notice)).await.unwrap();
    assert_eq!(house.row(&id, "tester@b").await.status, Status::Waiting);
    assert_eq!(house.row(&id, "executor@b").await.status, Status::Cancelled);
    let untouched = house.row(&id, "executor@c").await;
    assert_eq!((untouched.status, untouched.reason), (Status::Waiting, None));
}

#[tokio::test]
async fn the_same_name_at_another_door_is_somebody_else() {
    let house = House::new();
    let id = house.waiting("executor@b").await;
    let words = format!("/approve {id}");
    let said = |door, id| Said {
        id,
        door,
        who: "anna",
        words: &words,
        to: None,
    };
    let refused = house.hears(said("other", "1")).await;
    assert_eq!(refused.unwrap_err(), ErrorCode::SenderNotAllowed);
    assert_eq!(house.row(&id, "executor@b").await.status, Status::Pending);
    // The same id through the right door is another answer.
    house.hears(said("chat", "1")).await.unwrap();
    assert_eq!(house.row(&id, "executor@b").await.status, Status::Waiting);
}

#[tokio::test]
async fn neither_peers_nor_agents_decide() {
    let house = House::new();
    let id = house.waiting("executor@b").await;
    let words = format!("/approve {id}");
    let draft = Draft::new("byway://b/anna", "byway@a".parse().unwrap())
        .text(words.clone())
        .extension("sender", "anna");
    let mut signed = draft.finish("1".into(), NOW).unwrap();
    signed.expiry_time = NOW.checked_add(SignedDuration::from_hours(1)).ok();
    house.b.sign(&mut signed);
    for inbound in [None, Some("chat".to_owned())] {
        let name = "http".into();
        let refused = house
            .intake
            .take_in(&Door { name, inbound }, signed.clone())
            .await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::UnknownAgent);
    }
    let short = |from: &str, to: &str| {
        Submission::Short(Box::new(ShortForm {
            to: to.into(),
            text: Some(words.clone()),
            from: Some(from.to_owned()),
            ..ShortForm::default()
        }))
    };
    for (from, to, code) in [
        ("planner", "byway@a", ErrorCode::UnknownAgent),
        ("byway", "executor@c", ErrorCode::Forbidden),
    ] {
        let refused = house
            .intake
            .submit(&Principal::Admin, short(from, to), None)
            .await;
        assert_eq!(refused.unwrap_err().code, code, "{from} to {to}");
    }
    assert_eq!(house.row(&id, "executor@b").await.status, Status::Pending);
}

#[tokio::test]
async fn a_chat_is_not_flooded_with_what_was_refused() {
    let house = House::new();
    let id = house.waiting("executor@b").await;
    for number in 0..200 {
        let said = Said {
            id: &number.to_string(),
            door: "chat",
            who: "bert",
            words: &format!("/approve {id}"),
            to: None,
        };
        assert_eq!(house.hears(said).await.unwrap_err(), ErrorCode::SenderNotAllowed);
    }
    assert!((1..=60).contains(&house.told().await.len()));
}
