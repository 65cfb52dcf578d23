//! A proxy between callers and server, which can lose the answers to what was sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a cut waits for an answer to lose.
const LOSE: Duration = Duration::from_millis(200);
/// How much is passed on at once.
const BUFFER: usize = 64 * 1_024;

/// Passes bytes on in both directions.
pub(in crate::bench) struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    cuts: watch::Sender<u64>,
    /// Accepts connections until the proxy is dropped.
    tasks: JoinSet<()>,
}

impl Proxy {
    pub(in crate::bench) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("a port for the proxy")?;
        let mut proxy = Self {
            address: listener.local_addr()?,
            target: Arc::default(),
            cuts: watch::Sender::new(0),
            tasks: JoinSet::new(),
        };
        let (target, cuts) = (Arc::clone(&proxy.target), proxy.cuts.subscribe());
        proxy.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((caller, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let to = *target.lock().expect("nobody panics while holding it");
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                if let Some(to) = to {
                    connections.spawn(pass_on(caller, to, cuts));
                }
            }
        });
        Ok(proxy)
    }

    pub(in crate::bench) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads new connections to a server.
    pub(in crate::bench) fn aim(&self, target: SocketAddr) {
        *self.target.lock().expect("nobody panics while holding it") = Some(target);
    }

    /// Loses the next answers of the server, then ends all connections.
    pub(in crate::bench) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Passes on until one side ends or a cut comes.
async fn pass_on(mut caller: TcpStream, to: SocketAddr, mut cuts: watch::Receiver<u64>) {
    let Ok(mut server) = TcpStream::connect(to).await else {
        return;
    };
    // Small messages must not wait for larger ones.
    let _ = (caller.set_nodelay(true), server.set_nodelay(true));
    let (mut sent, mut answered) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        tokio::select! {
            biased;
            _ = cuts.changed() => break,
            read = caller.read(&mut sent) => match read {
                Ok(1..) if server.write_all(&sent[..read.unwrap_or(0)]).await.is_ok() => {}
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(1..) if caller.write_all(&answered[..read.unwrap_or(0)]).await.is_ok() => {}
                _ => return,
            },
        }
    }
    // What was sent before is being committed: its answer comes and goes no further.
    let _ = tokio::time::timeout(LOSE, server.read(&mut answered)).await;
}
