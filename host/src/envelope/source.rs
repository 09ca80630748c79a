//! The source of what byway's own agents send: `byway://<instance>/<agent>`.

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
}

#[cfg(test)]
mod tests {
    use crate::envelope::{Address, Draft};

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
