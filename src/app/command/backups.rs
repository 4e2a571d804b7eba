//! Backups: making, listing, trying, letting go of them; one tenant out of one. A whole restore needs an empty directory and no
//! appliance, so it is no command.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Progress;
use crate::app::{
    App, Error,
    audit::Origin,
    backups::{BackupWanted, TenantRestore},
};

/// What an operator does with backups.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupsCommand {
    BackupCreate(BackupWanted),
    BackupList,
    /// A file, a name, or the newest.
    BackupVerify {
        backup: Option<String>,
        keys: Option<PathBuf>,
    },
    BackupPrune {
        dry_run: bool,
    },
    BackupKit {
        dir: PathBuf,
    },
    TenantRestore(TenantRestore),
}

impl App {
    pub(super) fn execute_backups(
        &self,
        command: BackupsCommand,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Value, Error> {
        let (operator, stop) = (Origin::operator(), AtomicBool::new(false));
        Ok(match command {
            BackupsCommand::BackupCreate(wanted) => {
                let mut answer = json!(self.backup_create(wanted, &operator, &stop, progress)?);
                answer["hint"] = json!(self.backup_kit_hint()?);
                answer
            }
            BackupsCommand::BackupList => {
                let mut answer = json!(self.backup_list()?);
                answer["hint"] = json!(self.backup_kit_hint()?);
                answer
            }
            BackupsCommand::BackupVerify { backup, keys } => {
                json!(self.backup_verify(backup.as_deref(), keys.as_deref(), &stop)?)
            }
            BackupsCommand::BackupPrune { dry_run } => {
                json!({ "pruned": self.backup_prune(dry_run)?, "dry_run": dry_run })
            }
            BackupsCommand::BackupKit { dir } => json!(self.backup_kit(&dir)?),
            BackupsCommand::TenantRestore(wanted) => json!(self.tenant_restore(&wanted, &operator)?),
        })
    }
}
