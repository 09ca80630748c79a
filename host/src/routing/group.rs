//! What would happen to a message for a group: each member gets it for itself, by a route of its own.

use std::fmt;

use serde::Serialize;

use super::Explanation;
use crate::envelope::Address;

/// What would happen to a message for a group, and why; nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupExplanation {
    /// The group.
    pub group: Address,
    /// It would be refused: the message is from outside, and groups are for local senders only.
    pub refused: bool,
    /// What would happen for each member, in the order of the configuration; none where it is refused.
    pub members: Vec<Explanation>,
}

/// For a person: the answer for each member. Why a route was passed over, a member's own explanation tells.
impl fmt::Display for GroupExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = &self.group;
        if self.refused {
            return writeln!(
                f,
                "{group} is a group\nwould be refused: groups are for local senders only"
            );
        }
        let members: Vec<String> = self.members.iter().map(|it| it.recipient.to_string()).collect();
        let count = members.len();
        let word = if count == 1 { "member" } else { "members" };
        writeln!(f, "{group} is a group of {count} {word}: {}", members.join(", "))?;
        writeln!(f, "each of them gets the message for itself, all or none")?;
        for member in &self.members {
            writeln!(f)?;
            member.write_answer(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config;
    use crate::routing::Router;

    use super::*;

    const CONFIG: &str = r#"
[instance]
name = "a"
data_dir = "/d"
[groups.team]
members = ["executor@b", "planner@a", "nobody@c"]
[transports.http]
adapter = "builtin:webhook"
authority = "untrusted"
[[routes]]
to = "*@b"
chain = ["http"]
"#;

    fn explain(refused: bool) -> GroupExplanation {
        let config = config::parse(CONFIG, Path::new("byway.toml")).unwrap();
        let router = Router::new(&config);
        let planner = "planner@a".parse().unwrap();
        let members = config.groups["team"].iter().filter(|_| !refused);
        GroupExplanation {
            group: "team@a".parse().unwrap(),
            refused,
            members: members
                .map(|member| router.explain(Some(&planner), member, &|_| None))
                .collect(),
        }
    }

    #[test]
    fn tells_for_each_member_what_becomes_of_the_message() {
        assert_eq!(
            explain(false).to_string(),
            "\
team@a is a group of 3 members: executor@b, planner@a, nobody@c
each of them gets the message for itself, all or none

planner@a -> executor@b
takes this route:

  any -> *@b
  each step once a round, for 1d; done at accepted; held when unknown
    1. http  deliver  untrusted messages pass

planner@a -> planner@a
goes into the inbox here; no route wakes the agent

planner@a -> nobody@c
would be refused: no route matches
"
        );
    }

    #[test]
    fn from_outside_a_group_is_none() {
        let text = explain(true).to_string();
        assert!(text.contains("would be refused") && !text.contains("executor@b"));
    }

    #[test]
    fn it_is_also_data() {
        let value = serde_json::to_value(explain(false)).unwrap();
        assert_eq!(value["group"], "team@a");
        assert_eq!(value["members"][0]["taken"], 0);
        assert_eq!(value["members"][2]["taken"], serde_json::Value::Null);
    }
}
