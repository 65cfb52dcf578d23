//! Logs, traces and metrics, set up once at the start of the process.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::Validate;
use crate::layers::trace;
use crate::lifecycle::Lifecycle;

/// The histogram of calls that are served.
const CALL_DURATION: &str = "rpc_server_call_duration_seconds";

/// The buckets that OpenTelemetry recommends for calls, in seconds, and for everything else
/// measured in seconds here.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Measurements wait in memory until they are sorted into buckets, so that has to happen now and
/// then, also when nobody asks for `/metrics`.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for a person.
    Human,
    /// One JSON object a line.
    Json,
}

/// What to log and where to send traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// The form of log lines: `human` or `json`.
    pub format: LogFormat,
    /// What to log, as `level` or `target=level,...`.
    pub filter: String,
    /// Where to send traces (OTLP over gRPC), for example `http://127.0.0.1:4317`; nowhere when
    /// absent.
    pub otlp_endpoint: Option<String>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            filter: "info".to_owned(),
            otlp_endpoint: None,
        }
    }
}

impl Validate for TelemetryConfig {
    fn validate(&self, violations: &mut Violations) {
        if let Err(error) = EnvFilter::try_new(&self.filter) {
            violations.add(
                "filter",
                "a level such as info, or target=level,...",
                error.to_string(),
            );
        }
        if let Some(endpoint) = &self.otlp_endpoint
            && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            violations.add(
                "otlp_endpoint",
                "a URL with http or https",
                endpoint.clone(),
            );
        }
    }
}

/// Why telemetry was not set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error("the log filter is none")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter of traces cannot be made.
    #[error("cannot send traces")]
    Otlp(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// What is measured. Clones are the same.
#[derive(Debug, Clone)]
pub struct Metrics(Option<PrometheusHandle>);

impl Metrics {
    /// Returns all measurements in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        self.0
            .as_ref()
            .map(PrometheusHandle::render)
            .unwrap_or_default()
    }

    /// Sorts measurements now and then until the end of the lifecycle.
    pub fn keep(&self, lifecycle: &Lifecycle) {
        let Some(handle) = self.0.clone() else { return };
        lifecycle.spawn_daemon("metrics", async move {
            loop {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                handle.run_upkeep();
            }
        });
    }
}

/// Keeps telemetry going; when it is dropped, the last traces are sent.
#[derive(Debug)]
pub struct Telemetry {
    /// What is measured.
    pub metrics: Metrics,
    traces: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Sets up logs, metrics and, where an endpoint is configured, traces. Needs a runtime when it is.
/// Where logs are set up already, as in tests, they stay as they are.
///
/// # Errors
/// When the filter or the endpoint is none.
pub fn init(config: &TelemetryConfig, service: &'static str) -> Result<Telemetry, TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let log: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Human => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(filter)
            .boxed(),
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true);
            layer
                .with_writer(std::io::stderr)
                .with_filter(filter)
                .boxed()
        }
    };
    let traces = config
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| exporter(endpoint, service));
    let traces = traces.transpose()?;
    let spans = traces.as_ref().map(|traces| {
        let wanted = Targets::new()
            .with_target(trace::TARGET, LevelFilter::DEBUG)
            .with_default(LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer("tenure"))
            .with_filter(wanted)
    });
    let _ = tracing_subscriber::registry()
        .with(log)
        .with(spans)
        .try_init();
    Ok(Telemetry {
        metrics: metrics(),
        traces,
    })
}

fn exporter(
    endpoint: &str,
    service: &'static str,
) -> Result<SdkTracerProvider, opentelemetry_otlp::ExporterBuildError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// Returns the recorder of this process, installing it at the first call.
fn metrics() -> Metrics {
    static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let calls = Matcher::Full(CALL_DURATION.to_owned());
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(calls, &SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            });
        // An error means that somebody else installed a recorder; then it has the measurements.
        builder.and_then(PrometheusBuilder::install_recorder).ok()
    };
    Metrics(INSTALLED.get_or_init(install).clone())
}
