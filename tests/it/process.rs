//! The program as a child process: started, waited for, killed, started again.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A server that is not up by then never will be.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// What the program prints once it serves, before its addresses.
const READY: &str = "tenure: ready, ";

/// How to start the program.
#[derive(Clone, Default)]
pub(crate) struct Launch {
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
}

impl Launch {
    /// `tenure serve SERVICE...` on free ports of the loopback address, with its databases in
    /// `data`; all services when none is named.
    pub(crate) fn serve(services: &[&str], data: &Path) -> Self {
        let mut launch = Self::default().with("TENURE_DATA_DIR", data);
        launch.arguments = ["serve"]
            .iter()
            .chain(services)
            .map(OsString::from)
            .collect();
        launch
            .with("TENURE_SERVER__LISTEN", "127.0.0.1:0")
            .with("TENURE_ADMIN__LISTEN", "127.0.0.1:0")
    }

    /// Sets a variable of the environment, which is where the program is configured.
    pub(crate) fn with(mut self, variable: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((variable.to_owned(), value.into()));
        self
    }

    /// Starts the program and waits until it serves.
    ///
    /// # Panics
    /// With everything that it printed, when it ends or does not serve in time.
    pub(crate) fn start(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure-tests"));
        command
            .args(&self.arguments)
            .envs(self.environment.iter().cloned());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let log = Log::default();
        let (ready, is_ready) = channel();
        log.follow(child.stdout.take().expect("it is piped"), ready.clone());
        log.follow(child.stderr.take().expect("it is piped"), ready);
        let mut process = Process {
            child,
            log,
            grpc: None,
            admin: None,
        };
        process.wait_until_ready(&is_ready);
        process
    }
}

/// The program while it runs. It is killed when this value is dropped; when the test fails, what it
/// printed is shown.
pub(crate) struct Process {
    child: Child,
    log: Log,
    grpc: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

impl Process {
    /// Returns the address where it answers gRPC.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.grpc.expect("it was ready")
    }

    /// Returns the URL where it answers gRPC.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.grpc())
    }

    /// Returns the address of the admin port.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin.expect("it was ready")
    }

    /// Ends it as a power cut would: `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it still ran");
        self.child.wait().expect("a killed child can be waited for");
    }

    /// Asks it to stop, as a supervisor does, and waits for its end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(asked.expect("kill is a program").success(), "it still ran");
        self.child.wait().expect("a child can be waited for")
    }

    fn wait_until_ready(&mut self, is_ready: &Receiver<String>) {
        match is_ready.recv_timeout(START_TIMEOUT) {
            Ok(line) => {
                let (grpc, admin) = addresses(&line);
                (self.grpc, self.admin) = (grpc, admin);
                assert!(
                    grpc.is_some() && admin.is_some(),
                    "wanted two addresses, found: {line}"
                );
            }
            Err(RecvTimeoutError::Timeout) => panic!("the program does not serve in time"),
            Err(RecvTimeoutError::Disconnected) => panic!("the program ended before it served"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the program printed:\n{}", self.log.text());
        }
    }
}

/// Everything that the program printed.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    /// Reads an output to its end, so that the program never waits for us; passes on the line that
    /// says that it serves.
    fn follow(&self, output: impl Read + Send + 'static, ready: Sender<String>) {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.starts_with(READY) {
                    // Nobody listens any more when the test has given up.
                    let _ = ready.send(line.clone());
                }
                log.add(&line);
            }
        });
    }

    fn add(&self, line: &str) {
        let mut text = self.0.lock().expect("nobody panics while holding it");
        text.push_str(line);
        text.push('\n');
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .clone()
    }
}

/// Reads `tenure: ready, gRPC on 127.0.0.1:7100, admin on 127.0.0.1:7101`.
fn addresses(line: &str) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let after = |words: &str| {
        let rest = line.split_once(words)?.1;
        rest.split([',', ' ']).next()?.parse().ok()
    };
    (after("gRPC on "), after("admin on "))
}

#[test]
fn addresses_are_read_from_the_line_that_says_ready() {
    let (grpc, admin) = addresses("tenure: ready, gRPC on 127.0.0.1:71, admin on [::1]:72");

    assert_eq!(grpc, Some(([127, 0, 0, 1], 71).into()));
    assert_eq!(admin, "[::1]:72".parse().ok());
}

#[test]
fn a_server_that_was_killed_starts_again_on_its_data() {
    let data = tempfile::tempdir().expect("a folder");
    let launch = Launch::serve(&[], data.path());

    launch.start().kill();
    let again = launch.start();

    assert!(again.url().starts_with("http://127.0.0.1:"));
    assert_ne!(again.grpc(), again.admin());
}

#[test]
fn a_server_that_is_asked_to_stop_ends_with_success() {
    let data = tempfile::tempdir().expect("a folder");

    let status = Launch::serve(&[], data.path()).start().stop();

    assert!(status.success(), "{status}");
}
