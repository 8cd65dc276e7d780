//! Serving, from the settings to the exit code.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use capvote::command_line::{self, Exit};
use capvote::election::{Definition, InvalidDefinition, Publication};
use capvote::net::link::{Address, Link};
use capvote::server::{
    CertificateFiles, Config, NewElection, Public, Reload, RunError, Server, schedule_as_batch,
};
use tokio::signal::unix::Signal;
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use crate::PROGRAM;
use crate::arguments::Arguments;
use crate::failure;
use crate::settings;
use crate::signals::{Asked, Signals};

/// Serves until SIGTERM or SIGINT, or until a part of the server breaks. SIGHUP lets it read its
/// settings again.
pub(crate) async fn serve(arguments: Arguments, hang_up: Signal) -> ExitCode {
    let config = match config(&arguments) {
        Ok(config) => config,
        Err(why) => return command_line::end(PROGRAM, why, Exit::Usage),
    };
    let set_filter = start_log(arguments.log);
    // Before there are other threads.
    if let Err(error) = schedule_as_batch() {
        tracing::info!(%error, "the server is not scheduled as batch work, and is slower under load");
    }
    // Before the links are printed: their reader may send a signal at once.
    let signals = match Signals::catch(hang_up) {
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
            run(server, signals, &set_filter).await
        }
        Err(error) => command_line::end(PROGRAM, failure::sentence(&error), failure::exit(&error)),
    }
}

fn config(arguments: &Arguments) -> Result<Config, String> {
    let threads = arguments.threads.map(usize::from);
    let certificate = arguments.certificate.clone().zip(arguments.key.clone());
    Ok(Config {
        listen: listen(arguments)?,
        public: public(arguments)?,
        proxies: arguments.proxies(),
        forwarded_for: arguments.forwarded_for(),
        data: arguments.data.clone(),
        database: arguments.database.options(&arguments.data)?,
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
        // A link is read without them, and would be another one.
        _ if text.contains(char::is_control) => {
            Err("--listen: there is a control character in it, such as a line break".into())
        }
        Err(error) => Err(format!("--listen: {error}")),
        Ok(link) if !link.is_bare() => {
            Err("--listen: it must be an address, without election, certificate or token".into())
        }
        Ok(link) => Ok(link),
    };
    arguments.listen().iter().map(read).collect()
}

fn public(arguments: &Arguments) -> Result<Option<Public>, String> {
    let Some(text) = &arguments.public else { return Ok(None) };
    let text = text.trim();
    let public = if text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
        let link: Link = text.parse().map_err(|error| format!("--public: {error}"))?;
        match (link.is_bare(), link.address) {
            (true, Address::Https(at)) => Public::Pages(at),
            _ => return Err("--public: it must be an address, such as https://HOST".into()),
        }
    } else {
        Public::At(text.parse().map_err(|error| format!("--public: {error}"))?)
    };
    let at = public.at();
    if at.port == 0 || at.is_unspecified() || at.is_link_local() {
        return Err("--public: it must be a host and a port that clients can connect to".into());
    }
    Ok(Some(public))
}

fn new_election(arguments: &Arguments) -> Result<Option<NewElection>, InvalidDefinition> {
    let (Some(id), Some(voters)) = (&arguments.election, arguments.voters) else {
        return Ok(None);
    };
    let definition = Definition::new(id.clone(), String::new(), arguments.candidates())?
        .with_publication(Publication::Live);
    Ok(Some(NewElection { definition: Arc::new(definition), voters }))
}

/// Replaces the filter of the log.
type SetFilter = Box<dyn Fn(EnvFilter)>;

fn start_log(filter: EnvFilter) -> SetFilter {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(console::colors_enabled_stderr())
        // Where the log cannot be written, reporting that on stderr would panic.
        .log_internal_errors(false)
        .with_filter_reloading();
    let handle = log.reload_handle();
    log.init();
    // It fails once there is no log any more.
    Box::new(move |filter| drop(handle.reload(filter)))
}

fn announce(server: &Server) -> io::Result<()> {
    let mut stdout = io::stdout();
    for link in server.links() {
        writeln!(stdout, "listening on {link}")?;
    }
    if let Some(link) = server.public_link() {
        writeln!(stdout, "public at {link}")?;
    }
    if let Some(link) = server.election_page() {
        writeln!(stdout, "vote at {link}")?;
    }
    if let Some(url) = server.metrics_url() {
        writeln!(stdout, "figures at {url}")?;
    }
    stdout.flush()
}

/// Runs the server. The first signal to stop stops it, the second ends the process.
async fn run(server: Server, mut signals: Signals, set_filter: &SetFilter) -> ExitCode {
    let (stop, stopping) = oneshot::channel();
    let mut reload = server.reload();
    let mut running = std::pin::pin!(server.run(async move { _ = stopping.await }));
    loop {
        tokio::select! {
            ended = &mut running => return exit(ended),
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => read_again(&mut reload, set_filter),
            },
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    let _ = stop.send(());
    tokio::select! {
        ended = running => exit(ended),
        // Does not wait for the other threads, which may wait for peers. The ledger survives that
        // as it does a kill.
        () = signals.stop() => std::process::exit(Exit::Fault as i32),
    }
}

/// Reads the settings and the certificate again. If one cannot be used, all stay as they are.
fn read_again(reload: &mut Reload, set_filter: &SetFilter) {
    // What is wrong with the settings is then on stderr, where the log is.
    let Ok((arguments, _)) = settings::read("") else {
        tracing::error!("the settings are wrong, and stay as they were");
        return;
    };
    let applied = config(&arguments)
        .and_then(|config| reload.apply(&config).map_err(|error| failure::sentence(&error)));
    match applied {
        Ok(fixed) => {
            set_filter(arguments.log);
            tracing::info!("SIGHUP: the certificate and the settings were read again");
            for setting in fixed {
                tracing::warn!(setting, "this setting has changed, and needs a restart");
            }
        }
        Err(error) => tracing::error!(%error, "the settings stay as they were"),
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
