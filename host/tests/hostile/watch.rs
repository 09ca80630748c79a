//! What byway logs while the cases run, so that it can be looked at for what must never be there.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

/// The lines so far.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Vec<u8>>>);

impl Watch {
    /// Takes every line of this process from now on.
    pub(crate) fn begin() -> Self {
        let watch = Self::default();
        tracing_subscriber::fmt()
            .with_env_filter("warn,byway=debug,adapter=trace")
            .with_ansi(false)
            .with_writer(watch.clone())
            .init();
        watch
    }

    /// The lines since the last time.
    pub(crate) fn take(&self) -> String {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8_lossy(&lines).into_owned()
    }
}

impl Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Watch {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
