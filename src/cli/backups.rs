//! `tga backup`: its leaves, the words of its answers, and the restore of everything, which runs without an appliance.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    arguments::Global,
    configuration,
    leaf::Show,
    output::{self, Output},
    owner::Owner,
    progress::Bars,
};
use crate::{
    app::{
        App, Error,
        backups::{BackupWanted, TenantRestore, restore},
        command::{BackupsCommand, Command},
    },
    clock::{Clock, SystemClock},
    config::Config,
};

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Make a backup of everything, one moment of it, sealed; it is restored in a scratch directory before it counts
    Create {
        /// Do not try to restore it
        #[arg(long)]
        no_verify: bool,
        /// With the queue and the indexes, which a restore otherwise makes anew
        #[arg(long)]
        with_indexes: bool,
    },
    /// Every backup, when it was made and when it could last be restored
    List,
    /// Restore a backup in a scratch directory, look at every database in it and ask a search
    Verify {
        /// A file or a name from the list [default: the newest]
        backup: Option<String>,
        /// A kit, a file or a directory of keys, beside those of the installation
        #[arg(long, value_name = "PATH")]
        keys: Option<PathBuf>,
    },
    /// Restore a backup into an empty data directory, or one tenant of it into this installation
    Restore {
        /// A file, a name from the list, or `latest`
        backup: String,
        /// A kit, a file or a directory of keys, beside those of the data directory
        #[arg(long, value_name = "PATH")]
        keys: Option<PathBuf>,
        /// Only this tenant
        #[arg(long)]
        tenant: Option<String>,
        /// Instead of the name it had
        #[arg(long, requires = "tenant", conflicts_with = "replace")]
        name: Option<String>,
        /// In place of the tenant that is there, which is set aside
        #[arg(long, requires = "tenant")]
        replace: bool,
    },
    /// Write the keys as pages to print and keep in a safe: without them no backup can be opened
    Kit {
        /// An existing directory for the two files
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Delete the backups that no keep rule wants
    Prune {
        /// Only say which
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn backup_command(command: BackupCommand) -> Result<(Command, Show), Error> {
    let absolute =
        |path: PathBuf| std::path::absolute(&path).map_err(|error| Error::io("find", &path, error));
    let (command, show): (BackupsCommand, Show) = match command {
        BackupCommand::Create { no_verify, with_indexes } => {
            let (verify, indexes) = (no_verify.then_some(false), with_indexes.then_some(true));
            (BackupsCommand::BackupCreate(BackupWanted { verify, indexes }), created)
        }
        BackupCommand::List => (BackupsCommand::BackupList, list),
        BackupCommand::Verify { backup, keys } => {
            let (backup, keys) = (backup.map(located).transpose()?, keys.map(absolute).transpose()?);
            (BackupsCommand::BackupVerify { backup, keys }, verified)
        }
        BackupCommand::Restore { backup, keys, tenant: Some(tenant), name, replace } => {
            let (backup, keys) = (located(backup)?, keys.map(absolute).transpose()?);
            let wanted = TenantRestore { backup, tenant, name, replace, keys };
            (BackupsCommand::TenantRestore(wanted), tenant_restored)
        }
        BackupCommand::Restore { tenant: None, .. } => {
            return Err(Error::Invalid("this command is not sent to an appliance".to_owned()));
        }
        BackupCommand::Kit { dir } => (BackupsCommand::BackupKit { dir: absolute(dir)? }, kit),
        BackupCommand::Prune { dry_run } => (BackupsCommand::BackupPrune { dry_run }, pruned),
    };
    Ok((Command::Backups(command), show))
}

/// A file that is here is named in full, because the service runs elsewhere; anything else is a name of the list.
fn located(backup: String) -> Result<String, Error> {
    let path = PathBuf::from(&backup);
    if path.components().count() == 1 && !path.is_file() {
        return Ok(backup);
    }
    let path = std::path::absolute(&path).map_err(|error| Error::io("find", &path, error))?;
    Ok(path.display().to_string())
}

/// Restores everything into the empty data directory, then opens it and fills the indexes. Root reads the backup and the keys, and
/// leaves what it made to the owner of the directory: a service could not open it otherwise.
pub(super) fn restore_all(
    global: &Global,
    backup: String,
    keys: Option<&std::path::Path>,
    output: Output,
) -> Result<ExitCode, Error> {
    let config = configuration::load(global)?;
    configuration::trace(&config, global, false);
    let owner = Owner::of(&config.data_dir);
    let dirs = [config.data_dir.clone(), config.keys_dir()];
    let restored = restore_filled(config, &located(backup)?, keys, output);
    if let Some(owner) = owner {
        // Also what a failure left: the next try need not be root's.
        for dir in dirs.iter().filter(|dir| dir.is_dir()) {
            owner.give_all(dir)?;
        }
    }
    output.show(&restored?, restored_words);
    Ok(ExitCode::SUCCESS)
}

fn restore_filled(
    config: Config,
    backup: &str,
    keys: Option<&std::path::Path>,
    output: Output,
) -> Result<Value, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut bars = Bars::new(output.progress());
    let report = restore(&config, backup, keys, &clock, &mut |at| bars.show(at))?;
    let app = App::open(config, clock)?;
    let indexes = app.indexes_restored(&report.indexes, &mut |at| bars.show(at))?;
    bars.finish();
    let mut answer = json!(report);
    answer["kept"] = json!(indexes.kept);
    answer["rebuilt"] = json!(indexes.rebuilt);
    Ok(answer)
}

fn created(answer: &Value) -> String {
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    let out = format!(
        "{}\n{} bytes, {} tenants, {} posts, in {} ms; writers paused {:.1} ms; {}",
        answer["path"].as_str().unwrap_or_default(),
        number("bytes"),
        number("tenants"),
        number("posts"),
        number("elapsed_ms"),
        answer["pause_ms"].as_f64().unwrap_or(0.0),
        if answer["verified"] == true { "restored in scratch: it is whole" } else { "NOT tried to restore" }
    );
    hint(answer, out + &derived(answer))
}

/// What of the queue and the indexes is in it, where they were asked for.
fn derived(answer: &Value) -> String {
    let derived = &answer["derived"];
    let Some(indexes) = derived["indexes"].as_array() else { return String::new() };
    let queue = if derived["queue"] == true { "with the queue" } else { "without the queue" };
    let mut out = format!("\n{queue} and the indexes of {} tenants", indexes.len());
    for why in derived["left_out"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = write!(out, "\nnot in it: {why}");
    }
    out
}

fn hint(answer: &Value, mut out: String) -> String {
    if let Some(hint) = answer["hint"].as_str() {
        let _ = write!(out, "\n\n{hint}");
    }
    out
}

fn list(answer: &Value) -> String {
    let columns = ["created_at", "bytes", "tenants", "posts", "verified_at", "problem", "name"];
    let mut out =
        output::table_of(answer, "backups", &columns, "no backup yet; `tga backup create` makes one\n");
    let _ = write!(out, "in {}", answer["place"].as_str().unwrap_or_default());
    if let Some(next) = answer["next_at"].as_str() {
        let _ = write!(out, "; the next at {next}, while the service runs");
    }
    if let Some(problem) = answer["last_problem"].as_str() {
        let _ = write!(out, "\nthe last try failed: {problem}");
    }
    hint(answer, out)
}

fn verified(answer: &Value) -> String {
    let mut out = format!(
        "{} can be restored: {} tenants, {} posts of {}, tried in {} ms",
        answer["name"].as_str().unwrap_or_default(),
        answer["tenants"],
        answer["posts"],
        answer["taken_at"].as_str().unwrap_or_default(),
        answer["elapsed_ms"]
    );
    if answer["indexes"].as_u64().unwrap_or(0) > 0 {
        let _ = write!(out, "; with the indexes of {} tenants", answer["indexes"]);
    }
    let unfit = words(answer, "indexes_unfit");
    if !unfit.is_empty() {
        let _ = write!(out, "; the indexes of {unfit} do not fit, a restore makes them anew");
    }
    out
}

/// The texts of a list.
fn words(answer: &Value, name: &str) -> String {
    let values = answer[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    values.collect::<Vec<_>>().join(", ")
}

fn restored_words(answer: &Value) -> String {
    let dir = answer["data_dir"].as_str().unwrap_or_default();
    match answer["taken_at"].as_str() {
        None => format!("{dir}: a restore that was interrupted is finished now"),
        Some(at) => format!(
            "{dir} is as it was at {at}: {} tenants, {} posts; {}.\n\
             Stop the old installation before this one starts: a Telegram session is used in one place.",
            answer["tenants"],
            answer["posts"],
            indexes_words(answer)
        ),
    }
}

fn indexes_words(answer: &Value) -> String {
    let kept = words(answer, "kept");
    let rebuilt = answer["rebuilt"].as_array().into_iter().flatten();
    let rebuilt: Vec<&str> = rebuilt.filter_map(|one| one["tenant"].as_str()).collect();
    match (kept.is_empty(), rebuilt.is_empty()) {
        (true, _) => "indexes rebuilt".to_owned(),
        (false, true) => format!("indexes of {kept} as they were in it"),
        (false, false) => format!("indexes of {kept} as they were in it, of {} rebuilt", rebuilt.join(", ")),
    }
}

fn tenant_restored(answer: &Value) -> String {
    let mut out = format!(
        "tenant {} ({}) is as it was at {}: {} posts, {} members",
        answer["slug"].as_str().unwrap_or_default(),
        answer["id"].as_str().unwrap_or_default(),
        answer["taken_at"].as_str().unwrap_or_default(),
        answer["posts"],
        answer["members"]
    );
    if answer["indexes_kept"] == true {
        out.push_str("; its indexes came along");
    }
    if let Some(aside) = answer["set_aside"].as_str() {
        let _ = write!(out, "\nwhat was there lies at {aside}");
    }
    out
}

fn kit(answer: &Value) -> String {
    let tried = answer["opened"].as_str().map_or(String::new(), |name| format!(" and {name}"));
    format!(
        "{}\nkeys {}; tried: it opens what the installation seals{tried}.\n\
         Print it, put it into a safe, delete the files: whoever has them has everything.",
        words(answer, "files"),
        words(answer, "keys")
    )
}

fn pruned(answer: &Value) -> String {
    let names =
        answer["pruned"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    match (names.is_empty(), answer["dry_run"] == true) {
        (true, _) => "nothing to delete".to_owned(),
        (false, true) => format!("would be deleted:\n{}", names.join("\n")),
        (false, false) => format!("deleted:\n{}", names.join("\n")),
    }
}
