//! Configuration from the command line's point of view: where the file is, what it says, whether it is right; and the versions
//! of the databases.

use std::{path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use super::{
    arguments::{ConfigCommand, Global, MigrateCommand},
    output::{self, Output},
    owner::Owner,
};
use crate::{
    app::{App, Error},
    clock::SystemClock,
    config::{Config, LogFormat},
    lifecycle,
};

/// The annotated default, as shipped.
pub(super) const EXAMPLE: &str = include_str!("../../appliance.toml");

/// Where a configuration file is looked for when none is named.
const FILES: [&str; 2] = ["appliance.toml", "/etc/telegram-assistant/appliance.toml"];

/// Reads and checks the configuration.
pub(super) fn load(global: &Global) -> Result<Config, Error> {
    let file = global.config.clone().or_else(|| FILES.iter().map(PathBuf::from).find(|file| file.is_file()));
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let (config, remarks) = Config::load(file.as_deref(), &environment, global.data_dir.as_deref())?;
    for remark in remarks {
        tracing::warn!("{remark}");
    }
    Ok(config)
}

/// Starts logging: as configured for a service, words at `warn` for a command.
pub(super) fn trace(config: &Config, global: &Global, service: bool) {
    let level = match (global.verbose, service) {
        (0, true) => config.log_level.clone(),
        (0, false) => "error".to_owned(),
        (1, _) => "debug".to_owned(),
        (_, _) => "trace".to_owned(),
    };
    let format = if service { config.log_format } else { LogFormat::Text };
    lifecycle::start(&level, format);
}

pub(super) fn run(global: &Global, command: &ConfigCommand, output: Output) -> Result<ExitCode, Error> {
    match command {
        ConfigCommand::Check => {
            let config = load(global)?;
            let answer = json!({ "ok": true, "data_dir": config.data_dir });
            output.show(&answer, |_| "the configuration is right".to_owned());
        }
        ConfigCommand::Print => {
            let raw = load(global)?.raw;
            output.show(&json!(raw), |answer| {
                let raw: Option<crate::config::RawConfig> = serde_json::from_value(answer.clone()).ok();
                raw.and_then(|raw| toml::to_string_pretty(&raw).ok()).unwrap_or_default()
            });
        }
        ConfigCommand::Schema => {
            output.show(&Config::schema(), |schema| serde_json::to_string_pretty(schema).unwrap_or_default());
        }
        ConfigCommand::Example => output.show(&json!({ "appliance.toml": EXAMPLE }), |_| EXAMPLE.to_owned()),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn migrate(global: &Global, command: &MigrateCommand, output: Output) -> Result<ExitCode, Error> {
    let config = load(global)?;
    trace(&config, global, false);
    if let Some(owner) = Owner::of(&config.data_dir) {
        owner.enter()?;
    }
    if matches!(command, MigrateCommand::Up) {
        // Opening is what migrates; every tenant is opened once.
        let app = App::open(config.clone(), std::sync::Arc::new(SystemClock))?;
        for row in app.tenant_list()? {
            app.tenant_open(&row)?;
        }
    }
    let databases = App::database_versions(&config.data_dir)?;
    let behind = databases.iter().any(|database| database.version != database.supported);
    output.show(&json!({ "databases": databases, "up_to_date": !behind }), show_versions);
    Ok(if behind { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn show_versions(answer: &Value) -> String {
    let databases = answer["databases"].as_array().cloned().unwrap_or_default();
    let lines = databases.iter().map(output::plain).collect::<Vec<_>>();
    if lines.is_empty() { "no database yet; `tga init` makes them".to_owned() } else { lines.join("\n") }
}
