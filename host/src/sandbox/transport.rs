//! A transport that is ready to be used.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::answers::{Batch, Description, Finding, Needs, Readiness, ReadyState, ReceiveFault};
use super::breakage::Breakage;
use super::call::{Function, call};
use super::deadline::Deadline;
use super::effect::EffectLog;
use super::known::{Here, Known};
use super::lane::Machine;
use super::limits::REQUESTS_AT_ONCE_MAX;
use super::log_lines::LogLines;
use super::message::{Call, attempt, message, too_large};
use super::places::{Place, Places};
use super::preflight::PreflightProblem;
use super::reach::Reach;
use super::secrets::{SecretBook, Unavailable};
use super::state::{Context, Message, Purpose, Rights};
use super::supervision::{Leave, Quarantined, Supervision};
use super::{outcome, translate};
use crate::contract::bindings::byway::transport::types as wit;
use crate::contract::{Attempted, Effect, Failure, HostFault, Verdict};
use crate::error_code::ErrorCode;

/// A transport whose component is compiled, whose configuration the adapter has accepted, and
/// whose grants cover what it needs. Cheap to clone.
#[derive(Clone)]
pub struct LoadedTransport(Arc<Inner>);

struct Inner {
    machine: Arc<Machine>,
    known: Arc<Known>,
    needs: Needs,
    rights: Arc<Rights>,
    places: Places,
    supervision: Supervision,
    calls: AtomicU64,
}

impl std::fmt::Debug for LoadedTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedTransport")
            .field("name", &self.0.rights.transport.name)
            .finish_non_exhaustive()
    }
}

impl LoadedTransport {
    pub(super) fn new(machine: Arc<Machine>, known: Arc<Known>, needs: Needs, rights: Rights) -> Self {
        Self(Arc::new(Inner {
            places: Places::of(&rights.transport, &machine),
            supervision: Supervision::new(&rights.transport.name),
            machine,
            known,
            needs,
            rights: Arc::new(rights),
            calls: AtomicU64::new(1),
        }))
    }

    /// What the adapter is.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.0.known.description
    }

    /// The SHA-256 of the component that it runs.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.0.known.digest
    }

    /// On how many lanes its component is linked by now, each with an engine of its own: on the first from the start, on
    /// another with the first call there, unless that could not be.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.0.known.lanes()
    }

    /// What this configuration needs.
    #[must_use]
    pub fn needs(&self) -> &Needs {
        &self.0.needs
    }

    /// Whether repeating an attempt with the same idempotency key cannot deliver twice.
    #[must_use]
    pub fn idempotent(&self) -> bool {
        self.description().idempotent || self.needs().idempotent
    }

    /// Whether the agent hears its owner through it, according to the adapter.
    #[must_use]
    pub fn owner(&self) -> bool {
        self.description().owner || self.needs().owner
    }

    /// Whether messages can be fetched through it.
    #[must_use]
    pub fn receives(&self) -> bool {
        self.0.known.adapter.receiver.is_some()
    }

    /// Whether it can find out what became of a message.
    #[must_use]
    pub fn reconciles(&self) -> bool {
        self.0.known.adapter.reconciler.is_some()
    }

    /// Which of its secrets and signing keys cannot be had now. They are read anew at each attempt,
    /// so this is no reason not to load it.
    #[must_use]
    pub fn missing_secrets(&self) -> Vec<PreflightProblem> {
        let missing = SecretBook::open(&self.0.rights.transport)
            .err()
            .unwrap_or_default();
        missing
            .into_iter()
            .map(|it| PreflightProblem {
                is_passing: false,
                code: ErrorCode::SecretUnavailable,
                pointer: it.pointer,
                message: it.message,
                fix: Some(
                    "set the variable, make the file with mode 0600, or run the command by hand and see"
                        .into(),
                ),
            })
            .collect()
    }

    /// Whether, and until when, no message is sent through it because its adapter crashes.
    #[must_use]
    pub fn sending_quarantined(&self) -> Option<Quarantined> {
        self.0.supervision.quarantined(Purpose::Send)
    }

    /// The same of any function; of several, the one that is for longest.
    #[must_use]
    pub fn quarantined(&self) -> Option<Quarantined> {
        self.0.supervision.worst()
    }

    /// Waits in line for a place, as long as one attempt may take. Who notes that an attempt has begun
    /// does so with a place in hand: one that only waited in line has sent nothing.
    ///
    /// # Errors
    /// Where none came free.
    pub async fn place(&self) -> Result<Place, HostFault> {
        self.0.places.take(&self.0.machine).await
    }

    /// One attempt to send a message, once there is a place.
    ///
    /// # Errors
    /// Where byway itself could not make the attempt. Nothing was sent.
    pub async fn attempt(&self, call: Call) -> Result<Attempted, HostFault> {
        let place = self.place().await?;
        self.attempt_in(place, call).await
    }

    /// One attempt to send a message.
    ///
    /// # Errors
    /// Where byway itself could not make the attempt. Nothing was sent.
    pub async fn attempt_in(&self, place: Place, call: Call) -> Result<Attempted, HostFault> {
        if let Some(outcome) = too_large(&call.envelope, self.description()) {
            return Ok(Attempted {
                outcome,
                effect: None,
                found_nobody: false,
                took: Duration::ZERO,
            });
        }
        let envelope = translate::envelope(&call.envelope, &call.structured)?;
        let here = self.here();
        let _seat = here.lane.warm.seat().await;
        let entered = self.admit(Purpose::Send, place)?;
        let began = Instant::now();
        let context = self.context(Purpose::Send, Some(message(&call))).await?;
        let (ended, effect) = self
            .run(
                entered,
                here,
                &context,
                send_function(here, &context, envelope, call),
            )
            .await;
        if let Err(breakage) = &ended
            && effect.is_none()
            && let Some(fault) = breakage.host_fault()
        {
            return Err(fault);
        }
        Ok(Attempted {
            outcome: outcome::outcome(ended, effect.as_ref(), &context.secrets),
            effect,
            found_nobody: context.reach.found_nobody(),
            took: began.elapsed(),
        })
    }

    /// Asks what became of an earlier attempt. An adapter that cannot say, or breaks, leaves it unknown.
    ///
    /// # Errors
    /// Where byway itself could not ask, or the adapter has no such ability.
    pub async fn reconcile(&self, call: Call) -> Result<Verdict, HostFault> {
        let here = self.here();
        let Some(indices) = here.adapter.reconciler.clone() else {
            return Err(no_ability("reconcile"));
        };
        let envelope = translate::envelope(&call.envelope, &call.structured)?;
        let entered = self.enter(Purpose::Reconcile).await?;
        let context = self.context(Purpose::Reconcile, Some(message(&call))).await?;
        let attempt = attempt(&context, call);
        let function: Function<_> = Box::new(move |store, instance| {
            Box::pin(async move {
                indices
                    .load(&mut *store, instance)?
                    .call_reconcile(store, &envelope, &attempt)
                    .await
            })
        });
        let name = self.0.rights.transport.name.as_str();
        match self.run(entered, here, &context, function).await.0 {
            Ok(Ok(verdict)) => Ok(translate::verdict(verdict, &context.secrets)),
            Ok(Err(failure)) => {
                let is_for_good = matches!(failure.kind, wit::FailureKind::Refused);
                let failure = translate::failure(&failure, &context.secrets);
                tracing::info!(
                    transport = name,
                    code = failure.code,
                    "it cannot say: {}",
                    failure.message
                );
                let verdict = if is_for_good {
                    Verdict::NeverKnown
                } else {
                    Verdict::Unknown
                };
                Ok(verdict)
            }
            Err(breakage) => match breakage.host_fault() {
                Some(fault) => Err(fault),
                None => {
                    tracing::warn!(
                        transport = name,
                        code = breakage.code(),
                        "reconcile broke off: {breakage}"
                    );
                    Ok(Verdict::Unknown)
                }
            },
        }
    }

    /// Looks whether it would work, without sending anything.
    ///
    /// # Errors
    /// Where byway itself could not ask.
    pub async fn probe(&self) -> Result<Readiness, HostFault> {
        let entered = self.enter(Purpose::Probe).await?;
        let context = self.context(Purpose::Probe, None).await?;
        let here = self.here();
        let indices = here.adapter.adapter.clone();
        let function: Function<_> = Box::new(move |store, instance| {
            Box::pin(async move { indices.load(&mut *store, instance)?.call_probe(store).await })
        });
        match self.run(entered, here, &context, function).await.0 {
            Ok(readiness) => Ok(translate::readiness(readiness, &context.secrets)),
            Err(breakage) => match breakage.host_fault() {
                Some(fault) => Err(fault),
                None => Ok(Readiness {
                    state: ReadyState::NotReady,
                    findings: vec![Finding {
                        name: "adapter".into(),
                        ok: false,
                        message: breakage.to_string(),
                        fix: None,
                    }],
                }),
            },
        }
    }

    /// Fetches what came since `cursor`, at most `max` items.
    ///
    /// # Errors
    /// Where nothing was fetched; this is never the same as an empty batch.
    pub async fn receive(&self, cursor: Option<Vec<u8>>, max: u32) -> Result<Batch, ReceiveFault> {
        let here = self.here();
        let Some(indices) = here.adapter.receiver.clone() else {
            return Err(no_ability("receive").into());
        };
        let entered = self.enter(Purpose::Receive).await?;
        let context = self.context(Purpose::Receive, None).await?;
        let function: Function<_> = Box::new(move |store, instance| {
            Box::pin(async move {
                indices
                    .load(&mut *store, instance)?
                    .call_receive(store, cursor.as_deref(), max)
                    .await
            })
        });
        match self.run(entered, here, &context, function).await.0 {
            Ok(Ok(batch)) => translate::batch(batch, max).map_err(ReceiveFault::Adapter),
            Ok(Err(failure)) => Err(ReceiveFault::Adapter(translate::failure(
                &failure,
                &context.secrets,
            ))),
            Err(breakage) => Err(match breakage.host_fault() {
                Some(fault) => ReceiveFault::Host(fault),
                None => ReceiveFault::Adapter(Failure::new(breakage.code(), breakage.to_string())),
            }),
        }
    }

    fn here(&self) -> Here<'_> {
        self.0.known.here(&self.0.machine)
    }

    /// Runs a function to its end, and the attempt to its own: when this returns, nothing that it
    /// started can send any more.
    async fn run<T: Send>(
        &self,
        entered: Entered<'_>,
        here: Here<'_>,
        context: &Arc<Context>,
        function: Function<T>,
    ) -> (Result<T, Breakage>, Option<Effect>) {
        let inner = &*self.0;
        let ended = call(here.lane, here.adapter, &inner.rights, context, function).await;
        let effect = context.effects.close().await;
        entered.leave.ended(ended.as_ref().err());
        (ended, effect)
    }

    /// What belongs to one attempt. Its time begins here: reading the secrets is a part of it.
    async fn context(&self, purpose: Purpose, message: Option<Message>) -> Result<Arc<Context>, HostFault> {
        let deadline = Deadline::after(self.0.rights.transport.limits.timeout);
        Ok(Arc::new(Context {
            purpose,
            deadline,
            secrets: self.secrets(deadline).await?,
            effects: EffectLog::default(),
            reach: Reach::default(),
            message,
            number: self.0.calls.fetch_add(1, Ordering::Relaxed),
            requests: Semaphore::new(REQUESTS_AT_ONCE_MAX),
            lines: LogLines::default(),
            denials: AtomicUsize::new(0),
        }))
    }

    /// Waits for a place, and asks whether the adapter may be called.
    async fn enter(&self, purpose: Purpose) -> Result<Entered<'_>, HostFault> {
        let place = self.place().await?;
        self.admit(purpose, place)
    }

    fn admit(&self, purpose: Purpose, place: Place) -> Result<Entered<'_>, HostFault> {
        let leave = self.0.supervision.admit(purpose)?;
        Ok(Entered { leave, _place: place })
    }

    /// Reads the secrets, off the runtime's workers: they may be files. A command that prints one for longer than the
    /// attempt may take goes on, and what it prints is there for the next.
    async fn secrets(&self, deadline: Deadline) -> Result<SecretBook, HostFault> {
        let transport = &self.0.rights.transport;
        if !SecretBook::is_needed(transport) {
            return Ok(SecretBook::default());
        }
        let rights = Arc::clone(&self.0.rights);
        let fault = |message: String| HostFault {
            code: "secret-unavailable",
            message,
        };
        let reading = tokio::task::spawn_blocking(move || SecretBook::open(&rights.transport));
        match tokio::time::timeout(deadline.remaining(), reading).await {
            Ok(Ok(Ok(secrets))) => Ok(secrets),
            Ok(Ok(Err(missing))) => Err(fault(sentences(&missing))),
            Ok(Err(error)) => Err(fault(format!("the secrets could not be read: {error}"))),
            Err(_) => Err(fault(format!(
                "reading its secrets took longer than an attempt may (timeout, {:?}): look at their commands, or raise it",
                deadline.allowed()
            ))),
        }
    }
}

fn send_function(
    here: Here<'_>,
    context: &Context,
    envelope: wit::Envelope,
    call: Call,
) -> Function<Result<wit::Receipt, wit::Failure>> {
    let indices = here.adapter.adapter.clone();
    let attempt = attempt(context, call);
    Box::new(move |store, instance| {
        Box::pin(async move {
            indices
                .load(&mut *store, instance)?
                .call_send(store, &envelope, &attempt)
                .await
        })
    })
}

/// A call that may be made.
struct Entered<'a> {
    leave: Leave<'a>,
    _place: Place,
}

fn sentences(missing: &[Unavailable]) -> String {
    missing
        .iter()
        .map(|it| it.message.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

fn no_ability(what: &'static str) -> HostFault {
    HostFault {
        code: "no-such-ability",
        message: format!("the adapter cannot {what}"),
    }
}
