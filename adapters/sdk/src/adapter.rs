//! What an adapter's author writes: a typed configuration and four functions.
//!
//! The contract passes a configuration as text and asks for it again at each call. Here that
//! happens once, in one place, so an adapter only ever sees a configuration that could be read.

use serde::de::DeserializeOwned;

use crate::bindings::byway::transport::config;
use crate::{
    Attempt, Batch, Description, Envelope, Failure, Finding, Needs, Problem, Problems, Readiness, Receipt,
    State, Verdict, configuration,
};

/// One way of carrying a message.
pub trait Adapter {
    /// The transport's `config` table. Keys that the type does not have are refused, whether or not
    /// it says `deny_unknown_fields`.
    type Config: DeserializeOwned;

    /// What this adapter is. Static: the same every time, computed without any right.
    fn describe() -> Description;

    /// What this configuration needs, or everything that is wrong with it. Pure.
    ///
    /// # Errors
    /// Every mistake at once, each with a JSON Pointer into the `config` table and what would be right.
    fn check(config: &Self::Config) -> Result<Needs, Problems>;

    /// Looks whether the transport would work, sending nothing.
    fn probe(config: &Self::Config) -> Readiness;

    /// Carries one message, once.
    ///
    /// # Errors
    /// A failure that says truthfully what is known: whatever is not known to have failed is
    /// [`FailureKind::Unknown`](crate::FailureKind::Unknown).
    fn send(config: &Self::Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure>;
}

/// An adapter that can find out what became of a message.
pub trait Reconciler: Adapter {
    /// Looks, without sending the message, whether an earlier attempt arrived.
    ///
    /// # Errors
    /// Where the far side cannot be asked now.
    fn reconcile(config: &Self::Config, envelope: &Envelope, attempt: &Attempt) -> Result<Verdict, Failure>;
}

/// An adapter through which messages come in.
pub trait Receiver: Adapter {
    /// Takes in at most `max` items that came since `cursor`, without waiting. The host stores
    /// the items first and the cursor after them, so a cursor that comes back is the sign that the items
    /// before it are safe.
    ///
    /// # Errors
    /// Where nothing can be fetched now.
    fn receive(config: &Self::Config, cursor: Option<&[u8]>, max: u32) -> Result<Batch, Failure>;
}

/// `adapter.check` of the contract.
///
/// # Errors
/// As the contract says.
pub fn check<A: Adapter>(config: &str) -> Result<Needs, Vec<Problem>> {
    let config = configuration::read::<A::Config>(config)?;
    A::check(&config).map_err(Problems::into_vec)
}

/// `adapter.probe` of the contract.
#[must_use]
pub fn probe<A: Adapter>() -> Readiness {
    match configuration::read::<A::Config>(&config::get()) {
        Ok(config) => A::probe(&config),
        Err(problems) => Readiness {
            state: State::NotReady,
            findings: problems.iter().map(Finding::from).collect(),
        },
    }
}

/// `adapter.send` of the contract.
///
/// # Errors
/// As the contract says.
pub fn send<A: Adapter>(envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
    A::send(&own_config::<A>()?, envelope, attempt)
}

/// `reconciler.reconcile` of the contract.
///
/// # Errors
/// As the contract says.
pub fn reconcile<A: Reconciler>(envelope: &Envelope, attempt: &Attempt) -> Result<Verdict, Failure> {
    A::reconcile(&own_config::<A>()?, envelope, attempt)
}

/// `receiver.receive` of the contract.
///
/// # Errors
/// As the contract says.
pub fn receive<A: Receiver>(cursor: Option<&[u8]>, max: u32) -> Result<Batch, Failure> {
    A::receive(&own_config::<A>()?, cursor, max)
}

/// The transport's configuration. The host checks it before it starts a transport, so a
/// failure here means that it was changed in between.
fn own_config<A: Adapter>() -> Result<A::Config, Failure> {
    configuration::read_again(&config::get()).map_err(|problems| Failure::from_problems(&problems))
}
