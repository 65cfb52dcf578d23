//! Connections: accepted, limited in number, aged, and ended in order.
//!
//! tonic's own loop waits without end for open streams and cannot ask a connection to go (GOAWAY) and
//! set it a limit at once, so this one stands on hyper.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::ServerConfig;
use crate::layers::Edge;
use crate::lifecycle::Lifecycle;
use crate::principal::Principal;
use crate::retry::backoff;

/// A quiet client is asked after this long whether it lives, and has this long to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// A client that connects and then says nothing must not hold a place.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest list of request headers, in bytes.
const HEADER_LIST_MAX: u32 = 16 * 1024;

/// How long to wait after the operating system refused to accept, which mostly means that there are
/// no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Acceptor {
    http: http2::Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    edge: Arc<Edge>,
    lifecycle: Lifecycle,
    places: Arc<Semaphore>,
    age: Duration,
    notice: Duration,
    drain: Duration,
}

impl Acceptor {
    pub(crate) fn new(
        config: &ServerConfig,
        tls: Option<TlsAcceptor>,
        edge: Arc<Edge>,
        lifecycle: Lifecycle,
    ) -> Self {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(config.streams_per_connection)
            .max_header_list_size(HEADER_LIST_MAX)
            .auto_date_header(false)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        let places = Arc::new(Semaphore::new(config.connections));
        let age = Duration::from_secs(config.connection_age_seconds);
        Self {
            http,
            tls,
            edge,
            lifecycle,
            places,
            age,
            notice: Duration::from_secs(config.drain_notice_seconds),
            drain: Duration::from_secs(config.drain_seconds),
        }
    }

    /// Waits until it is time to send clients away.
    async fn leaving(&self) {
        self.lifecycle.draining().await;
        if !self.notice.is_zero() {
            tokio::time::sleep(self.notice).await;
        }
    }

    /// Accepts until it is time to leave. Connections are tasks of the lifecycle.
    pub(crate) async fn run(self, listener: TcpListener) {
        let this = Arc::new(self);
        let mut leaving = pin!(this.leaving());
        loop {
            let accepted = tokio::select! {
                accepted = this.accept(&listener) => accepted,
                () = leaving.as_mut() => return,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    let connection = this.clone().connection(stream, peer, place);
                    this.lifecycle.spawn("connection", connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .expect("never closed");
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer, place))
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        _place: OwnedSemaphorePermit,
    ) {
        if tokio::time::timeout(HANDSHAKE_TIMEOUT, stream.readable())
            .await
            .is_err()
        {
            return;
        }
        let Some(tls) = &self.tls else {
            return self.serve(stream, Principal::anonymous()).await;
        };
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let certificates = stream.get_ref().1.peer_certificates();
                let principal = Principal::of_certificates(certificates.unwrap_or_default());
                self.serve(stream, principal).await;
            }
            Ok(Err(error)) => tracing::info!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::info!(%peer, "a TLS handshake took too long"),
        }
    }

    /// Serves one connection. When it is old, or the process drains, the client is asked to open no
    /// more streams here (GOAWAY); after the time to drain the connection is cut.
    async fn serve<S>(&self, stream: S, principal: Principal)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let edge = self.edge.clone();
        let service = service_fn(move |mut request: hyper::Request<_>| {
            let edge = edge.clone();
            request.extensions_mut().insert(principal.clone());
            async move { edge.serve(request).await }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        // Ages differ, so that clients do not come back all at once.
        let age = backoff(1, self.age, self.age);
        tokio::select! {
            ended = connection.as_mut() => return closed(ended),
            () = tokio::time::sleep(age) => {}
            () = self.leaving() => {}
        }
        connection.as_mut().graceful_shutdown();
        match tokio::time::timeout(self.drain, connection).await {
            Ok(ended) => closed(ended),
            Err(_) => tracing::warn!("cut a connection whose calls did not end in time"),
        }
    }
}

fn closed(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
