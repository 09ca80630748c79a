//! The guest's side of the door: who may do what in which folder, and on which thread.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::append::append;
use super::drop_in::drop_in;
use super::folder::{Folder, Trouble, check_name};
use crate::config::FolderAccess;
use crate::contract::bindings::byway::transport::files::{Claimed, Host};
use crate::contract::bindings::byway::transport::types::Denial;
use crate::sandbox::state::{Context, GuestState, Rights};
use crate::sandbox::{denial, fix};

/// The most names in one list.
const LIST_MAX: u32 = 1000;

impl Host for GuestState {
    async fn append_record(&mut self, folder: String, name: String, bytes: Vec<u8>) -> Result<(), Denial> {
        let path = self.granted(&folder, &[FolderAccess::Append])?;
        self.checked(&name, &bytes)?;
        self.in_folder(path, move |path, _, context| {
            let words = format!("append {}", path.join(&name).display());
            append(
                &Folder::open(path)?,
                &name,
                &bytes,
                context.deadline,
                &context.effects,
                &words,
            )
        })
        .await
    }

    async fn drop(&mut self, folder: String, name: String, bytes: Vec<u8>) -> Result<(), Denial> {
        let path = self.granted(&folder, &[FolderAccess::Drop, FolderAccess::Receive])?;
        self.checked(&name, &bytes)?;
        self.in_folder(path, move |path, _, context| {
            let words = format!("drop {}", path.join(&name).display());
            drop_in(&Folder::open(path)?, &name, &bytes, &context.effects, &words)
        })
        .await
    }

    async fn list(&mut self, folder: String, suffix: String, max: u32) -> Result<Vec<String>, Denial> {
        let Ok(path) = self.granted_for(&folder, &[FolderAccess::Receive]) else {
            // Who may only put something in learns whether that would work, and nothing of what is there.
            let path = self.granted(&folder, &[FolderAccess::Append, FolderAccess::Drop])?;
            return self
                .in_folder(path, |path, _, _| {
                    Folder::open(path)?.check_writable().map(|()| Vec::new())
                })
                .await;
        };
        let max = usize::try_from(max.min(LIST_MAX)).unwrap_or(0);
        self.in_folder(path, move |path, rights, context| {
            rights.claims.list(path, &suffix, max, context.number)
        })
        .await
    }

    async fn claim(&mut self, folder: String, name: String) -> Result<Claimed, Denial> {
        let path = self.granted(&folder, &[FolderAccess::Receive])?;
        self.may_write()?;
        check_name(&name)?;
        self.in_folder(path, move |path, rights, context| {
            let max = rights.transport.limits.answer_bytes_max;
            let bytes = rights.claims.claim(path, &name, max, context.number)?;
            Ok(Claimed { name, bytes })
        })
        .await
    }

    async fn release(&mut self, folder: String, name: String) -> Result<(), Denial> {
        let path = self.granted(&folder, &[FolderAccess::Receive])?;
        self.may_write()?;
        check_name(&name)?;
        self.in_folder(path, move |path, rights, _| rights.claims.release(path, &name))
            .await
    }

    async fn reject(&mut self, folder: String, name: String) -> Result<(), Denial> {
        let path = self.granted(&folder, &[FolderAccess::Receive])?;
        self.may_write()?;
        check_name(&name)?;
        self.in_folder(path, move |path, rights, _| rights.claims.reject(path, &name))
            .await
    }
}

impl GuestState {
    /// The folder of that path, if it is granted for one of these accesses.
    fn granted_for(&self, folder: &str, accesses: &[FolderAccess]) -> Result<PathBuf, Denial> {
        let granted = &self.rights.transport.grants.folders;
        let path = Path::new(folder);
        let found = granted
            .iter()
            .find(|it| it.path == path && accesses.contains(&it.access));
        found
            .map(|it| it.path.clone())
            .ok_or_else(|| denial::not_granted("the folder is not granted"))
    }

    /// The same; where it is not granted, the operator is told how it would be.
    fn granted(&self, folder: &str, accesses: &[FolderAccess]) -> Result<PathBuf, Denial> {
        self.granted_for(folder, accesses).inspect_err(|_| {
            let access = match accesses.first() {
                Some(FolderAccess::Append) => "append",
                Some(FolderAccess::Drop) => "drop",
                Some(FolderAccess::Receive) => "receive",
                Some(FolderAccess::Read) | None => "read",
            };
            let transport = &self.rights.transport;
            self.context.tell_denial(&transport.name, || {
                let fix = fix::folder(transport, &self.context.secrets.for_people(folder), access);
                format!("the adapter was denied the folder; to allow it, {fix}")
            });
        })
    }

    /// What is looked at before a record or a file is written.
    fn checked(&self, name: &str, bytes: &[u8]) -> Result<(), Denial> {
        self.may_write()?;
        check_name(name)?;
        for text in [name.as_bytes(), bytes] {
            self.context
                .secrets
                .refuse_in(text)
                .map_err(|misplaced| denial::reference(&misplaced))?;
        }
        Ok(())
    }

    fn may_write(&self) -> Result<(), Denial> {
        if self.context.may_have_effects() {
            return Ok(());
        }
        Err(denial::not_granted(
            "the adapter was only asked to look, and may change nothing",
        ))
    }

    /// Does what blocks on a thread where blocking hurts nobody.
    fn in_folder<T, F>(
        &self,
        path: PathBuf,
        work: F,
    ) -> impl Future<Output = Result<T, Denial>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Path, &Rights, &Context) -> Result<T, Trouble> + Send + 'static,
    {
        let (rights, context) = (Arc::clone(&self.rights), Arc::clone(&self.context));
        async move {
            let remaining = context.deadline.remaining();
            let name = rights.transport.name.clone();
            let shown = path.display().to_string();
            let done = tokio::task::spawn_blocking(move || work(&path, &rights, &context));
            match tokio::time::timeout(remaining, done).await {
                Err(_) => Err(denial::timeout()),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a file operation ended unexpectedly");
                    Err(denial::io("the operation ended unexpectedly"))
                }
                Ok(Ok(Ok(done))) => Ok(done),
                Ok(Ok(Err(Trouble::Denied(denial)))) => Err(denial),
                Ok(Ok(Err(Trouble::Io(step, error)))) => {
                    tracing::warn!(transport = name, folder = shown, "{step} failed: {error}");
                    Err(denial::io(&format!("{step} failed: {error}")))
                }
            }
        }
    }
}
