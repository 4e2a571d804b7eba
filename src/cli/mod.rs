//! The command line: the clap tree and what each command does with its answer.
//!
//! Calls `app` only (`serve`, `demo`, `import` and `eval` also start the pipeline). A command runs on the data directory itself,
//! or, when a service holds it, through the service's socket; the answer is the same. With `--json` stdout carries one JSON
//! document and nothing else. Exit 0 done, 1 failed, 2 wrong usage.

mod arguments;
mod backups;
mod channels;
mod configuration;
mod demo;
mod errand;
mod eval;
mod init;
mod leaf;
mod monitoring;
mod output;
mod owner;
mod people;
mod progress;
mod retention;
mod serve;
mod session;
mod socket;
mod status;
mod tags;

use std::{ffi::OsString, fmt::Write as _, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _};

use arguments::{Arguments, Global, Group};
use backups::BackupCommand;
use output::Output;
use people::{InviteGroup, InviteName};
use session::Session;

use crate::app::Error;

/// Parses and runs; never panics on input.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let parsed = Arguments::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            if json && error.use_stderr() {
                output::usage(&error.to_string());
            }
            // Printing help can only fail when nobody reads it.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(&arguments.global);
    match dispatch(arguments, output) {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::from(1)
        }
    }
}

/// The whole tree's help, for the golden file.
pub fn help() -> String {
    fn walk(command: &mut clap::Command, path: &str, out: &mut String) {
        let path = format!("{path} {}", command.get_name()).trim().to_owned();
        let _ = write!(
            out,
            "## {path}

{}

",
            command.render_long_help()
        );
        for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            walk(inner, &path, out);
        }
    }
    let mut out = String::new();
    let mut command = Arguments::command().term_width(100);
    command.build();
    walk(&mut command, "", &mut out);
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn dispatch(arguments: Arguments, output: Output) -> Result<ExitCode, Error> {
    let global = arguments.global;
    match arguments.group {
        Group::Serve => serve::serve(&global),
        Group::Demo(options) => demo::demo(&global, &options, output),
        Group::Init => init::init(&global, output),
        Group::Status(options) => status::status(&global, &options, output),
        Group::Monitoring(command) => monitoring::run(&command, output),
        Group::Config(command) => configuration::run(&global, &command, output),
        Group::Eval(command) => eval::run(&global, &command, output),
        Group::Migrate(command) => configuration::migrate(&global, &command, output),
        Group::Version => {
            output.show(&serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }), output::version);
            Ok(ExitCode::SUCCESS)
        }
        Group::Invite(group) => Ok(invite(&global, group, output)),
        Group::Backup(BackupCommand::Restore { backup, keys, tenant: None, .. }) => {
            backups::restore_all(&global, backup, keys.as_deref(), output)
        }
        group @ (Group::Doctor { .. }
        | Group::Import { .. }
        | Group::Export { .. }
        | Group::Search { .. }
        | Group::Ask { .. }
        | Group::Tags(_)
        | Group::Channel(_)
        | Group::Tenant(_)
        | Group::Token(_)
        | Group::User(_)
        | Group::Session(_)
        | Group::Key(_)
        | Group::Queue(_)
        | Group::Backup(_)
        | Group::Retention(_)
        | Group::Events(_)
        | Group::Index(_)
        | Group::Model(_)) => send(&global, group, output),
    }
}

/// Executes a command here or in the service that holds the data directory, and shows the answer.
fn send(global: &Global, group: Group, output: Output) -> Result<ExitCode, Error> {
    let (leaf, show) = leaf::command_of(group)?;
    let follow = leaf.follows();
    let mut command = leaf.command;
    let mut session = Session::open(global, &mut command)?;
    let mut answer = session.execute(command, output)?;
    session.finish(&mut answer)?;
    let code = output::exit_code(&answer);
    output.show(&answer, show);
    if follow {
        session.follow(&answer, output)?;
    }
    Ok(code)
}

/// `tga invite`, whose failures have words and an exit code of their own.
fn invite(global: &Global, group: InviteGroup, output: Output) -> ExitCode {
    let Some(command) = &group.command else {
        let mut tree = Arguments::command();
        tree.build();
        if let Some(invite) = tree.find_subcommand_mut("invite") {
            // Printing help can only fail when nobody reads it.
            let _ = invite.print_help();
        }
        return ExitCode::from(1);
    };
    let named = InviteName::of(command);
    send(global, Group::Invite(group), output).unwrap_or_else(|error| {
        output.error_worded(&error, &people::invite_failed(&named, &error));
        ExitCode::from(1)
    })
}
