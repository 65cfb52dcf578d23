//! Spans of calls, joined to the caller's trace by W3C trace context.
//!
//! A span costs more than a whole empty call, so there is none unless somebody collects it: spans
//! are of level debug, which the OpenTelemetry layer asks for and the log does not.

use http::HeaderValue;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tonic::Code;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::methods::code_name;
use crate::call::Call;

/// The target of the spans, for filters.
pub(crate) const TARGET: &str = "tenure_rpc::layers::trace";

/// Returns the span of a call.
pub(crate) fn span(method: &str, call: &Call) -> Span {
    let span = tracing::debug_span!(
        "call",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.status_code = Empty,
    );
    if !span.is_disabled()
        && let Some(parent) = call.traceparent().and_then(parse)
    {
        // Without the OpenTelemetry layer there is nothing to join.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// Notes how the call of a span ended.
pub(crate) fn ended(span: &Span, code: Code) {
    if span.is_disabled() {
        return;
    }
    span.record("rpc.status_code", code_name(code));
    let at_fault = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    if at_fault {
        span.record("otel.status_code", "ERROR");
    }
}

/// Returns the header that makes a further call part of the current span's trace, when there is one.
pub(crate) fn current_traceparent() -> Option<HeaderValue> {
    let span = Span::current();
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span_context = context.span().span_context().clone();
    if !span_context.is_valid() {
        return None;
    }
    let (trace, id) = (span_context.trace_id(), span_context.span_id());
    let flags = span_context.trace_flags().to_u8();
    HeaderValue::try_from(format!("00-{trace}-{id}-{flags:02x}")).ok()
}

/// Reads `00-<32 hex>-<16 hex>-<2 hex>`; later versions may append fields.
fn parse(header: &HeaderValue) -> Option<SpanContext> {
    let text = header
        .to_str()
        .ok()
        .filter(|text| text.len() >= 55 && text.is_ascii())?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || flags.len() != 2 {
        return None;
    }
    let trace = TraceId::from_hex(trace).ok()?;
    let span = SpanId::from_hex(span).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_traceparent_is_joined() {
        let parse = |text: &str| parse(&HeaderValue::try_from(text).unwrap());
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

        let context = parse(valid).unwrap();
        assert_eq!(
            context.trace_id().to_string(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled() && context.is_remote());
        assert!(parse(&valid[..54]).is_none());
        assert!(
            parse(&valid.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32))).is_none()
        );
        assert!(parse(&valid.replacen("00", "ff", 1)).is_none());
    }
}
