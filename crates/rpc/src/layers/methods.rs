//! What is known of each method before it is called: its kind, its name, its metrics.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use metrics::{Gauge, Histogram, gauge, histogram};
use tokio::time::Instant;
use tonic::Code;

use crate::{descriptors, status};

/// How a method is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It answers soon.
    Plain,
    /// It works on many things and may take longer.
    Slow,
    /// It follows something until the client leaves.
    Watch,
    /// It tells whether the server lives.
    Health,
}

/// Returns true for methods that follow a feed: by their name, as `WatchChanges`. Reflection is a
/// conversation that lasts as long as the tool that asks.
pub(crate) fn is_watch(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.starts_with("Watch") || name == "ServerReflectionInfo"
}

fn kind(path: &str, slow: &[String]) -> Kind {
    let name = path.rsplit('/').next().unwrap_or_default();
    if is_watch(path) {
        Kind::Watch
    } else if path.starts_with("/grpc.health.") {
        Kind::Health
    } else if slow
        .iter()
        .any(|beginning| name.starts_with(beginning.as_str()))
    {
        Kind::Slow
    } else {
        Kind::Plain
    }
}

/// Returns the domain that the protos of a method promise: `loyalty.tenure` for those of
/// `tenure.loyalty.v1`. What is not ours to promise has the domain of this crate.
fn domain(name: &str) -> Arc<str> {
    let package = name
        .strip_prefix("tenure.")
        .and_then(|rest| rest.split_once('.'));
    package.map_or_else(
        || Arc::from(status::DOMAIN),
        |(service, _)| format!("{service}.tenure").into(),
    )
}

/// All methods that descriptors know, by path.
pub(crate) struct Methods {
    known: HashMap<String, Arc<Method>>,
    /// One for each kind, for everything that no descriptor knows.
    others: [Arc<Method>; 4],
    slow: Vec<String>,
}

impl Methods {
    pub(crate) fn of_all_services(slow: &[String]) -> Self {
        let services = descriptors::pool().services();
        let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
        let known = methods.map(|method| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let known = Method::new(&path[1..], kind(&path, slow));
            (path, Arc::new(known))
        });
        let others = [Kind::Plain, Kind::Slow, Kind::Watch, Kind::Health];
        Self {
            known: known.collect(),
            others: others.map(|kind| Arc::new(Method::new("_OTHER", kind))),
            slow: slow.to_vec(),
        }
    }

    /// Returns the method of a path. What no descriptor knows is counted under one name, because
    /// anybody can call anything.
    pub(crate) fn of(&self, path: &str) -> Arc<Method> {
        match self.known.get(path) {
            Some(method) => method.clone(),
            None => self.others[kind(path, &self.slow) as usize].clone(),
        }
    }
}

/// How many canonical codes there are.
const CODES: usize = 17;

pub(crate) struct Method {
    name: String,
    domain: Arc<str>,
    pub(crate) kind: Kind,
    durations: [OnceLock<Histogram>; CODES],
    in_flight: OnceLock<Gauge>,
}

impl Method {
    fn new(name: &str, kind: Kind) -> Self {
        let (durations, in_flight) = (Default::default(), OnceLock::new());
        Self {
            name: name.to_owned(),
            domain: domain(name),
            kind,
            durations,
            in_flight,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the domain of errors that are told in the name of its service.
    pub(crate) fn domain(&self) -> Arc<str> {
        self.domain.clone()
    }

    /// Counts a call from now on.
    pub(crate) fn begin(self: &Arc<Self>) -> Seen {
        self.in_flight().increment(1.0);
        Seen {
            method: self.clone(),
            since: Instant::now(),
            code: None,
        }
    }

    fn in_flight(&self) -> &Gauge {
        self.in_flight
            .get_or_init(|| gauge!("tenure_server_in_flight_requests"))
    }

    fn duration(&self, code: Code) -> &Histogram {
        self.durations[code as usize].get_or_init(|| {
            histogram!(
                "rpc_server_call_duration_seconds",
                "rpc_system_name" => "grpc",
                "rpc_method" => self.name.clone(),
                "rpc_status_code" => code_name(code),
            )
        })
    }
}

/// A call that was seen; when it is dropped, its duration is recorded. A call without a code was
/// cancelled by its caller.
pub(crate) struct Seen {
    method: Arc<Method>,
    pub(crate) since: Instant,
    code: Option<Code>,
}

impl Seen {
    pub(crate) fn ended(&mut self, code: Code) {
        self.code.get_or_insert(code);
    }

    pub(crate) fn code(&self) -> Code {
        self.code.unwrap_or(Code::Cancelled)
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let (code, took) = (self.code(), self.since.elapsed());
        self.method.in_flight().decrement(1.0);
        self.method.duration(code).record(took);
        tracing::debug!(
            rpc.method = self.method.name(),
            rpc.status_code = code_name(code),
            duration_us = took.as_micros(),
            "served {}",
            self.method.name(),
        );
    }
}

/// Returns the name of a code as OpenTelemetry spells it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
