//! `tga monitoring`: alert rules and a dashboard, embedded, written where somebody's Prometheus and Grafana read them.
//!
//! A test holds every metric they name against what `/metrics` says.

use std::{path::Path, process::ExitCode};

use serde_json::{Value, json};

use super::{arguments::MonitoringCommand, output::Output};
use crate::app::Error;

/// Names and contents.
pub(super) const FILES: [(&str, &str); 3] = [
    ("tga-alerts.yml", include_str!("../../systemd/monitoring/tga-alerts.yml")),
    ("tga-dashboard.json", include_str!("../../systemd/monitoring/tga-dashboard.json")),
    ("prometheus.yml", include_str!("../../systemd/monitoring/prometheus.yml")),
];

pub(super) fn run(command: &MonitoringCommand, output: Output) -> Result<ExitCode, Error> {
    match command {
        MonitoringCommand::Export { dir } => {
            let files = export(dir)?;
            output.show(&json!({ "files": files }), show);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn export(dir: &Path) -> Result<Vec<String>, Error> {
    std::fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, error))?;
    let mut written = Vec::new();
    for (name, text) in FILES {
        let path = dir.join(name);
        // The files are made to be changed; somebody's changes are not overwritten.
        match std::fs::read_to_string(&path) {
            Ok(there) if there != text => {
                let message = format!(
                    "{} is there with other content; move it, or name another directory",
                    path.display()
                );
                return Err(Error::Conflict(message));
            }
            Ok(_) => {}
            Err(_) => std::fs::write(&path, text).map_err(|error| Error::io("write", &path, error))?,
        }
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn show(answer: &Value) -> String {
    let files = answer["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
    files.collect::<Vec<_>>().join("\n")
}
