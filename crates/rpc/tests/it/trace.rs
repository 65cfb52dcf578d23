//! Traces: a call joins its caller's, and hands it on to the services that it calls.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tenure_rpc::EdgeConfig;
use tracing_subscriber::layer::SubscriberExt;

use crate::probe::{Probe, in_one_process};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Keeps spans instead of sending them.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, mut spans: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().append(&mut spans);
        Ok(())
    }
}

/// Calls through two services and returns the trace context that the inner one saw.
async fn relay() -> String {
    let inner = in_one_process(Probe::default(), EdgeConfig::default());
    let outer = Probe {
        inner: Some(inner.transport.clone()),
        ..Probe::default()
    };
    let served = in_one_process(outer, EdgeConfig::default());
    let mut client = served
        .client()
        .with_trace(format!("00-{TRACE}-{PARENT}-01"));
    client
        .call("Relay", "")
        .await
        .unwrap()
        .split(' ')
        .nth(2)
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_trace_is_handed_on_also_when_nobody_collects_it() {
    assert_eq!(relay().await, format!("00-{TRACE}-{PARENT}-01"));
}

#[tokio::test]
async fn each_call_is_a_span_below_its_callers() {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(kept.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _collecting = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

    let seen_by_inner = relay().await;

    let spans = kept.0.lock().unwrap();
    let calls: Vec<_> = spans
        .iter()
        .filter(|span| span.span_kind == SpanKind::Server)
        .collect();
    let [inner, outer] = calls[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(outer.parent_span_id.to_string(), PARENT);
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    for span in [inner, outer] {
        assert_eq!(span.span_context.trace_id().to_string(), TRACE);
        let attribute = |key: &str| {
            let found = span
                .attributes
                .iter()
                .find(|attribute| attribute.key.as_str() == key);
            found.map(|attribute| attribute.value.to_string())
        };
        assert_eq!(attribute("rpc.status_code").as_deref(), Some("OK"));
        assert_eq!(attribute("rpc.system.name").as_deref(), Some("grpc"));
    }
    assert_eq!(
        seen_by_inner,
        format!("00-{TRACE}-{}-01", outer.span_context.span_id())
    );
}
