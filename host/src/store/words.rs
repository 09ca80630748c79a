//! The words in which the store says what a row is and how it stands.
//!
//! Each is stored as its text, so that a person with a shell reads what byway reads.

use std::fmt;
use std::str::FromStr;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word as it is stored and shown.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    other => Err(other.to_owned()),
                }
            }
        }
    };
}

words! {
    /// What an outgoing row is for.
    Kind {
        /// A message to another instance.
        Message = "message",
        /// Waking a local agent for a message in its inbox.
        Wake = "wake",
        /// A receipt to the sending byway.
        Receipt = "receipt",
    }
}

words! {
    /// How an outgoing message stands.
    Status {
        /// byway goes on trying.
        Waiting = "waiting",
        /// Nothing is tried before a person approves it.
        Pending = "pending",
        /// It may have arrived; only a receipt, a person or the deadline ends it.
        Held = "held",
        /// The route's receipt is there.
        Delivered = "delivered",
        /// byway has stopped trying.
        Dead = "dead",
        /// Its expirytime passed.
        Expired = "expired",
        /// A person cancelled it, or did not approve it.
        Cancelled = "cancelled",
        /// A person put the dead letter away.
        Dropped = "dropped",
    }
}

words! {
    /// How a message in an inbox stands. Only ever goes forward.
    InboxStatus {
        /// The agent has not seen it.
        Unread = "unread",
        /// The agent has seen it.
        Read = "read",
        /// The agent is done with it.
        Processed = "processed",
    }
}

impl Status {
    /// Whether nothing more will happen to the message.
    #[must_use]
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Waiting | Self::Pending | Self::Held)
    }
}
