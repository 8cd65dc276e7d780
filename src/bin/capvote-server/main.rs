//! The server: reads its command line, starts, says where it listens, and serves until it is told to stop.

mod arguments;
mod settings;

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use capvote::command_line::{self, Exit};
use capvote::election::{Definition, InvalidDefinition};
use capvote::ledger::OpenError;
use capvote::ledger::sqlite::{self, CopyPhase};
use capvote::net::link::{Address, Link};
use capvote::server::{
    CertificateFiles, Config, NewElection, RunError, Server, StartError, new_officer_link,
};
use indicatif::{ProgressBar, ProgressStyle};
use mimalloc::MiMalloc;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::arguments::{Arguments, Command, Offline};

/// Chosen by measurement: see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const PROGRAM: &str = "capvote-server";

fn main() -> ExitCode {
    let (arguments, settings) = match settings::read() {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    match &arguments.command {
        Some(Command::Offline(command)) => return block_on(offline(command)),
        Some(Command::Extra(extra)) => return written(extra.run::<Arguments>(PROGRAM)),
        None => {}
    }
    if arguments.print_config {
        return written(std::io::stdout().write_all(settings.as_bytes()));
    }
    block_on(serve(arguments))
}

fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => command_line::end(PROGRAM, error, Exit::Fault),
    }
}

fn written(written: std::io::Result<()>) -> ExitCode {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Fault.into(),
        Err(error) => {
            command_line::end(PROGRAM, format_args!("cannot write: {error}"), Exit::Fault)
        }
        Ok(()) => Exit::Done.into(),
    }
}

/// Does what needs no server, and tells what came of it.
async fn offline(command: &Offline) -> ExitCode {
    let (Offline::Backup { output, .. }
    | Offline::Restore { output, .. }
    | Offline::OfficerLink { output, .. }) = command;
    match done(command).await {
        Ok((document, _)) if output.json => written(writeln!(std::io::stdout(), "{document:#}")),
        Ok((_, words)) => {
            // Whoever asked for it may not want to know.
            let _ = std::io::stdout().write_all(words.as_bytes());
            Exit::Done.into()
        }
        Err(error) => {
            let copies = matches!(command, Offline::Backup { .. } | Offline::Restore { .. });
            let stands = if copies { "; no ledger was changed" } else { "" };
            let why = format!("{error}{}{stands}", way_out(&error));
            command_line::end_in_json(PROGRAM, why, exit(&error), output.json)
        }
    }
}

/// Does it. Returns what was done, as a document and in words.
async fn done(command: &Offline) -> Result<(Value, String), StartError> {
    Ok(match command {
        Offline::Backup { directory, file, .. } => {
            copying(|progress| sqlite::backup(directory, file, progress))?;
            let words = format!(
                "{} holds the ledger of {}. While an election is open, it holds who voted for whom.\n",
                text(file),
                text(directory)
            );
            (json!({ "file": text(file) }), words)
        }
        Offline::Restore { file, directory, .. } => {
            copying(|progress| sqlite::restore(file, directory, progress))?;
            let words = format!("{} holds the ledger of {}.\n", text(directory), text(file));
            (json!({ "directory": text(directory) }), words)
        }
        Offline::OfficerLink { directory, end_others, .. } => {
            let path = text(&new_officer_link(directory, *end_others).await?);
            let words = format!("The returning officer's link is in {path}.\n");
            (json!({ "file": path }), words)
        }
    })
}

/// A path in a document, which is Unicode even where the path is not.
fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Shows the progress of a copy, where people are looking.
fn copying<T>(copy: impl FnOnce(&mut dyn FnMut(CopyPhase, u64, u64)) -> T) -> T {
    if !std::io::stdout().is_terminal() {
        return copy(&mut |_, _, _| {});
    }
    let bar = |what: &str| {
        let template = format!("{what} {{wide_bar}} {{percent}}%, {{per_sec}}, {{eta}} left");
        let style = ProgressStyle::with_template(&template);
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    };
    let (pages, entries) = (bar("copying"), bar("checking"));
    let copied = copy(&mut |what, done, all| {
        let bar = if what == CopyPhase::Pages { &pages } else { &entries };
        bar.set_length(all);
        bar.set_position(done);
        if done == all {
            bar.finish_and_clear();
        }
    });
    pages.finish_and_clear();
    entries.finish_and_clear();
    copied
}

async fn serve(arguments: Arguments) -> ExitCode {
    let (listen, election) = match (listen(&arguments), new_election(&arguments)) {
        (Ok(listen), Ok(election)) => (listen, election),
        (Err(error), _) => return command_line::end(PROGRAM, error, Exit::Usage),
        (_, Err(error)) => return command_line::end(PROGRAM, error, Exit::Usage),
    };
    let colours = console::colors_enabled_stderr();
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
        Err(error) => {
            let why = format_args!("{error}{}", way_out(&error));
            return command_line::end(PROGRAM, why, exit(&error));
        }
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
        ended = &mut running => return exited(ended),
        () = told() => tracing::info!("stopping; a second signal stops at once"),
    }
    let _ = stop.send(());
    tokio::select! {
        ended = running => exited(ended),
        () = told() => {
            // Threads may be waiting for peers: leaving them is what was asked for. The ledger is whole.
            std::process::exit(command_line::Exit::Fault as i32)
        }
    }
}

fn exited(ended: Result<(), RunError>) -> ExitCode {
    match ended {
        Ok(()) => Exit::Done.into(),
        Err(broken) => {
            command_line::end(PROGRAM, format_args!("{broken}; the log tells why"), Exit::Fault)
        }
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

/// What to try instead.
fn way_out(error: &StartError) -> Cow<'static, str> {
    match error {
        StartError::Unencrypted(_) => ", or say --allow-unencrypted".into(),
        StartError::OtherElection { .. } => {
            "; start without --election to serve what is there, or choose another --data".into()
        }
        StartError::OfficerLinkKept(_) => {
            "; --end-others makes a new one in its place and ends it".into()
        }
        StartError::Listen { link, why } => match (&link.address, why.kind()) {
            (Address::Tcp(at) | Address::Tls(at), io::ErrorKind::AddrNotAvailable) => {
                format!(". {} is no address of this machine; `hostname -I` lists them", at.host)
                    .into()
            }
            (Address::Tcp(_) | Address::Tls(_), io::ErrorKind::AddrInUse) => {
                ". Another program, perhaps another capvote-server, listens there; choose another port"
                    .into()
            }
            _ => "".into(),
        },
        _ => "".into(),
    }
}

fn exit(error: &StartError) -> Exit {
    match error {
        StartError::OtherElection { .. }
        | StartError::OfficerLinkKept(_)
        | StartError::Ledger(OpenError::InUse(_)) => Exit::Refused,
        StartError::Unencrypted(_) => Exit::Usage,
        _ => Exit::Fault,
    }
}
