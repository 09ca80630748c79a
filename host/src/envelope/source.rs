//! The source of what byway's own agents send: `byway://<instance>/<agent>`.

use super::address::check_name;
use super::{Address, Envelope};

const SCHEME: &str = "byway://";

impl Address {
    /// The `source` of what this agent sends.
    #[must_use]
    pub fn as_source(&self) -> String {
        format!("{SCHEME}{}/{}", self.instance(), self.agent())
    }
}

impl Envelope {
    /// The address that the source names, where it names an agent of a byway.
    #[must_use]
    pub fn sender(&self) -> Option<Address> {
        let (instance, agent) = self.source.strip_prefix(SCHEME)?.split_once('/')?;
        Address::new(agent, instance).ok()
    }

    /// The instance whose door it came in at, where the source is `byway://<instance>/via/<door>`: somebody
    /// who does not sign, for whom that instance does.
    #[must_use]
    pub fn door_instance(&self) -> Option<&str> {
        let (instance, door) = self.source.strip_prefix(SCHEME)?.split_once("/via/")?;
        (check_name(instance).is_ok() && check_name(door).is_ok()).then_some(instance)
    }
}

#[cfg(test)]
mod tests {
    use crate::envelope::{Address, Draft};

    #[test]
    fn the_source_of_a_door_names_its_instance_and_no_agent() {
        let recipient: Address = "executor@b".parse().unwrap();
        for (source, instance) in [
            ("byway://a/via/anna", Some("a")),
            ("byway://a/via", None),
            ("byway://a/via/", None),
            ("byway://a/via/anna/via/b", None),
            ("byway://A/via/anna", None),
            ("byway://a/planner", None),
            ("https://a/via/anna", None),
        ] {
            let draft = Draft::new(source, recipient.clone());
            let envelope = draft.finish("1".into(), jiff::Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(envelope.door_instance(), instance, "{source}");
        }
    }

    #[test]
    fn an_agents_source_names_the_agent() {
        let planner: Address = "planner@a".parse().unwrap();
        let recipient: Address = "executor@b".parse().unwrap();
        let sender_of = |source: &str| {
            let draft = Draft::new(source, recipient.clone());
            draft
                .finish("1".into(), jiff::Timestamp::UNIX_EPOCH)
                .unwrap()
                .sender()
        };
        assert_eq!(sender_of(&planner.as_source()), Some(planner));
        for source in [
            "byway://a",
            "byway://a/via/hook",
            "https://a/planner",
            "byway://A/planner",
            "/x",
        ] {
            assert_eq!(sender_of(source), None, "{source}");
        }
    }
}
