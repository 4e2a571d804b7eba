//! What the CLI can ask of an appliance, as plain data: executed here, or sent to the service that holds the data directory.
//!
//! Closed enums, one a file, so that a command works the same beside a running service and alone. Only whoever can reach the
//! socket in the data directory (its owner) can send one; that is the operator's right.

mod accounts;
mod backups;
mod channels;
mod content;
mod members;
mod operations;
mod people;
mod tags;

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use accounts::AccountsCommand;
pub use backups::BackupsCommand;
pub use channels::ChannelsCommand;
pub use content::ContentCommand;
pub use members::{InviteOptions, MembersCommand};
pub use operations::OperationsCommand;
pub use people::PeopleCommand;
pub use tags::{TagsCommand, TagsFilter};

use super::{
    App, Error, Tenant,
    backups::{KIT_FILES, TenantRestore},
    imports::ImportProgress,
};

/// How often a waiting command looks again.
const WAIT_STEP: Duration = Duration::from_millis(100);

/// A command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    People(PeopleCommand),
    Members(MembersCommand),
    Channels(ChannelsCommand),
    Accounts(AccountsCommand),
    Content(ContentCommand),
    Tags(TagsCommand),
    Operations(OperationsCommand),
    Backups(BackupsCommand),
}

impl Command {
    /// The files this command names.
    pub fn file_uses(&mut self) -> Vec<FileUse<'_>> {
        match self {
            Command::Content(ContentCommand::Import { path, .. })
            | Command::People(PeopleCommand::TenantImport { path, .. })
            | Command::Operations(OperationsCommand::ModelImport { path }) => vec![FileUse::Reads(path)],
            Command::Backups(BackupsCommand::BackupVerify { backup, keys }) => {
                let backup = backup.as_mut().map(FileUse::ReadsNamed);
                backup.into_iter().chain(keys.as_mut().map(FileUse::Reads)).collect()
            }
            Command::Backups(BackupsCommand::TenantRestore(TenantRestore { backup, keys, .. })) => {
                let keys = keys.as_mut().map(FileUse::Reads);
                std::iter::once(FileUse::ReadsNamed(backup)).chain(keys).collect()
            }
            Command::Content(ContentCommand::Export { path, .. })
            | Command::People(PeopleCommand::TenantExport { path, .. }) => vec![FileUse::Writes(path)],
            Command::Backups(BackupsCommand::BackupKit { dir }) => {
                vec![FileUse::WritesInto { dir, files: &KIT_FILES }]
            }
            Command::Backups(_)
            | Command::People(_)
            | Command::Members(_)
            | Command::Channels(_)
            | Command::Accounts(_)
            | Command::Content(_)
            | Command::Tags(_)
            | Command::Operations(_) => Vec::new(),
        }
    }

    /// The tenant whose indexes this command reads.
    pub fn index_reader(&self) -> Option<&str> {
        match self {
            Command::Content(ContentCommand::Search { tenant, .. } | ContentCommand::Ask { tenant, .. }) => {
                Some(tenant)
            }
            Command::Operations(OperationsCommand::IndexVerify { tenant }) => tenant.as_deref(),
            Command::People(_)
            | Command::Members(_)
            | Command::Channels(_)
            | Command::Accounts(_)
            | Command::Content(_)
            | Command::Tags(_)
            | Command::Operations(_)
            | Command::Backups(_) => None,
        }
    }
}

/// A file that a command names, for whoever carries it to where the command runs.
#[derive(Debug)]
pub enum FileUse<'a> {
    /// A file or a directory.
    Reads(&'a mut PathBuf),
    /// The same where it is a path in full; else a name that the command knows what to do with.
    ReadsNamed(&'a mut String),
    /// A file or directory that must not be there yet.
    Writes(&'a mut PathBuf),
    /// A directory that is there, and the files that are made in it, which must not be.
    WritesInto { dir: &'a mut PathBuf, files: &'static [&'static str] },
}

/// News from a command that takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Progress {
    Import(ImportProgress),
    Index {
        done: u64,
        total: u64,
    },
    Embed {
        done: u64,
        total: u64,
    },
    /// Bytes.
    Backup {
        done: u64,
        total: u64,
    },
    /// A backup is being restored in scratch.
    BackupVerify,
    Export {
        done: u64,
        total: u64,
    },
}

impl App {
    /// Executes a command; the answer is the one JSON document the CLI prints.
    pub fn execute(&self, command: Command, progress: &mut dyn FnMut(Progress)) -> Result<Value, Error> {
        match command {
            Command::People(command) => self.execute_people(command),
            Command::Members(command) => self.execute_members(command),
            Command::Channels(command) => self.execute_channels(command),
            Command::Accounts(command) => self.execute_accounts(command),
            Command::Content(command) => self.execute_content(command, progress),
            Command::Tags(command) => self.execute_tags(command),
            Command::Operations(command) => self.execute_operations(command, progress),
            Command::Backups(command) => self.execute_backups(command, progress),
        }
    }

    /// One tenant, or all of them.
    fn tenants_named(&self, tenant: Option<&str>) -> Result<Vec<Arc<Tenant>>, Error> {
        match tenant {
            Some(tenant) => Ok(vec![self.tenant_get(tenant)?]),
            None => self.tenant_list()?.iter().map(|row| self.tenant_open(row)).collect(),
        }
    }

    /// Blocks until every post of a tenant is indexed.
    pub fn wait_indexed(&self, tenant: &Tenant, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
        loop {
            let seen = self.queue.room().seen();
            let counts = tenant.store.post_counts()?;
            progress(Progress::Index { done: counts.indexed, total: counts.posts });
            if counts.indexed >= counts.posts {
                return Ok(());
            }
            self.wait_step(seen)?;
        }
    }

    /// Blocks until every indexed post of a tenant has its vectors; returns at once where there is no model, and where one outside
    /// makes none now.
    pub fn wait_embedded(&self, tenant: &Tenant, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
        if self.vectors_maker(tenant)?.model().is_none() {
            return Ok(());
        }
        loop {
            let seen = self.queue.room().seen();
            let status = self.tenant_status(tenant)?;
            progress(Progress::Embed { done: status.embedded, total: status.posts });
            if status.embedded >= status.posts || self.vectors_wait(tenant).is_some() {
                return Ok(());
            }
            self.wait_step(seen)?;
        }
    }

    fn wait_step(&self, seen: u64) -> Result<(), Error> {
        if let Some(reason) = self.halted() {
            return Err(Error::Unavailable(format!("the pipeline has stopped: {reason}")));
        }
        let queue = self.queue_view();
        if queue.dead > 0 && queue.ready + queue.claimed + queue.scheduled == 0 {
            return Err(Error::Unavailable(
                "some posts were given up; `tga queue list --dead` says why".to_owned(),
            ));
        }
        self.queue.room().changed_blocking(seen, WAIT_STEP);
        Ok(())
    }
}
