//! `POST /api/search` and `POST /api/rag/query`.

use std::{collections::BTreeSet, pin::Pin, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{
        IntoResponse as _, Response,
        sse::{Event, Sse},
    },
};
use futures_util::{StreamExt as _, stream};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web, caller::Caller, extract::Body};
use crate::{
    app::{
        App,
        ask::{AskRequest, AskResponse},
        search::{SearchMode, SearchRequest, SearchResponse},
    },
    model::{ChannelId, Flag, ModelFeature},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(ask))
}

/// What to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "query": "открытие метро", "mode": "hybrid", "limit": 5 }))]
pub(super) struct SearchBody {
    /// Words, "phrases", -excluded words.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    query: String,
    #[serde(default)]
    mode: SearchMode,
    /// Only these channels; none means all the caller may see.
    #[serde(default)]
    #[schema(value_type = Vec<ChannelId>)]
    channel_ids: BTreeSet<ChannelId>,
    /// Only posts that bear all of these.
    #[serde(default)]
    tags: Vec<String>,
    since: Option<Timestamp>,
    /// Exclusive.
    until: Option<Timestamp>,
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Finds posts by words, by meaning, or both.
#[utoipa::path(
    post, path = "/api/search", tag = "search", security(("bearer" = ["read"])), request_body = SearchBody,
    responses((status = 200, description = "The best posts, best first.", body = SearchResponse))
)]
async fn search(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<SearchBody>,
) -> Result<Json<SearchResponse>, ApiError> {
    let request = SearchRequest {
        query: body.query,
        mode: body.mode,
        channel_ids: body.channel_ids,
        tags: body.tags,
        since: body.since,
        until: body.until,
        limit: body.limit,
    };
    let tenant = Arc::clone(&caller.tenant);
    let waits = web.app.embeds_outside() && web.call(move |app| app.search_waits(&tenant)).await?;
    let body = move |app: &App| app.search(&caller.tenant, &caller.channels, caller.user_id().ok(), &request);
    // One that waits for a model outside leaves the processors to others.
    if waits { web.call(body).await.map(Json) } else { web.call_costly(body).await.map(Json) }
}

/// What to ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "query": "Что нового в метро на этой неделе?", "limit": 5 }))]
pub(super) struct AskBody {
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    query: String,
    /// Only these channels; none means all the caller may see.
    #[serde(default)]
    #[schema(value_type = Vec<ChannelId>)]
    channel_ids: BTreeSet<ChannelId>,
    since: Option<Timestamp>,
    /// Exclusive.
    until: Option<Timestamp>,
    /// Sources shown.
    #[schema(minimum = 1, maximum = 20)]
    limit: Option<usize>,
    /// The answer as server-sent events instead of one document.
    #[serde(default)]
    stream: bool,
}

/// One event of a streamed answer.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "event": "token", "data": "{\"text\":\"Станция открыта [1].\"}" }))]
#[expect(dead_code, reason = "describes what `events` writes")]
pub(super) struct AskEvent {
    event: AskEventName,
    /// A JSON document.
    data: String,
}

/// What an event of a streamed answer brings.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `events` writes")]
enum AskEventName {
    /// `{text}`; joined, the texts are the answer.
    Token,
    /// A list as in the document.
    Sources,
    /// The document without answer and sources.
    Done,
}

/// Answers a question from the caller's channels, each statement cited.
///
/// With `stream` the answer comes as events while it is written: `token` (`{text}`; joined, the texts are the answer), then `sources`
/// (a list as in the document), then `done` (the document without answer and sources). A member's question that goes on from their
/// last ones («а почему?», within a day) is looked for with them; `follows` says how.
#[utoipa::path(
    post, path = "/api/rag/query", tag = "search", security(("bearer" = ["read"])), request_body = AskBody,
    responses(
        (
            status = 200, description = "The answer with its sources.",
            content((AskResponse = "application/json"), (AskEvent = "text/event-stream"))
        ),
        (status = 403, description = "`tier_limit_exceeded`: today's questions are used up; `error.resets_at` says until when.")
    )
)]
async fn ask(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<AskBody>,
) -> Result<Response, ApiError> {
    let streams = body.stream
        && web.app.flag_on(Flag::StreamedAnswers, Some(caller.tenant.id()), caller.user_id().ok());
    let place = streams.then(|| web.streams.take(caller.stream_reader())).transpose()?;
    let request = AskRequest {
        query: body.query,
        channel_ids: body.channel_ids,
        since: body.since,
        until: body.until,
        limit: body.limit,
        previous: Vec::new(),
    };
    let (sender, mut pieces) = mpsc::unbounded_channel::<String>();
    let mut work = Box::pin(answered(web, caller, request, sender));
    let Some(place) = place else { return work.await.map(|answer| Json(answer).into_response()) };
    // Whatever is refused is refused before the stream begins.
    let first = tokio::select! {
        biased;
        Some(piece) = pieces.recv() => Answering::Piece(piece),
        done = &mut work => Answering::Done(Box::new(done?)),
    };
    let begun = Begun { first: Some(first), pieces, work: Some(work) };
    Ok(Sse::new(place.hold(begun.events())).into_response())
}

/// Runs the question where it may block, and counts it. One that waits for a model outside leaves the processors to others.
async fn answered(
    web: Web,
    caller: Caller,
    request: AskRequest,
    sender: mpsc::UnboundedSender<String>,
) -> Result<AskResponse, ApiError> {
    let member = caller.user_id().ok();
    let tenant = Arc::clone(&caller.tenant);
    let waits = web
        .call(move |app| {
            let writes = app.model_denied(&tenant, ModelFeature::Answers, member)?.is_none();
            Ok(writes || app.search_waits(&tenant)?)
        })
        .await?;
    let body = move |app: &App| {
        let started = std::time::Instant::now();
        // Whoever listened may be gone; the answer is kept in the history all the same.
        let mut told = |piece: &str| drop(sender.send(piece.to_owned()));
        let member = caller.member().ok();
        let zone = TimeZone::system();
        let answered = app.ask_told(&caller.tenant, &caller.channels, member, &request, (&zone, &mut told));
        metrics::histogram!("rag_processing_duration_seconds").record(started.elapsed().as_secs_f64());
        let (intent, status) = match &answered {
            Ok(answer) if answer.result.abstained => (answer.intent, "empty"),
            Ok(answer) => (answer.intent, "success"),
            Err(_) => ("ask", "error"),
        };
        metrics::counter!("rag_queries_total", "intent" => intent, "status" => status).increment(1);
        answered
    };
    if waits { web.call(body).await } else { web.call_costly(body).await }
}

/// What comes while an answer is made.
enum Answering {
    Piece(String),
    Done(Box<AskResponse>),
}

type Work = Pin<Box<dyn Future<Output = Result<AskResponse, ApiError>> + Send>>;

/// An answer whose first word is there.
struct Begun {
    first: Option<Answering>,
    pieces: mpsc::UnboundedReceiver<String>,
    /// Until it is done.
    work: Option<Work>,
}

impl Begun {
    fn events(self) -> impl stream::Stream<Item = Result<Event, axum::Error>> {
        stream::unfold(self, |mut begun| async move {
            let events = begun.next().await?;
            Some((stream::iter(events), begun))
        })
        .flatten()
    }

    async fn next(&mut self) -> Option<Vec<Result<Event, axum::Error>>> {
        let next = if let Some(first) = self.first.take() {
            first
        } else {
            let work = self.work.as_mut()?;
            tokio::select! {
                biased;
                Some(piece) = self.pieces.recv() => Answering::Piece(piece),
                // Where it began and cannot be finished the stream ends without `done`.
                done = work => Answering::Done(Box::new(done.ok()?)),
            }
        };
        Some(match next {
            Answering::Piece(piece) => vec![token(&piece)],
            Answering::Done(answer) => {
                self.work = None;
                // What was told before it was done.
                let mut events = Vec::new();
                while let Ok(piece) = self.pieces.try_recv() {
                    events.push(token(&piece));
                }
                events.extend(ending(*answer));
                events
            }
        })
    }
}

fn token(piece: &str) -> Result<Event, axum::Error> {
    Event::default().event("token").json_data(serde_json::json!({ "text": piece }))
}

/// What ends the stream: the sources, then the rest of the document.
fn ending(mut answer: AskResponse) -> [Result<Event, axum::Error>; 2] {
    let sources = std::mem::take(&mut answer.result.sources);
    let sources = Event::default().event("sources").json_data(sources);
    let mut rest = serde_json::to_value(answer).unwrap_or_default();
    if let Some(result) = rest.get_mut("result").and_then(serde_json::Value::as_object_mut) {
        result.remove("answer");
        result.remove("sources");
    }
    [sources, Event::default().event("done").json_data(rest)]
}
