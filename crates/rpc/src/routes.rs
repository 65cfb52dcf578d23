//! gRPC services by their names, and whose turn it is to answer a call.
//!
//! tonic's own router is axum's, made for any path and any handler: it takes a call through four
//! boxed services and as many boxed bodies (measured: a sixth of the server's time for an empty
//! call). The path of a gRPC call is `/service/method`, so one look into a map is enough.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::NamedService;
use tower::Service;

use crate::inspect::{self, Inspector};

/// What answers the calls of one service.
type Answers = dyn Fn(Request<Body>) -> BoxFuture<Response<Body>, Infallible> + Send + Sync;

/// gRPC services by their full names. Clones share the services.
#[derive(Clone, Default)]
pub struct Routes(HashMap<&'static str, Arc<Answers>>);

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Routes {
    /// Also routes calls to a generated server, which takes the place of one with its name.
    #[must_use]
    pub fn add_service<S>(mut self, service: S) -> Self
    where
        S: NamedService
            + Service<
                Request<Body>,
                Response = Response<Body>,
                Error = Infallible,
                Future = BoxFuture<Response<Body>, Infallible>,
            > + Clone
            + Send
            + Sync
            + 'static,
    {
        // Generated servers are always ready.
        let answers = move |request| service.clone().call(request);
        self.0.insert(S::NAME, Arc::new(answers));
        self
    }

    /// Has every call of these services, and every answer, go past somebody who may refuse it.
    #[must_use]
    pub fn through(self, inspector: &Arc<dyn Inspector>) -> Self {
        let guard = |answers: Arc<Answers>| -> Arc<Answers> {
            let inspector = inspector.clone();
            Arc::new(move |request| {
                let (inspector, answers) = (inspector.clone(), answers.clone());
                Box::pin(async move {
                    let answered = inspect::answer(&*inspector, request, &*answers).await;
                    Ok(answered.unwrap_or_else(tonic::Status::into_http))
                })
            })
        };
        let routes = self.0.into_iter();
        Self(routes.map(|(name, it)| (name, guard(it))).collect())
    }

    /// Also routes calls to the services of `others`.
    #[must_use]
    pub(crate) fn merge(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Returns the full names of the services.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Has a call answered by its service; a service that is not here is unimplemented.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        let service = path.trim_start_matches('/').split('/').next();
        let Some(answers) = service.and_then(|name| self.0.get(name)) else {
            return Status::unimplemented("").into_http();
        };
        let Ok(response) = answers(request).await;
        response
    }
}
