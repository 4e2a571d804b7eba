//! `tga eval`: quality on labelled data, through the very code that serves: a scratch tenant is filled, indexed and searched.

use std::{path::Path, process::ExitCode, sync::Arc, sync::atomic::AtomicBool, time::Instant};

use serde_json::{Value, json};

use super::{
    arguments::{EvalCommand, Global},
    configuration,
    output::{self, Output},
    progress::Bars,
};
use crate::{
    app::{
        App, Error,
        command::Progress,
        eval::{retrieval, tags},
        imports::prepare,
        search::SearchMode,
    },
    clock::SystemClock,
    config::Config,
    model::{IncomingPost, PostId},
    pipeline::{EmbedOutcome, drain, embed_tick},
    queue::{Cause, Lane},
    store::HashedPost,
};

/// Texts stored in one step.
const BATCH_TEXTS: usize = 1000;

pub(super) fn run(global: &Global, command: &EvalCommand, output: Output) -> Result<ExitCode, Error> {
    let config = configuration::load(global)?;
    configuration::trace(&config, global, false);
    let answer = match command {
        EvalCommand::Retrieval { dir, mode, k } => {
            let mode = SearchMode::parse(mode).unwrap_or_default();
            eval_retrieval(&config, dir, mode, *k, output)?
        }
        EvalCommand::Tags { file } => eval_tags(&config, file)?,
    };
    output.show(&answer, output::plain);
    Ok(ExitCode::SUCCESS)
}

/// A scratch appliance that borrows the real one's models and is gone afterwards.
struct Scratch {
    app: Arc<App>,
    dir: std::path::PathBuf,
}

impl Scratch {
    fn new(config: &Config) -> Result<Self, Error> {
        let name = format!("tga-eval-{}", crate::app::tokens::random_hex()?.get(..12).unwrap_or_default());
        let dir = std::env::temp_dir().join(name);
        let mut scratch = config.clone();
        scratch.data_dir.clone_from(&dir);
        scratch.models_dir = Some(config.models_dir());
        let app = App::open(scratch, Arc::new(SystemClock))?;
        Ok(Self { app, dir })
    }

    /// Stores the texts as posts of one channel and takes them through the pipeline; post ids in the order of the texts.
    fn fill(&self, texts: &[String], embed: bool, bars: &mut Bars) -> Result<Vec<PostId>, Error> {
        self.app.tenant_create("scratch")?;
        let tenant = self.app.tenant_get("scratch")?;
        let now = self.app.now();
        let channel =
            tenant.store().channel_upsert(None, Some("scratch".to_owned()), "scratch".to_owned(), now)?;
        let mut ids = Vec::with_capacity(texts.len());
        for (chunk, first) in texts.chunks(BATCH_TEXTS).zip((1..).step_by(BATCH_TEXTS)) {
            let posts: Vec<HashedPost> = chunk
                .iter()
                .zip(first..)
                .map(|(text, message_id)| {
                    prepare(
                        channel,
                        IncomingPost {
                            message_id,
                            posted_at: now,
                            text: text.clone(),
                            ..IncomingPost::default()
                        },
                    )
                })
                .collect();
            let stored = tenant.store().posts_ingest(posts, now)?;
            self.app.posts_enqueue(&tenant, &stored.advance, Lane::Backfill, Cause::News)?;
            ids.extend(stored.advance);
            drain(&self.app)?;
            bars.show(Progress::Index { done: ids.len() as u64, total: texts.len() as u64 });
        }
        let mut embedded = 0;
        while let EmbedOutcome::Embedded(count) = self.embed_step(embed)? {
            embedded += count as u64;
            bars.show(Progress::Embed { done: embedded, total: texts.len() as u64 });
        }
        Ok(ids)
    }
}

impl Scratch {
    fn embed_step(&self, wanted: bool) -> Result<EmbedOutcome, Error> {
        if wanted { embed_tick(&self.app, &AtomicBool::new(false)) } else { Ok(EmbedOutcome::Idle) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A scratch directory that cannot be removed lies in the system's temporary directory and is swept there.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn eval_retrieval(
    config: &Config,
    dir: &Path,
    mode: SearchMode,
    k: usize,
    output: Output,
) -> Result<Value, Error> {
    let set = retrieval::JudgedSet::read(dir).map_err(|error| Error::Invalid(error.to_string()))?;
    let scratch = Scratch::new(config)?;
    let mut bars = Bars::new(output.progress());
    let texts: Vec<String> = set.corpus.iter().map(retrieval::JudgedDocument::post_text).collect();
    let ids = scratch.fill(&texts, mode != SearchMode::Fulltext, &mut bars)?;
    let names: std::collections::HashMap<PostId, &str> =
        ids.iter().copied().zip(set.corpus.iter().map(|document| document.id.as_str())).collect();
    let tenant = scratch.app.tenant_get("scratch")?;
    let mut runs = Vec::with_capacity(set.queries.len());
    for query in &set.queries {
        let started = Instant::now();
        let ranked = scratch.app.search_ranking(&tenant, &query.text, mode)?;
        let elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
        let ranked =
            ranked.iter().take(k).filter_map(|id| names.get(id).map(|name| (*name).to_owned())).collect();
        runs.push(retrieval::Run { query_id: query.id.clone(), ranked, elapsed_ms });
    }
    Ok(json!(retrieval::Metrics::of(&runs, &set.judgements)))
}

fn eval_tags(config: &Config, file: &Path) -> Result<Value, Error> {
    let items = tags_read(file)?;
    let scratch = Scratch::new(config)?;
    let texts: Vec<String> = items.iter().map(|(text, _)| text.clone()).collect();
    let ids = scratch.fill(&texts, false, &mut Bars::new(false))?;
    let tenant = scratch.app.tenant_get("scratch")?;
    let posts = tenant.store().posts_load(&ids)?;
    let mut tagged = posts.into_iter().map(|post| post.tags);
    Ok(json!(tags::tags_eval(&items, &mut |_, max| {
        let mut tags = tagged.next().unwrap_or_default();
        tags.truncate(max);
        tags
    })))
}

/// Reads JSONL with `text` and `gold`.
fn tags_read(file: &Path) -> Result<Vec<(String, Vec<String>)>, Error> {
    #[derive(serde::Deserialize)]
    struct Line {
        text: String,
        gold: Vec<String>,
    }
    let text = std::fs::read_to_string(file).map_err(|error| Error::io("read", file, error))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                Error::Invalid(format!("{} line {}: {error}", file.display(), number + 1))
            })?;
            Ok((line.text, line.gold))
        })
        .collect()
}
