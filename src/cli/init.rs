//! `tga init`: from nothing to a data directory, a first tenant, a token and an invite, in one step that can be repeated.

use std::{fmt::Write as _, process::ExitCode, sync::Arc};

use serde_json::{Value, json};

use super::{arguments::Global, configuration, output::Output, owner::Owner};
use crate::{
    app::{App, Error},
    clock::SystemClock,
    store::Scope,
};

/// The tenant a new installation begins with.
const FIRST_TENANT: &str = "main";

pub(super) fn init(global: &Global, output: Output) -> Result<ExitCode, Error> {
    let config = configuration::load(global)?;
    configuration::trace(&config, global, false);
    let data_dir = config.data_dir.clone();
    if let Some(owner) = Owner::of(&data_dir) {
        owner.enter()?;
    }
    let app = App::open(config, Arc::new(SystemClock))?;
    let tenants = app.tenant_list()?;
    let mut answer = json!({ "data_dir": data_dir, "tenant": FIRST_TENANT, "created": false });
    if tenants.is_empty() {
        app.tenant_create(FIRST_TENANT)?;
        let tenant = app.tenant_get(FIRST_TENANT)?;
        let token = app.token_create(&tenant, "first", Scope::Admin, None)?;
        answer["created"] = json!(true);
        answer["token"] = json!(token.token);
    } else {
        answer["tenant"] = json!(tenants[0].slug);
    }
    if let Some(invite) = app.invite_first(answer["tenant"].as_str().unwrap_or(FIRST_TENANT))? {
        answer["created"] = json!(true);
        answer["invite"] = json!(invite.code);
    }
    output.show(&answer, show);
    Ok(ExitCode::SUCCESS)
}

fn show(answer: &Value) -> String {
    let dir = answer["data_dir"].as_str().unwrap_or_default();
    let tenant = answer["tenant"].as_str().unwrap_or_default();
    let mut out = match answer["token"].as_str() {
        Some(token) => format!(
            "{dir} is ready, with tenant `{tenant}`.\nIts API token, shown only now:\n{token}\n\n\
             Next: tga import result.json --tenant {tenant}, then tga serve"
        ),
        None => format!("{dir} was ready already, with tenant `{tenant}`"),
    };
    match answer["invite"].as_str() {
        Some(code) => {
            let _ = write!(out, "\nThe invite for its first admin, good once: {code}");
        }
        None => out.push_str("; nothing changed"),
    }
    out
}
