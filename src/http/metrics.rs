//! The process's figures in Prometheus' text format.
//!
//! Labels are bounded sets: a method, a route as written in the router, a status; never an id, a path or a token.

use std::{sync::LazyLock, time::Duration};

use axum::http::Method;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{app::jobs::QueueView, model::Event};

/// One recorder a process; tests start many appliances in one.
static HANDLE: LazyLock<Option<PrometheusHandle>> =
    LazyLock::new(|| PrometheusBuilder::new().install_recorder().ok());

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
    pub(super) fn render(self, queue: &QueueView) -> String {
        for event in Event::ALL {
            // One queue feeds all stages; its depth stands under the event the next stage emits.
            if event == Event::PostsParsed {
                metrics::gauge!("stream_depth", "stream" => event.name()).set(queue.ready as f64);
                metrics::gauge!("stream_pending_size", "stream" => event.name()).set(queue.claimed as f64);
            }
        }
        metrics::gauge!("queue_dead_letters").set(queue.dead as f64);
        metrics::gauge!("queue_file_bytes").set(queue.file_bytes as f64);
        metrics::gauge!("process_resident_memory_bytes").set(resident_bytes() as f64);
        HANDLE.as_ref().map(PrometheusHandle::render).unwrap_or_default()
    }
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

/// Resident memory: field 2 of /proc/self/statm, in pages of 4096 bytes (proc(5)).
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
