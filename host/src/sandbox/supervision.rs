//! Watches over the calls of one transport, and keeps an adapter that crashes again and again from being
//! called for nothing.
//!
//! Each function has a quarantine of its own: a fetch that works every two seconds must not hide that
//! every send crashes, nor a crashing fetch stop what can still be sent. It belongs to the loaded
//! transport, so other bytes or another configuration start clean.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::breakage::Breakage;
use super::quarantine::{BREAKAGES_MAX, Change, Health, Quarantine};
use super::state::Purpose;
use crate::contract::HostFault;

/// Why, and until when, an adapter is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// When it is tried again.
    pub until: Timestamp,
    /// Which function broke, and how, in a sentence.
    pub reason: String,
}

/// The health of one transport's adapter.
#[derive(Debug)]
pub(super) struct Supervision {
    transport: String,
    functions: Mutex<[Function; FUNCTIONS.len()]>,
}

/// The functions that are watched. Loading is not: what breaks there is not loaded.
const FUNCTIONS: [Purpose; 4] = [
    Purpose::Send,
    Purpose::Receive,
    Purpose::Reconcile,
    Purpose::Probe,
];

#[derive(Debug, Default)]
struct Function {
    quarantine: Quarantine,
    last: String,
}

/// Leave to make one call. Whoever drops it without saying how the call ended has not made it.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    supervision: &'a Supervision,
    purpose: Purpose,
    is_trial: bool,
    is_over: bool,
}

impl Supervision {
    pub(super) fn new(transport: &str) -> Self {
        Self {
            transport: transport.to_owned(),
            functions: Mutex::default(),
        }
    }

    /// Lets a call through, or says why not.
    pub(super) fn admit(&self, purpose: Purpose) -> Result<Leave<'_>, HostFault> {
        let mut functions = self.lock();
        let mut is_trial = false;
        if let Some(function) = of(&mut functions, purpose) {
            if let Some(until) = function.quarantine.closed_until(Instant::now()) {
                return Err(HostFault {
                    code: HostFault::QUARANTINED,
                    message: function.told(purpose, until).sentence(),
                });
            }
            is_trial = function.quarantine.begin();
        }
        Ok(Leave {
            supervision: self,
            purpose,
            is_trial,
            is_over: false,
        })
    }

    /// Whether, and until when, a function is not called.
    pub(super) fn quarantined(&self, purpose: Purpose) -> Option<Quarantined> {
        let mut functions = self.lock();
        let function = of(&mut functions, purpose)?;
        let until = function.quarantine.closed_until(Instant::now())?;
        Some(function.told(purpose, until))
    }

    /// The quarantine that lasts longest, over all functions. One that waits for its trial counts.
    pub(super) fn worst(&self) -> Option<Quarantined> {
        let now = Instant::now();
        let functions = self.lock();
        let on = FUNCTIONS.iter().zip(functions.iter());
        on.filter(|(_, function)| function.quarantine.is_on())
            .map(|(purpose, function)| {
                (
                    function.quarantine.closed_until(now).unwrap_or(now),
                    purpose,
                    function,
                )
            })
            .max_by_key(|(until, ..)| *until)
            .map(|(until, purpose, function)| function.told(*purpose, until))
    }

    fn lock(&self) -> MutexGuard<'_, [Function; FUNCTIONS.len()]> {
        // Plain data: whatever a panicking holder left is a state like any other.
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, purpose: Purpose, was_trial: bool, health: Health, breakage: Option<&Breakage>) {
        let mut functions = self.lock();
        let Some(function) = of(&mut functions, purpose) else {
            return;
        };
        if health == Health::Broke
            && let Some(breakage) = breakage
        {
            function.last = format!("{breakage} ({})", breakage.code());
        }
        let was_on = function.quarantine.is_on();
        // Asked for only where it is needed: this is done after every call.
        let random = match health {
            Health::Broke => rand::random(),
            Health::Ended | Health::Unsaid => 0.0,
        };
        let change = function.quarantine.end(health, was_trial, Instant::now(), random);
        let (transport, name, last) = (&self.transport, word(purpose), &function.last);
        match change {
            Change::None => {}
            Change::Began(rest) if was_on => {
                tracing::info!(
                    transport,
                    "still quarantined, for {}: {name} broke again: {last}",
                    seconds(rest)
                );
            }
            Change::Began(rest) => tracing::error!(
                transport,
                "quarantined for {}: {name} broke {BREAKAGES_MAX} times in a row, last: {last}; \
                 byway tries it again by itself, other transports go on",
                seconds(rest)
            ),
            Change::Lifted => tracing::info!(transport, "no longer quarantined: {name} works again"),
        }
    }
}

impl Leave<'_> {
    /// Says how the call ended; `None`: by itself.
    pub(super) fn ended(mut self, breakage: Option<&Breakage>) {
        let health = match breakage {
            None => Health::Ended,
            Some(breakage) if breakage.is_the_adapters() => Health::Broke,
            Some(_) => Health::Unsaid,
        };
        self.is_over = true;
        self.supervision
            .note(self.purpose, self.is_trial, health, breakage);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.supervision
                .note(self.purpose, self.is_trial, Health::Unsaid, None);
        }
    }
}

impl Function {
    fn told(&self, purpose: Purpose, until: Instant) -> Quarantined {
        let left = until.saturating_duration_since(Instant::now());
        let left = jiff::SignedDuration::try_from(left).unwrap_or_default();
        let now = Timestamp::now();
        Quarantined {
            until: now.saturating_add(left).unwrap_or(now),
            reason: format!("{} breaks again and again, last: {}", word(purpose), self.last),
        }
    }
}

impl Quarantined {
    /// The whole of it in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        // To the second: nobody reads the rest.
        let until = Timestamp::from_second(self.until.as_second()).unwrap_or(self.until);
        format!("quarantined until {until}: {}", self.reason)
    }
}

fn of(functions: &mut [Function; FUNCTIONS.len()], purpose: Purpose) -> Option<&mut Function> {
    let place = FUNCTIONS.iter().position(|it| *it == purpose)?;
    functions.get_mut(place)
}

fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Load => "load",
        Purpose::Probe => "probe",
        Purpose::Send => "send",
        Purpose::Reconcile => "reconcile",
        Purpose::Receive => "receive",
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaks(supervision: &Supervision, purpose: Purpose) {
        supervision
            .admit(purpose)
            .unwrap()
            .ended(Some(&Breakage::Trap("unreachable".into())));
    }

    #[test]
    fn a_function_that_works_does_not_hide_one_that_breaks() {
        let supervision = Supervision::new("t");
        for _ in 0..BREAKAGES_MAX {
            breaks(&supervision, Purpose::Send);
            supervision.admit(Purpose::Receive).unwrap().ended(None);
        }
        let fault = supervision.admit(Purpose::Send).unwrap_err();
        assert_eq!(fault.code, HostFault::QUARANTINED);
        assert!(fault.message.contains("send breaks again and again"), "{fault}");
        assert!(fault.message.contains("(trap)"), "{fault}");
        assert!(supervision.admit(Purpose::Receive).is_ok());
        assert_eq!(supervision.quarantined(Purpose::Receive), None);
        assert_eq!(
            supervision.worst().map(|it| it.reason),
            supervision.quarantined(Purpose::Send).map(|it| it.reason)
        );
    }

    #[test]
    fn a_call_that_is_given_up_was_not_made() {
        let supervision = Supervision::new("t");
        for _ in 0..BREAKAGES_MAX {
            drop(supervision.admit(Purpose::Send).unwrap());
            supervision
                .admit(Purpose::Send)
                .unwrap()
                .ended(Some(&Breakage::Waiting(Duration::from_secs(1))));
        }
        assert_eq!(supervision.worst(), None);
    }
}
