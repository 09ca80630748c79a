//! Which of the messages that are due are begun now.
//!
//! Only from the parts of the queue that can go on: those that wait for nothing, and those whose transport has room. Of
//! each part the longest due come first, and among the priorities it goes by [`Turns`]. Whose deadline is
//! over is looked at whatever it waits for, and at most for half of the room, so that a great many that end at once do
//! not keep the others waiting.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::turns::Turns;
use crate::store::{Due, Looked, MessageKey, Outgoing, Outlook, PRIORITY_MAX, WaitsFor};

/// What a part of the queue can do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// As many as there are may come.
    Open,
    /// So many may go on, to this transport.
    Room(String, usize),
    /// Nothing, until then or until something happens that byway notices.
    Closed(Option<Timestamp>),
}

/// What is known before the look.
pub(super) struct Asked {
    pub(super) now: Timestamp,
    /// Those that are begun already.
    pub(super) busy: HashSet<MessageKey>,
    /// How many may be begun.
    pub(super) room: usize,
    pub(super) turns: Turns,
}

/// What is to be begun.
pub(super) struct Picked {
    pub(super) messages: Vec<Outgoing>,
    /// When there may be more.
    pub(super) next: Option<Timestamp>,
    pub(super) turns: Turns,
}

/// Looks what is due, and chooses.
pub(super) fn pick(look: &Outlook<'_>, mut asked: Asked, door: impl Fn(&WaitsFor) -> Door) -> Looked<Picked> {
    let now = asked.now;
    let mut next = look.next_overdue(now)?;
    let overdue = look.overdue(now, asked.room.saturating_add(asked.busy.len()))?;
    let mut chosen: Vec<MessageKey> = overdue
        .into_iter()
        .filter(|key| !asked.busy.contains(key))
        .take(asked.room.div_ceil(2))
        .collect();
    asked.busy.extend(&chosen);
    let mut candidates = Candidates::default();
    for part in look.parts()? {
        let waits_for: WaitsFor = part.parse().unwrap_or_default();
        let (transport, room) = match door(&waits_for) {
            Door::Open => (None, asked.room),
            Door::Room(transport, room) => (Some(transport), room.min(asked.room)),
            Door::Closed(until) => {
                next = earlier(next, until);
                continue;
            }
        };
        for priority in 0..=PRIORITY_MAX {
            // Those that are begun are due, too; asking for as many more finds the others.
            let most = room.saturating_add(asked.busy.len());
            let mut due = look.due(&part, priority, now, most)?;
            due.retain(|due| !asked.busy.contains(&due.key));
            candidates.add(priority, due, transport.as_deref());
            next = earlier(next, look.next_due(&part, priority, now)?);
        }
        if let Some(transport) = transport {
            candidates.rooms.insert(transport, room);
        }
    }
    let left = asked.room.saturating_sub(chosen.len());
    chosen.extend(candidates.choose(left, &mut asked.turns));
    let messages = chosen.into_iter().map(|key| look.message(key));
    Ok(Picked {
        messages: messages
            .collect::<Looked<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect(),
        next,
        turns: asked.turns,
    })
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

/// Those that may be begun, by priority.
#[derive(Default)]
struct Candidates {
    by_priority: [Vec<(Due, Option<String>)>; 4],
    /// How many may go to each transport.
    rooms: HashMap<String, usize>,
}

impl Candidates {
    fn add(&mut self, priority: u8, due: Vec<Due>, transport: Option<&str>) {
        if let Some(line) = self.by_priority.get_mut(usize::from(priority)) {
            line.extend(due.into_iter().map(|due| (due, transport.map(str::to_owned))));
        }
    }

    /// At most `most` of them: by turns, and of each priority the longest due.
    fn choose(mut self, most: usize, turns: &mut Turns) -> Vec<MessageKey> {
        for line in &mut self.by_priority {
            // The last is taken first.
            line.sort_unstable_by_key(|(due, _)| std::cmp::Reverse((due.due_at, due.key)));
        }
        let mut chosen = Vec::new();
        while chosen.len() < most {
            for line in &mut self.by_priority {
                while line
                    .last()
                    .is_some_and(|(_, transport)| is_full(&self.rooms, transport))
                {
                    line.pop();
                }
            }
            let lines = &self.by_priority;
            let has = |priority: u8| {
                lines
                    .get(usize::from(priority))
                    .is_some_and(|line| !line.is_empty())
            };
            let Some((due, transport)) = turns
                .next(has)
                .and_then(|priority| self.by_priority.get_mut(usize::from(priority))?.pop())
            else {
                break;
            };
            if let Some(room) = transport.and_then(|transport| self.rooms.get_mut(&transport)) {
                *room = room.saturating_sub(1);
            }
            chosen.push(due.key);
        }
        chosen
    }
}

fn is_full(rooms: &HashMap<String, usize>, transport: &Option<String>) -> bool {
    let room = transport.as_ref().and_then(|transport| rooms.get(transport));
    room.is_some_and(|room| *room == 0)
}
