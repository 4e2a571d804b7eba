//! The process's figures in Prometheus' text format.
//!
//! Labels are bounded sets: a method, a route as written in the router, a status; never an id, a path or a token.

use std::{sync::LazyLock, time::Duration};

use axum::http::Method;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{
    app::{bot::BotCounts, doctor::State, health::OperatorHealth, status::resident_bytes},
    model::Event,
    store::BackupRow,
};

/// One recorder a process; tests start many appliances in one.
static HANDLE: LazyLock<Option<PrometheusHandle>> = LazyLock::new(|| {
    let handle = PrometheusBuilder::new().install_recorder().ok();
    register();
    handle
});

/// Makes counters show before anything happened: whoever alerts on one can tell nothing from never.
fn register() {
    for name in [
        "posts_parsed_total",
        "indexing_processed_total",
        "auth_qr_start_total",
        "auth_qr_success_total",
        "auth_qr_expired_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    metrics::counter!("tags_persisted_total", "status" => "success").increment(0);
    for status in ["success", "failed"] {
        metrics::counter!("backup_runs_total", "status" => status).increment(0);
        metrics::counter!("retention_runs_total", "status" => status).increment(0);
    }
    // Those that alerts watch, with labels they really have.
    let stream = Event::PostsParsed.name();
    metrics::counter!("stream_dlq_total", "stream" => stream, "reason" => "unavailable").increment(0);
    metrics::counter!("telegram_floodwait_total", "method" => "messages.getHistory").increment(0);
    for source in ["live", "history"] {
        metrics::counter!("telegram_posts_read_total", "source" => source).increment(0);
    }
    metrics::counter!("auth_qr_fail_total", "reason" => "cancelled").increment(0);
    metrics::counter!("tg_webhook_requests_total", "outcome" => "accepted").increment(0);
    metrics::counter!("rag_queries_total", "intent" => "ask", "status" => "error").increment(0);
}

/// The recorder.
#[derive(Debug, Clone, Copy)]
pub struct Metrics(());

impl Metrics {
    /// Starts recording; calling it again does nothing.
    pub fn install() -> Self {
        LazyLock::force(&HANDLE);
        Self(())
    }

    #[expect(clippy::unused_self, reason = "having it proves that the recorder is installed")]
    pub(super) fn request(self, method: &Method, route: &str, status: u16, elapsed: Duration) {
        let labels = [
            ("method", known(method).to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        metrics::counter!("http_requests_total", &labels).increment(1);
        metrics::histogram!("http_request_duration_seconds", "route" => route.to_owned())
            .record(elapsed.as_secs_f64());
    }

    #[expect(clippy::unused_self, reason = "having it proves that the recorder is installed")]
    pub(super) fn render(self, figures: &Figures) -> String {
        let queue = &figures.health.installation.queue;
        render_health(figures);
        // One queue feeds all stages; its depth stands under the event the first of them emits.
        let stream = Event::PostsParsed.name();
        metrics::gauge!("stream_depth", "stream" => stream).set(queue.ready as f64);
        metrics::gauge!("stream_pending_size", "stream" => stream).set(queue.claimed as f64);
        metrics::gauge!("tagging_cache_size").set(figures.tagging_cache as f64);
        metrics::gauge!("sqlite_control_bytes").set(figures.control_bytes as f64);
        metrics::gauge!("tenants_open").set(figures.tenants_open as f64);
        metrics::gauge!("process_start_time_seconds").set(figures.started_at_s as f64);
        metrics::gauge!("queue_dead_letters").set(queue.dead as f64);
        metrics::gauge!("queue_file_bytes").set(queue.file_bytes as f64);
        metrics::gauge!("process_resident_memory_bytes").set(resident_bytes() as f64);
        // 0: never.
        let newest = figures.backup.as_ref();
        let seconds = |at: Option<i64>| at.unwrap_or(0) as f64;
        let made = newest.map(|row| row.created_at.as_second());
        metrics::gauge!("backup_last_success_timestamp_seconds").set(seconds(made));
        let good = newest.and_then(|row| row.verdict.as_ref()).filter(|verdict| verdict.problem.is_none());
        let verified = good.map(|verdict| verdict.at.as_second());
        metrics::gauge!("backup_last_verified_timestamp_seconds").set(seconds(verified));
        metrics::gauge!("backup_last_bytes").set(newest.map_or(0.0, |row| row.bytes as f64));
        metrics::gauge!("backup_last_pause_seconds").set(newest.map_or(0.0, |row| row.pause_us as f64 / 1e6));
        metrics::gauge!("backup_last_duration_seconds")
            .set(newest.map_or(0.0, |row| row.elapsed_ms as f64 / 1e3));
        metrics::gauge!("backup_restorable_age_seconds").set(figures.restorable_age_s.unwrap_or(0.0));
        metrics::gauge!("outbox_lag_seconds").set(figures.outbox_lag_s);
        metrics::gauge!("retention_last_success_timestamp_seconds").set(seconds(figures.retention_at_s));
        HANDLE.as_ref().map(PrometheusHandle::render).unwrap_or_default()
    }
}

/// What is measured when somebody asks.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) health: OperatorHealth,
    pub(super) bot: BotCounts,
    /// When the certificate in use ends, unix seconds; `None`: TLS is somebody else's.
    pub(super) certificate_until_s: Option<i64>,
    /// Entries.
    pub(super) tagging_cache: usize,
    pub(super) control_bytes: u64,
    pub(super) tenants_open: usize,
    /// Unix seconds.
    pub(super) started_at_s: i64,
    /// The newest backup on record.
    pub(super) backup: Option<BackupRow>,
    /// How old the newest backup is that was restored in scratch, or how long one is owed, seconds; `None`: none is owed yet.
    pub(super) restorable_age_s: Option<f64>,
    /// How long the oldest event waits for the appliance to read it, seconds.
    pub(super) outbox_lag_s: f64,
    /// Unix seconds.
    pub(super) retention_at_s: Option<i64>,
}

/// Anything a client may send as a method, as one of a few words.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// What the operator's health view knows, as figures.
fn render_health(figures: &Figures) {
    let health = &figures.health;
    let state = match health.installation.status {
        State::Ok => 0.0,
        State::Reduced => 1.0,
        State::Problem => 2.0,
    };
    metrics::gauge!("health_state").set(state);
    metrics::gauge!("pipeline_halted").set(f64::from(health.installation.halted.is_some()));
    let age_ms = health.installation.queue.oldest_age_ms.unwrap_or(0);
    metrics::gauge!("queue_oldest_age_seconds").set(age_ms as f64 / 1000.0);
    metrics::gauge!("disk_free_bytes").set(health.disk.free_bytes as f64);
    metrics::gauge!("disk_total_bytes").set(health.disk.total_bytes as f64);
    metrics::gauge!("tenants").set(health.tenants as f64);
    let telegram = &health.telegram;
    for (state, count) in [
        ("active", telegram.sessions_active),
        ("paused", telegram.sessions_paused),
        ("ended", telegram.sessions_ended),
        ("connected", telegram.connected),
    ] {
        metrics::gauge!("telegram_sessions", "state" => state).set(count as f64);
    }
    for (state, count) in [
        ("followed", telegram.channels_followed),
        ("refused", telegram.channels_refused),
        ("overdue", telegram.channels_overdue),
    ] {
        metrics::gauge!("telegram_channels", "state" => state).set(count as f64);
    }
    for (kind, count) in [
        ("updates_waiting", figures.bot.updates_waiting),
        ("updates_dead", figures.bot.updates_dead),
        ("messages_waiting", figures.bot.messages_waiting),
        ("messages_dead", figures.bot.messages_dead),
    ] {
        metrics::gauge!("bot_backlog", "kind" => kind).set(count as f64);
    }
    if let Some(until_s) = figures.certificate_until_s {
        metrics::gauge!("tls_certificate_expiry_timestamp_seconds").set(until_s as f64);
    }
    metrics::gauge!("build_info", "version" => health.installation.version).set(1.0);
}
