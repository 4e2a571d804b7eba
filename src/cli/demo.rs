//! `tga demo`: the bundled posts in a data directory of their own, indexed, with a page to ask questions on.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use serde_json::{Value, json};

use super::{
    arguments::{DemoOptions, Global},
    configuration,
    output::Output,
    progress::Bars,
    serve,
};
use crate::{
    app::{App, Error, command::Progress, demo::questions_to_try},
    clock::SystemClock,
    http::DemoSession,
    pipeline::Engine,
};

pub(super) fn demo(global: &Global, options: &DemoOptions, output: Output) -> Result<ExitCode, Error> {
    let mut global = global.clone();
    let mut config = configuration::load(&global)?;
    if global.data_dir.is_none() {
        // The demo never touches the real data: it lies beside it, and borrows only the models.
        global.data_dir = Some(beside(&config.data_dir));
        let models = config.models_dir();
        config = configuration::load(&global)?;
        config.models_dir = Some(models);
    }
    config.server.listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    config.server.listen.set_port(options.port);
    if config.metrics_listen.is_some_and(|listen| listen.port() == options.port) {
        config.metrics_listen = None;
    }
    configuration::trace(&config, &global, false);
    let url = format!("http://{}/", config.server.listen);
    let app = App::open(config, Arc::new(SystemClock))?;
    let (tenant, report) = {
        let mut bars = Bars::new(output.progress());
        let engine = Engine::start(&app, true)?;
        let (tenant, report) = app.demo_tenant(&mut |at| bars.show(Progress::Import(at)))?;
        app.wait_indexed(&tenant, &mut |at| bars.show(at))?;
        app.wait_embedded(&tenant, &mut |at| bars.show(at))?;
        drop(engine);
        (tenant, report)
    };
    let status = app.tenant_status(&tenant)?;
    let answer = json!({ "url": url, "posts": status.posts, "imported": report.imported, "embedded": status.embedded,
                         "model": status.model, "questions": questions_to_try() });
    if options.once {
        output.show(&answer, show);
        return Ok(ExitCode::SUCCESS);
    }
    let session = DemoSession::new(tenant)?;
    serve::run(&app, Some(session), &mut || output.show(&answer, show))?;
    Ok(ExitCode::SUCCESS)
}

/// `data` → `data/demo`: inside the ignored directory, apart from what it holds.
fn beside(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("demo")
}

fn show(answer: &Value) -> String {
    let questions = answer["questions"].as_array().cloned().unwrap_or_default();
    let list = questions
        .iter()
        .filter_map(Value::as_str)
        .map(|question| format!("  · {question}"))
        .collect::<Vec<_>>();
    let model = match answer["model"].as_str() {
        Some(model) => format!("{} of them with vectors of {model}", answer["embedded"]),
        None => "by words only: no embedding model is installed, so quality is reduced".to_owned(),
    };
    format!(
        "{} demo posts are indexed, {model}.\n\nOpen {} and ask, for example:\n{}",
        answer["posts"],
        answer["url"].as_str().unwrap_or_default(),
        list.join("\n")
    )
}
