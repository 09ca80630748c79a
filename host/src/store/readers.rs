//! Connections that only read. They see what is committed and never wait for the writer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{StoreError, schema};

/// How many queries run at once; others wait for their turn.
const AT_ONCE_MAX: usize = 4;

/// A few connections, each opened when it is first needed.
#[derive(Clone)]
pub(super) struct Readers {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
}

struct Shared {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                file,
                idle: Mutex::default(),
            }),
            places: Arc::new(Semaphore::new(AT_ONCE_MAX)),
        }
    }

    /// Runs a query on a thread where blocking hurts nobody.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.map_err(|_| StoreError::Stopped)?;
        let shared = Arc::clone(&self.shared);
        let reading = tokio::task::spawn_blocking(move || {
            // Goes with the query and not with the caller, who may have gone away before it ends.
            let _place = place;
            shared.read(query)
        });
        reading.await.map_err(|_| StoreError::Stopped)?
    }
}

impl Shared {
    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let result = match idle {
            Some(connection) => Ok(connection),
            None => schema::open_to_read(&self.file),
        }
        .and_then(|connection| {
            let found = query(&connection)?;
            // One that failed is closed, in case it is the connection that is at fault.
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            Ok(found)
        });
        result.map_err(|error| StoreError::of(&error, &self.file))
    }
}
