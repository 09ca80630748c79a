//! A conversation with the gateway over its WebSocket: log in, ask, read the answer to what was asked.
//!
//! Until something is *sent* nothing can have been delivered, so everything before it is retryable or a
//! matter of the configuration. Whatever is lost afterwards is unknown.

use std::time::Instant;

use byway_adapter::websocket::{Connection, Incoming, SocketUrl};
use byway_adapter::{Attempt, Failure, secrets};
use serde_json::Value;

use crate::protocol::{self, Answer, Frame};
use crate::refusal;

/// What is left of the attempt for closing in good order.
const CLOSING_MS: u64 = 1_500;
/// How long a gateway may take to answer where it has nothing to think about.
const ANSWER_MS_MAX: u64 = 20_000;

/// The time of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    ms: u64,
}

/// A gateway that has let byway in.
pub struct Gateway {
    connection: Connection,
    clock: Clock,
}

impl Clock {
    /// From now.
    pub fn of(attempt: &Attempt) -> Self {
        Self::lasting(attempt.remaining_ms)
    }

    /// From now, for so long.
    pub fn lasting(ms: u64) -> Self {
        Self {
            began: Instant::now(),
            ms: ms.saturating_sub(CLOSING_MS),
        }
    }

    /// What is left, in milliseconds.
    pub fn left_ms(&self) -> u64 {
        let spent = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.ms.saturating_sub(spent)
    }
}

impl Gateway {
    /// Connects and logs in, with the token of this name and these scopes. Nothing of it is an effect.
    ///
    /// # Errors
    /// Where it is not reached, is starting, or does not want byway.
    pub fn enter(url: &SocketUrl, token: &str, scopes: &[&str], clock: Clock) -> Result<Self, Failure> {
        let token = secrets::reference(token)?;
        let connection = Connection::open(url, &[])?;
        let gateway = Self { connection, clock };
        gateway.challenge(url)?;
        match gateway.prepare("connect", "connect", protocol::login(&token, scopes))? {
            Ok(_) => Ok(gateway),
            Err(refusal) => Err(refusal::at_login(&refusal)),
        }
    }

    /// Asks something that cannot deliver a message: before anything was sent.
    ///
    /// # Errors
    /// Where there is no answer, retryable.
    pub fn prepare(&self, id: &str, method: &str, params: Value) -> Result<Answer, Failure> {
        self.connection.prepare(&protocol::request(id, method, params))?;
        self.answer(id, ANSWER_MS_MAX)?.ok_or_else(silent)
    }

    /// The same for a question that the gateway takes its time with. `None`: no answer in that time.
    ///
    /// # Errors
    /// Where the connection is lost, retryable.
    pub fn prepare_and_wait(
        &self,
        id: &str,
        method: &str,
        params: Value,
        wait_ms: u64,
    ) -> Result<Option<Answer>, Failure> {
        self.connection.prepare(&protocol::request(id, method, params))?;
        self.answer(id, wait_ms)
    }

    /// Asks for something that can deliver the message. `None`: no answer in that time.
    ///
    /// # Errors
    /// Unknown, where the connection is lost.
    pub fn send(
        &self,
        id: &str,
        method: &str,
        params: Value,
        wait_ms: u64,
    ) -> Result<Option<Answer>, Failure> {
        self.connection.send(protocol::request(id, method, params))?;
        self.answer(id, wait_ms)
            .map_err(|lost| Failure::unknown(lost.code, lost.message))
    }

    /// What is left of the attempt, in milliseconds.
    pub fn left_ms(&self) -> u64 {
        self.clock.left_ms()
    }

    /// The gateway speaks first. What does not is something else, or a gateway that hangs.
    fn challenge(&self, url: &SocketUrl) -> Result<(), Failure> {
        match self.next(ANSWER_MS_MAX)? {
            Some(Frame::Event(event)) if event == "connect.challenge" => Ok(()),
            Some(_) => Err(no_gateway(url)),
            None => Err(silent()),
        }
    }

    fn answer(&self, id: &str, wait_ms: u64) -> Result<Option<Answer>, Failure> {
        let wait = Clock {
            began: Instant::now(),
            ms: wait_ms,
        };
        loop {
            match self.next(wait.left_ms())? {
                Some(Frame::Answer(to, answer)) if to == id => return Ok(Some(answer)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    fn next(&self, wait_ms: u64) -> Result<Option<Frame>, Failure> {
        match self.connection.receive(wait_ms.min(self.clock.left_ms()))? {
            None => Ok(None),
            Some(Incoming::Text(text)) => Ok(Some(protocol::read(&text).unwrap_or(Frame::Other))),
            Some(Incoming::Binary(_)) => Ok(Some(Frame::Other)),
            Some(Incoming::Closed { code, reason }) => Err(closed(code, &reason)),
        }
    }
}

fn closed(code: u16, reason: &str) -> Failure {
    Failure::retryable(
        "gateway-closed",
        format!("The gateway closed the connection with {code}: {reason}."),
    )
}

fn silent() -> Failure {
    Failure::retryable("gateway-silent", "The gateway did not answer in time.")
}

fn no_gateway(url: &SocketUrl) -> Failure {
    Failure::unavailable(
        "no-gateway",
        format!("What listens at {url} is not an OpenClaw gateway."),
    )
    .with_fix("Look whether `url` has the gateway's port.")
}
