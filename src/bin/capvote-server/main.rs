//! The server program: reads its settings, and serves or runs a command that needs no server.

mod arguments;
mod database;
mod failure;
mod offline;
mod serve;
mod settings;
mod signals;
mod values;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use capvote::command_line::{self, Exit};
use mimalloc::MiMalloc;
use rustix::process::Signal;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};
use tokio::task::spawn_blocking;
use zeroizing_alloc::ZeroAlloc;

use crate::arguments::{Arguments, Command, Offline};

/// The fastest that was measured: see docs/benchmarks.md. It overwrites what is freed: votes must
/// not be left in the memory of the process.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

const PROGRAM: &str = "capvote-server";

fn main() -> ExitCode {
    command_line::protect_memory();
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => command_line::end(PROGRAM, error, Exit::Fault),
    }
}

async fn run() -> ExitCode {
    // First: by default, SIGHUP ends a server that has just begun to start.
    let caught = signal(SignalKind::hangup()).and_then(|hang_up| {
        survive_file_size_limit()?;
        Ok(hang_up)
    });
    let hang_up = match caught {
        Ok(hang_up) => hang_up,
        Err(error) => {
            let why = format_args!("cannot catch signals: {error}");
            return command_line::end(PROGRAM, why, Exit::Fault);
        }
    };
    let (mut arguments, settings) = match settings::read("; nothing was started") {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    match arguments.command.take() {
        Some(Command::Offline(command)) => return run_offline(command, hang_up).await,
        Some(Command::Extra(extra)) => return printed(extra.run::<Arguments>(PROGRAM)),
        None => {}
    }
    if arguments.print_config {
        // It may have a password.
        if let Err(why) = arguments.database.check() {
            return command_line::end(PROGRAM, why, Exit::Usage);
        }
        return printed(io::stdout().write_all(settings.as_bytes()));
    }
    serve::serve(arguments, hang_up).await
}

/// Runs a command that needs no server. SIGHUP ends it.
async fn run_offline(command: Offline, mut hang_up: Arrivals) -> ExitCode {
    let here = Handle::current();
    let work = spawn_blocking(move || here.block_on(offline::run(&command)));
    tokio::select! {
        ended = work => ended.unwrap_or(Exit::Fault.into()),
        _ = hang_up.recv() => std::process::exit(128 + Signal::HUP.as_raw()),
    }
}

/// Makes a write beyond the limit of file sizes (`ulimit -f`) fail like one to a full disk. By
/// default it kills the process. The handler stays after the stream is dropped.
fn survive_file_size_limit() -> io::Result<()> {
    let exceeded = SignalKind::from_raw(Signal::XFSZ.as_raw());
    signal(exceeded).map(drop)
}

/// The exit code of a command whose result is its output.
fn printed(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => Exit::Done.into(),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Fault.into(),
        Err(error) => {
            command_line::end(PROGRAM, format_args!("cannot write: {error}"), Exit::Fault)
        }
    }
}
