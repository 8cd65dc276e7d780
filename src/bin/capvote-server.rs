//! The server: reads its command line, starts, says where it listens, and serves until it is told to stop.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use capvote::command_line::{self, Exit};
use capvote::election::{Definition, ElectionId, InvalidDefinition};
use capvote::ledger::{self, LedgerError};
use capvote::net::link::Link;
use capvote::server::{
    CertificateFiles, Config, LoopbackAddress, NewElection, Server, StartError, new_officer_link,
};
use clap::{Parser, Subcommand, value_parser};
use mimalloc::MiMalloc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// Chosen by measurement: see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const PROGRAM: &str = "capvote-server";

/// Serves elections, and counts the lines of its clients' files, over Cap'n Proto.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where to listen: capvotes://HOST:PORT, encrypted; capvote://HOST:PORT, for this machine alone; or
    /// capvote+unix:///PATH, a socket file. Port 0 takes one that is free. Give it again for each further
    /// address.
    #[arg(long, value_name = "LINK", default_value = "capvote://127.0.0.1:12358")]
    listen: Vec<String>,
    /// The folder of the ledger. It is made where it is missing.
    #[arg(long, value_name = "DIR", default_value = "capvote-data")]
    data: PathBuf,
    /// The certificates for capvotes://, in PEM, the server's own first. [default: one that the server makes,
    /// DATA/tls.pem, and that its links name]
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Listen with capvote:// also where others than this machine reach it: votes and links can then be read,
    /// and altered, on the way.
    #[arg(long)]
    allow_unencrypted: bool,
    /// How many threads serve connections. [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Where Prometheus on this machine may fetch figures, such as 127.0.0.1:9358. Port 0 takes one that is
    /// free. [default: nowhere]
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<LoopbackAddress>,
    /// What to log on stderr: error, warn, info, debug or trace, or a filter such as capvote::ledger=debug.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: EnvFilter,
    /// On a data directory with no election: create and open this one, and write its voter numbers to
    /// DIR/NAME.numbers.csv.
    #[arg(long, value_name = "NAME", requires_all = ["candidate", "voters"])]
    election: Option<ElectionId>,
    /// A candidate of that election. Give it again for each, in the order of the ballot paper.
    #[arg(long, value_name = "NAME", requires = "election")]
    candidate: Vec<String>,
    /// How many voter numbers to issue for that election.
    #[arg(long, value_name = "N", requires = "election", value_parser = value_parser!(u32).range(1..=100_000_000))]
    voters: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy the ledger of a data directory to a new file. A server may be using it.
    ///
    /// While an election is open, the copy holds who voted for whom, as the ledger does: keep it as safe,
    /// and destroy it after the close.
    Backup {
        /// The data directory.
        directory: PathBuf,
        /// The file to write.
        file: PathBuf,
    },
    /// Put a copy of a ledger into a data directory that has none.
    Restore {
        /// The copy.
        file: PathBuf,
        /// The data directory; made where it is missing.
        directory: PathBuf,
    },
    /// Make a new returning officer's link, DIR/officer.link, where the one there was is lost. No server may
    /// be using the data directory.
    OfficerLink {
        /// The data directory.
        directory: PathBuf,
        /// End every returning officer's link there was, and all that was shared from them.
        #[arg(long)]
        end_others: bool,
    },
}

fn main() -> ExitCode {
    let arguments: Arguments = match command_line::parse(PROGRAM) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    if let Some(command) = &arguments.command {
        return match offline(command) {
            Ok(()) => Exit::Done.into(),
            Err(error) => command_line::end(PROGRAM, &error, exit(&error)),
        };
    }
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(arguments)),
        Err(error) => command_line::end(PROGRAM, error, Exit::Fault),
    }
}

/// Does what needs no server.
fn offline(command: &Command) -> Result<(), StartError> {
    match command {
        Command::Backup { directory, file } => Ok(ledger::backup(directory, file)?),
        Command::Restore { file, directory } => Ok(ledger::restore(file, directory)?),
        Command::OfficerLink { directory, end_others } => {
            let path = new_officer_link(directory, *end_others)?;
            // Whoever asked for it may not want to know where it is.
            let _ = writeln!(
                std::io::stdout(),
                "The returning officer's link is in {}.",
                path.display()
            );
            Ok(())
        }
    }
}

async fn serve(arguments: Arguments) -> ExitCode {
    let (listen, election) = match (listen(&arguments), new_election(&arguments)) {
        (Ok(listen), Ok(election)) => (listen, election),
        (Err(error), _) => return command_line::end(PROGRAM, error, Exit::Usage),
        (_, Err(error)) => return command_line::end(PROGRAM, error, Exit::Usage),
    };
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(arguments.log)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        // A log that nobody takes any more is lost, and nothing else: telling of that on stderr would panic.
        .log_internal_errors(false)
        .init();
    let threads = arguments.threads.map(usize::from);
    let config = Config {
        listen,
        data: arguments.data,
        threads: threads.or(available_parallelism().ok().map(usize::from)).unwrap_or(1),
        election,
        certificate: arguments
            .certificate
            .zip(arguments.key)
            .map(|(certificates, key)| CertificateFiles { certificates, key }),
        allow_unencrypted: arguments.allow_unencrypted,
        metrics: arguments.metrics,
    };
    // The signals are caught from here on: whoever reads that the server listens may stop it.
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return command_line::end(PROGRAM, "cannot catch signals", Exit::Fault);
    };
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => return command_line::end(PROGRAM, &error, exit(&error)),
    };
    let mut stdout = std::io::stdout();
    for link in server.links() {
        // Whoever started the server may not want to know.
        let _ = writeln!(stdout, "listening on {link}").and_then(|()| stdout.flush());
    }
    if let Some(url) = server.metrics_url() {
        let _ = writeln!(stdout, "figures at {url}").and_then(|()| stdout.flush());
    }
    let mut told = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let (stop, stopping) = oneshot::channel();
    let mut running = std::pin::pin!(server.run(async move { _ = stopping.await }));
    tokio::select! {
        worked = &mut running => return ended(worked),
        () = told() => tracing::info!("stopping; a second signal stops at once"),
    }
    let _ = stop.send(());
    tokio::select! {
        worked = running => ended(worked),
        () = told() => {
            // Threads may be waiting for peers: leaving them is what was asked for. The ledger is whole.
            std::process::exit(command_line::Exit::Fault as i32)
        }
    }
}

fn ended(worked: bool) -> ExitCode {
    if worked {
        Exit::Done.into()
    } else {
        command_line::end(PROGRAM, "a part of the server broke; the log tells which", Exit::Fault)
    }
}

fn listen(arguments: &Arguments) -> Result<Vec<Link>, String> {
    let read = |text: &String| match text.parse::<Link>() {
        Err(error) => Err(format!("--listen: {error}")),
        Ok(link) if !link.is_bare() => {
            Err("--listen: an address has neither an election nor a certificate nor a token".into())
        }
        Ok(link) => Ok(link),
    };
    arguments.listen.iter().map(read).collect()
}

fn new_election(arguments: &Arguments) -> Result<Option<NewElection>, InvalidDefinition> {
    let (Some(id), Some(voters)) = (&arguments.election, arguments.voters) else {
        return Ok(None);
    };
    let definition = Definition::new(id.clone(), String::new(), arguments.candidate.clone())?;
    Ok(Some(NewElection { definition: Arc::new(definition), voters }))
}

fn exit(error: &StartError) -> Exit {
    match error {
        StartError::OtherElection { .. }
        | StartError::OfficerLinkKept(_)
        | StartError::Ledger(LedgerError::InUse(_)) => Exit::Refused,
        StartError::Unencrypted(_) => Exit::Usage,
        _ => Exit::Fault,
    }
}
