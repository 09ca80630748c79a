//! Where a name leads: asked once for each connection, of the system unless a test says otherwise.
//!
//! A name whose answers change from one question to the next could show a public address to whoever looks and
//! another to whoever dials. So nothing here remembers or asks again: what it answers is what is looked at and dialled.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

type Answer = BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// A resolver. Cheap to clone.
#[derive(Clone)]
pub(super) struct Names(Arc<dyn Fn(String, u16) -> Answer + Send + Sync>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Names {
    /// The system's resolver, with its files and its order of addresses.
    pub(super) fn of_the_system() -> Self {
        Self(Arc::new(|host, port| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        }))
    }

    /// Gives these answers, one a question, and counts the questions.
    #[cfg(test)]
    pub(super) fn scripted(answers: &[SocketAddr]) -> (Self, Arc<std::sync::atomic::AtomicUsize>) {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let asked = Arc::new(AtomicUsize::new(0));
        let (answers, counter) = (answers.to_vec(), Arc::clone(&asked));
        let names = Self(Arc::new(move |_, _| {
            let answer = answers.get(counter.fetch_add(1, Ordering::SeqCst)).copied();
            Box::pin(async move { Ok(answer.into_iter().collect()) })
        }));
        (names, asked)
    }

    /// The addresses of a name.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (self.0)(host.to_owned(), port).await
    }
}
