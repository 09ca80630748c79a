//! How things stand: messages, inboxes and transports, as the API and the command line show them.

use super::Byway;
use crate::api::{InboxItem, MessageView, Page, TransportStateView};
use crate::delivery::Counted;
use crate::envelope::{Envelope, OWN_AGENT};
use crate::error_code::ErrorCode;
use crate::intake::{Refusal, flight};
use crate::principal::Principal;
use crate::sandbox::LoadedTransport;
use crate::store::{self, InboxStatus, Outgoing, OutgoingFilter, StoreError};

impl Byway {
    /// How a message stands, with its attempts: on its way out, or in an inbox here. An agent finds what
    /// it sent and what was sent to it, whatever others named alike.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn show(&self, principal: &Principal, id: &str) -> Result<Option<MessageView>, StoreError> {
        let store = self.store();
        let agent = match principal {
            Principal::Admin => None,
            Principal::Agent(name) => Some(name.as_str()),
            Principal::Inbound(_) => return Ok(None),
        };
        let source = agent.map(|agent| self.source_of(agent));
        let mut views = Vec::new();
        for message in store.find_all_outgoing(source.as_deref(), id).await? {
            let mut attempts = store.attempts(message.key).await?;
            attempts.extend(flight(&message).untold);
            let notice = self.notice_of(&message).await?;
            views.push(MessageView::outgoing(&message, attempts).told_by(notice.as_ref()));
        }
        if let Some(source) = views.first().map(|view| view.source.clone()) {
            // What was for several may lie in inboxes here, too.
            for message in store.find_all_incoming(&source, id).await? {
                let recipient = message.recipient.to_string();
                if views.iter().all(|view| view.recipient != recipient) {
                    views.push(MessageView::incoming(&message));
                }
            }
        }
        if let Some(view) = MessageView::of_several(views) {
            return Ok(Some(view));
        }
        let mut incoming = store.find_incoming(agent, id).await?;
        if incoming.is_none() && source.is_some() {
            // What an agent sent to another one here lies in that one's inbox.
            incoming = store
                .find_incoming(None, id)
                .await?
                .filter(|message| Some(&message.source) == source.as_ref());
        }
        let Some(first) = incoming else {
            return Ok(None);
        };
        if agent.is_some() && source.as_ref() != Some(&first.source) {
            return Ok(Some(MessageView::incoming(&first)));
        }
        let everywhere = store.find_all_incoming(&first.source, id).await?;
        let views = everywhere.iter().map(MessageView::incoming).collect();
        Ok(MessageView::of_several(views))
    }

    /// The message by which people were told that this one waits for them.
    async fn notice_of(&self, message: &Outgoing) -> Result<Option<Outgoing>, StoreError> {
        let Some(id) = flight(message).notice else {
            return Ok(None);
        };
        let own = self.source_of(OWN_AGENT);
        let told = self.store().find_all_outgoing(Some(&own), &id).await?;
        Ok(told.into_iter().next())
    }

    /// Messages on their way out, newest first.
    ///
    /// # Errors
    /// Where the status is none, or the store does not answer.
    pub async fn list(
        &self,
        status: Option<&str>,
        source: Option<String>,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Page<MessageView>, Refusal> {
        let status = status
            .map(|word| {
                word.parse().map_err(|_| {
                    Refusal::new(ErrorCode::Usage, format!("`{word}` is no status")).with_fix(
                        "Use waiting, pending, held, delivered, dead, expired, cancelled or dropped.",
                    )
                })
            })
            .transpose()?;
        let filter = OutgoingFilter {
            status,
            source,
            ..OutgoingFilter::default()
        };
        let page = self.store().list_outgoing(filter, cursor, limit).await?;
        let items = page
            .items
            .iter()
            .map(|message| MessageView::outgoing(message, Vec::new()))
            .collect();
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// What lies in an agent's inbox, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn inbox(
        &self,
        agent: &str,
        all: bool,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Page<InboxItem>, StoreError> {
        let page = self.store().inbox(agent, !all, cursor, limit).await?;
        Ok(Page {
            items: page.items.iter().filter_map(item).collect(),
            next: page.next,
        })
    }

    /// One message of an agent's inbox.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn inbox_item(&self, agent: &str, id: &str) -> Result<Option<InboxItem>, StoreError> {
        Ok(self
            .store()
            .find_incoming(Some(agent), id)
            .await?
            .as_ref()
            .and_then(item))
    }

    /// Notes that an agent has read or processed a message. Never goes back. Without a source, an id that
    /// several sources used means the first that came.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn mark(
        &self,
        agent: &str,
        source: Option<&str>,
        id: &str,
        status: InboxStatus,
    ) -> Result<Option<InboxItem>, StoreError> {
        let (now, intake) = ((self.ground.clock)(), self.intake());
        let receipt = Box::new(move |message: &store::Incoming| intake.receipt_of_mark(message));
        let marked = self
            .store()
            .mark_and_tell(agent, source, id, status, now, receipt)
            .await?;
        self.engine.nudge();
        Ok(marked.as_ref().and_then(item))
    }

    /// What the engine has done since byway started.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.engine.tally().so_far()
    }

    /// How each transport does.
    #[must_use]
    pub fn transport_states(&self) -> Vec<TransportStateView> {
        let fleet = self.fleet();
        let state = |name: &str, fault: Option<&String>| {
            if let Some(fault) = fault {
                return ("not loaded", Some(fault.clone()), self.late.again_at(name));
            }
            if let Some(quarantined) = fleet.loaded(name).and_then(LoadedTransport::quarantined) {
                return ("quarantined", Some(quarantined.reason), Some(quarantined.until));
            }
            match self.engine.rests_until(name) {
                Some(until) => {
                    let reason = "it failed several times in a row; it comes back by itself";
                    ("resting", Some(reason.to_owned()), Some(until))
                }
                None => ("ready", None, None),
            }
        };
        fleet
            .views()
            .map(|(name, view)| (name, view, state(name, view.fault.as_ref())))
            .map(|(name, view, (state, reason, until))| TransportStateView {
                name: name.to_owned(),
                state: state.to_owned(),
                reason,
                until,
                idempotent: view.idempotent,
                owner: view.owner,
                dedupe: view.dedupe.clone(),
            })
            .collect()
    }
}

fn item(message: &store::Incoming) -> Option<InboxItem> {
    match Envelope::from_json(&message.envelope_json) {
        Ok(envelope) => Some(InboxItem::new(message, &envelope)),
        Err(error) => {
            tracing::error!(id = message.id, %error, "a stored message cannot be read");
            None
        }
    }
}
