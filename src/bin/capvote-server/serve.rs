//! Serving, from the settings to the exit code.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use capvote::command_line::{self, Exit};
use capvote::election::{Definition, InvalidDefinition, Publication};
use capvote::net::link::Link;
use capvote::server::{CertificateFiles, Config, NewElection, RunError, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use crate::PROGRAM;
use crate::arguments::Arguments;
use crate::failure;

/// Serves until SIGTERM or SIGINT, or until a part of the server breaks.
pub(crate) async fn serve(arguments: Arguments) -> ExitCode {
    let config = match config(&arguments) {
        Ok(config) => config,
        Err(why) => return command_line::end(PROGRAM, why, Exit::Usage),
    };
    start_log(arguments.log);
    // Before the links are printed: their reader may send a signal at once.
    let signals = match Signals::catch() {
        Ok(signals) => signals,
        Err(error) => {
            let why = format_args!("cannot catch signals: {error}");
            return command_line::end(PROGRAM, why, Exit::Fault);
        }
    };
    match Server::start(config).await {
        Ok(server) => {
            // The server runs even if stdout is closed.
            let _ = announce(&server);
            run(server, signals).await
        }
        Err(error) => command_line::end(PROGRAM, failure::sentence(&error), failure::exit(&error)),
    }
}

fn config(arguments: &Arguments) -> Result<Config, String> {
    let threads = arguments.threads.map(usize::from);
    let certificate = arguments.certificate.clone().zip(arguments.key.clone());
    Ok(Config {
        listen: listen(arguments)?,
        proxies: arguments.proxies(),
        data: arguments.data.clone(),
        threads: threads.or(available_parallelism().ok().map(usize::from)).unwrap_or(1),
        election: new_election(arguments).map_err(|error| error.to_string())?,
        certificate: certificate.map(|(certificates, key)| CertificateFiles { certificates, key }),
        allow_unencrypted: arguments.allow_unencrypted,
        allow_network_disk: arguments.allow_network_disk,
        voter_numbers_max: arguments.numbers_max,
        metrics: arguments.metrics,
    })
}

fn listen(arguments: &Arguments) -> Result<Vec<Link>, String> {
    let read = |text: &String| match text.parse::<Link>() {
        Err(error) => Err(format!("--listen: {error}")),
        Ok(link) if !link.is_bare() => {
            Err("--listen: it must be an address, without election, certificate or token".into())
        }
        Ok(link) => Ok(link),
    };
    arguments.listen().iter().map(read).collect()
}

fn new_election(arguments: &Arguments) -> Result<Option<NewElection>, InvalidDefinition> {
    let (Some(id), Some(voters)) = (&arguments.election, arguments.voters) else {
        return Ok(None);
    };
    let definition = Definition::new(id.clone(), String::new(), arguments.candidates())?
        .with_publication(Publication::Live);
    Ok(Some(NewElection { definition: Arc::new(definition), voters }))
}

fn start_log(filter: EnvFilter) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(console::colors_enabled_stderr())
        // Where the log cannot be written, reporting that on stderr would panic.
        .log_internal_errors(false)
        .init();
}

fn announce(server: &Server) -> io::Result<()> {
    let mut stdout = io::stdout();
    for link in server.links() {
        writeln!(stdout, "listening on {link}")?;
    }
    if let Some(url) = server.metrics_url() {
        writeln!(stdout, "figures at {url}")?;
    }
    stdout.flush()
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs the server. The first signal stops it, the second ends the process.
async fn run(server: Server, mut signals: Signals) -> ExitCode {
    let (stop, stopping) = oneshot::channel();
    let mut running = std::pin::pin!(server.run(async move { _ = stopping.await }));
    tokio::select! {
        ended = &mut running => return exit(ended),
        () = signals.next() => tracing::info!("stopping; a second signal stops at once"),
    }
    let _ = stop.send(());
    tokio::select! {
        ended = running => exit(ended),
        // Does not wait for the other threads, which may wait for peers. The ledger survives that
        // as it does a kill.
        () = signals.next() => std::process::exit(Exit::Fault as i32),
    }
}

fn exit(ended: Result<(), RunError>) -> ExitCode {
    match ended {
        Ok(()) => Exit::Done.into(),
        Err(broken) => {
            command_line::end(PROGRAM, format_args!("{broken}; the log tells why"), Exit::Fault)
        }
    }
}
