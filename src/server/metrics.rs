//! The HTTP endpoint for the server's metrics, which [Prometheus](https://prometheus.io) on the
//! same machine scrapes.
//!
//! The listener of `metrics-exporter-prometheus` bounds neither connections nor their time, and
//! answers every path and method, so this one serves a registry of `prometheus-client`.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use rustix::time::{ClockId, clock_gettime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::expiry::Expiry;
use crate::ledger::Metrics;
use crate::net::budget::charged_bytes;
use crate::net::loopback::LoopbackAddress;
use crate::net::tls::Identity;

/// Concurrent scrapes. Further ones wait to be accepted.
pub const FETCHES_MAX: usize = 8;

/// Timeout of a scrape, from accept to close.
pub const FETCH_WAIT_MAX: Duration = Duration::from_secs(10);

/// Pause after a failed accept, such as when there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const PATH: &str = "/metrics";

/// The content type of the OpenMetrics text format.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A listener for scrapes that does not accept yet.
#[derive(Debug)]
pub(super) struct Endpoint {
    listener: TcpListener,
}

impl Endpoint {
    pub(super) async fn bind(address: LoopbackAddress) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address.socket()).await? })
    }

    /// The URL of the metrics.
    pub(super) fn url(&self) -> io::Result<String> {
        Ok(format!("http://{}{PATH}", self.listener.local_addr()?))
    }

    /// Answers scrapes with the metrics of the ledger and of this process, and never returns.
    pub(super) async fn serve(self, metrics: Metrics, identity: Option<Identity>) {
        let mut registry = Registry::default();
        metrics.register(registry.sub_registry_with_prefix("capvote"));
        registry.register_collector(Box::new(ProcessorTime));
        registry.register_collector(Box::new(ChargedMemory));
        if let Some(identity) = identity {
            registry.register_collector(Box::new(Expiry(identity)));
        }
        let registry = Arc::new(registry);
        let permits = Arc::new(Semaphore::new(FETCHES_MAX));
        loop {
            let permit = permits.clone().acquire_owned().await;
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let registry = registry.clone();
                    tokio::spawn(async move {
                        let _permit = permit;
                        // A scrape that fails is the scraper's to report.
                        let _ = timeout(FETCH_WAIT_MAX, serve_scrape(stream, registry)).await;
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection for metrics");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve_scrape(stream: TcpStream, registry: Arc<Registry>) -> hyper::Result<()> {
    let answer = service_fn(async |request| Ok::<_, Infallible>(answer(&request, &registry)));
    let mut http = http1::Builder::new();
    http.keep_alive(false).serve_connection(TokioIo::new(stream), answer).await
}

fn answer(request: &Request<Incoming>, registry: &Registry) -> Response<Full<Bytes>> {
    let plain = |status, text: &'static str| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response
    };
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
    }
    if request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
    }
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, registry).is_err() {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "cannot encode the metrics\n");
    }
    let mut response = Response::new(Full::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORMAT));
    response
}

/// `capvote_memory_charged_bytes`.
#[derive(Debug)]
struct ChargedMemory;

impl Collector for ChargedMemory {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let bytes = ConstGauge::new(u64::try_from(charged_bytes()).unwrap_or(u64::MAX));
        let help = "Memory that connections use beyond their allowances";
        let metric = encoder.encode_descriptor(
            "capvote_memory_charged",
            help,
            Some(&Unit::Bytes),
            bytes.metric_type(),
        )?;
        bytes.encode(metric)
    }
}

/// `process_cpu_seconds_total`, the name that Prometheus's client libraries use for it.
#[derive(Debug)]
struct ProcessorTime;

impl Collector for ProcessorTime {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let seconds = ConstCounter::new(processor_seconds());
        let help = "Processor time of the server";
        let metric = encoder.encode_descriptor(
            "process_cpu",
            help,
            Some(&Unit::Seconds),
            seconds.metric_type(),
        )?;
        seconds.encode(metric)
    }
}

fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
