//! Which command each leaf of the tree sends, and how its answer is shown.
//!
//! Knows the tree and the commands; runs nothing. What is wrong with a combination of arguments is said here, before anything is
//! opened.

use serde_json::Value;

use super::{
    arguments::{
        EventsCommand, Group, IndexCommand, KeyCommand, ModelCommand, QueueCommand, SessionCommand, Switch,
        TenantCommand, TokenCommand,
    },
    backups, channels, output,
    people::{self, InviteGroup},
    retention, tags,
};
use crate::{
    app::{
        Error,
        ask::AskRequest,
        command::{AccountsCommand, Command, ContentCommand, OperationsCommand, PeopleCommand},
        export::ExportFormat,
        search::{SearchMode, SearchRequest},
    },
    store::Scope,
};

/// A command to execute, and whether to go on reading after it.
pub(super) struct Leaf {
    pub(super) command: Command,
    follow: bool,
}

impl Leaf {
    pub(super) fn follows(&self) -> bool {
        self.follow
    }
}

/// How an answer is shown to people.
pub(super) type Show = fn(&Value) -> String;

/// The command a leaf of the tree sends, and how its answer is shown.
pub(super) fn command_of(group: Group) -> Result<(Leaf, Show), Error> {
    let follow = matches!(&group, Group::Events(EventsCommand::Tail { follow: true, .. }));
    let (command, show): (Command, Show) = match group {
        Group::Doctor { link: Some(link), tenant } => {
            (Command::Content(ContentCommand::Trace { tenant, link }), output::trace)
        }
        Group::Doctor { link: None, .. } => (Command::Operations(OperationsCommand::Doctor), output::doctor),
        Group::Import { file, tenant, channel, format, wait } => {
            let path = std::path::absolute(&file).map_err(|error| Error::io("find", &file, error))?;
            (Command::Content(ContentCommand::Import { tenant, path, format, channel, wait }), output::import)
        }
        Group::Export { tenant, format, path } => {
            let format = ExportFormat::parse(&format).unwrap_or(ExportFormat::Jsonl);
            let path = std::path::absolute(&path).map_err(|error| Error::io("find", &path, error))?;
            (Command::Content(ContentCommand::Export { tenant, format, path }), output::exported)
        }
        Group::Search { query, tenant, mode, channel, tag, since, until, limit } => {
            let mode = SearchMode::parse(&mode).unwrap_or_default();
            let request = SearchRequest {
                query,
                mode,
                tags: tag,
                since,
                until,
                limit: Some(limit),
                ..SearchRequest::default()
            };
            (Command::Content(ContentCommand::Search { tenant, channel, request }), output::search)
        }
        Group::Ask { question, tenant, channel, since, until, limit } => {
            let request =
                AskRequest { query: question, since, until, limit: Some(limit), ..AskRequest::default() };
            (Command::Content(ContentCommand::Ask { tenant, channel, request }), output::ask)
        }
        Group::Tags(command) => tags::tag_command(command),
        Group::Channel(command) => channels::channel_command(command),
        Group::Tenant(command) => tenant_command(command)?,
        Group::Token(command) => token_command(command),
        Group::User(command) => people::user_command(command)?,
        Group::Invite(InviteGroup { command: Some(command) }) => people::invite_command(command)?,
        Group::Session(command) => session_command(command)?,
        Group::Key(command) => key_command(&command),
        Group::Queue(command) => queue_command(command)?,
        Group::Events(EventsCommand::Tail { event, tenant, after, limit, .. }) => {
            (Command::Content(ContentCommand::EventsList { tenant, event, after, limit }), output::events)
        }
        Group::Backup(command) => backups::backup_command(command)?,
        Group::Retention(command) => retention::retention_command(command),
        Group::Index(IndexCommand::Verify { tenant }) => {
            (Command::Operations(OperationsCommand::IndexVerify { tenant }), output::verify)
        }
        Group::Index(IndexCommand::Rebuild { tenant }) => {
            (Command::Operations(OperationsCommand::IndexRebuild { tenant }), output::plain)
        }
        Group::Model(command) => model_command(command)?,
        Group::Invite(InviteGroup { command: None })
        | Group::Serve
        | Group::Demo(_)
        | Group::Status(_)
        | Group::Monitoring(_)
        | Group::Init
        | Group::Config(_)
        | Group::Eval(_)
        | Group::Migrate(_)
        | Group::Version => {
            return Err(Error::Invalid("this command is not sent to an appliance".to_owned()));
        }
    };
    Ok((Leaf { command, follow }, show))
}

fn tenant_command(command: TenantCommand) -> Result<(Command, Show), Error> {
    Ok(match command {
        TenantCommand::Create { name } => {
            (Command::People(PeopleCommand::TenantCreate { name }), output::tenant)
        }
        TenantCommand::List => (Command::People(PeopleCommand::TenantList), output::tenants),
        TenantCommand::Show { tenant } => {
            (Command::People(PeopleCommand::TenantShow { tenant }), output::plain)
        }
        TenantCommand::Links { tenant, switch } => {
            let enabled = switch == Switch::On;
            (Command::People(PeopleCommand::TenantLinks { tenant, enabled }), output::plain)
        }
        TenantCommand::Export { tenant, file } => {
            let path = std::path::absolute(&file).map_err(|error| Error::io("find", &file, error))?;
            (Command::People(PeopleCommand::TenantExport { tenant, path }), output::tenant_exported)
        }
        TenantCommand::Import { file, name } => {
            let path = std::path::absolute(&file).map_err(|error| Error::io("find", &file, error))?;
            (Command::People(PeopleCommand::TenantImport { path, name }), output::tenant)
        }
        TenantCommand::Delete { tenant, yes: true } => {
            (Command::People(PeopleCommand::TenantDelete { tenant }), output::plain)
        }
        TenantCommand::Delete { tenant, yes: false } => {
            return Err(Error::Invalid(format!(
                "deleting {tenant} removes all its posts for good; add --yes if you mean it"
            )));
        }
    })
}

fn token_command(command: TokenCommand) -> (Command, Show) {
    match command {
        TokenCommand::Create { tenant, name, scope, expires, channels } => {
            let scope = Scope::parse(&scope).unwrap_or(Scope::Read);
            let command = PeopleCommand::TokenCreate { tenant, name, scope, expires_at: expires, channels };
            (Command::People(command), output::token)
        }
        TokenCommand::List { tenant } => {
            (Command::People(PeopleCommand::TokenList { tenant }), output::tokens)
        }
        TokenCommand::Revoke { id } => (Command::People(PeopleCommand::TokenRevoke { id }), output::plain),
    }
}

fn session_command(command: SessionCommand) -> Result<(Command, Show), Error> {
    let (command, show): (AccountsCommand, Show) = match command {
        SessionCommand::List { tenant } => (AccountsCommand::SessionList { tenant }, output::sessions),
        SessionCommand::Pause { id: Some(id), .. } => (AccountsCommand::SessionPause { id }, output::plain),
        SessionCommand::Pause { id: None, tenant, .. } => {
            (AccountsCommand::SessionPauseAll { tenant }, output::plain)
        }
        SessionCommand::Resume { id } => (AccountsCommand::SessionResume { id }, output::plain),
        SessionCommand::Revoke { id } => (AccountsCommand::SessionRevoke { id }, output::plain),
        SessionCommand::Import { tenant, file } => {
            (AccountsCommand::SessionImport { tenant, line: session_line(file.as_deref())? }, output::plain)
        }
        SessionCommand::Export { id, yes: true } => {
            (AccountsCommand::SessionExport { id }, output::session_line)
        }
        SessionCommand::Export { id, yes: false } => {
            return Err(Error::Invalid(format!(
                "whoever has the exported line of {id} has the Telegram account; add --yes if you mean it"
            )));
        }
    };
    Ok((Command::Accounts(command), show))
}

/// The line of a session, from a file or from the standard input; never from the arguments, which others can see.
fn session_line(file: Option<&std::path::Path>) -> Result<String, Error> {
    let read = match file {
        Some(file) => std::fs::read_to_string(file),
        None => std::io::read_to_string(std::io::stdin()),
    };
    let from = file.unwrap_or(std::path::Path::new("the standard input"));
    read.map(|text| text.trim().to_owned()).map_err(|error| Error::io("read", from, error))
}

fn key_command(command: &KeyCommand) -> (Command, Show) {
    match command {
        KeyCommand::List => (Command::Accounts(AccountsCommand::KeyList), output::keys),
        KeyCommand::Rotate { jwt: false } => (Command::Accounts(AccountsCommand::KeyRotate), output::plain),
        KeyCommand::Rotate { jwt: true } => (Command::Accounts(AccountsCommand::JwtKeyRotate), output::plain),
    }
}

fn queue_command(command: QueueCommand) -> Result<(Command, Show), Error> {
    Ok(match command {
        QueueCommand::Info => (Command::Operations(OperationsCommand::QueueInfo), output::plain),
        QueueCommand::List { dead, limit } => {
            (Command::Operations(OperationsCommand::QueueList { dead, limit }), output::jobs)
        }
        QueueCommand::Peek { id } => {
            (Command::Operations(OperationsCommand::QueuePeek { id }), output::plain)
        }
        QueueCommand::Requeue { ids } => {
            (Command::Operations(OperationsCommand::QueueRequeue { ids }), output::plain)
        }
        QueueCommand::Discard { ids, all } if ids.is_empty() && !all => {
            return Err(Error::Invalid("name the dead letters to discard, or say --all".to_owned()));
        }
        QueueCommand::Discard { ids, .. } => {
            (Command::Operations(OperationsCommand::QueueDiscard { ids }), output::plain)
        }
    })
}

fn model_command(command: ModelCommand) -> Result<(Command, Show), Error> {
    Ok(match command {
        ModelCommand::List => (Command::Operations(OperationsCommand::ModelList), output::models),
        ModelCommand::Import { file } => {
            let path = std::path::absolute(&file).map_err(|error| Error::io("find", &file, error))?;
            (Command::Operations(OperationsCommand::ModelImport { path }), output::model)
        }
        ModelCommand::Pull { url } => {
            (Command::Operations(OperationsCommand::ModelPull { url }), output::model)
        }
        ModelCommand::Use { name } => {
            (Command::Operations(OperationsCommand::ModelUse { name }), output::plain)
        }
        ModelCommand::Test { provider, tenant } => {
            (Command::Operations(OperationsCommand::ModelTest { provider, tenant }), output::plain)
        }
    })
}
