//! The server program: reads its settings, and serves or runs a command that needs no server.

mod arguments;
mod failure;
mod offline;
mod serve;
mod settings;
mod signals;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use capvote::command_line::{self, Exit};
use mimalloc::MiMalloc;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use zeroizing_alloc::ZeroAlloc;

use crate::arguments::{Arguments, Command};

/// The fastest that was measured: see docs/benchmarks.md. It overwrites what is freed: votes must
/// not be left in the memory of the process.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

const PROGRAM: &str = "capvote-server";

fn main() -> ExitCode {
    command_line::protect_memory();
    let (arguments, settings) = match settings::read() {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    match &arguments.command {
        Some(Command::Offline(command)) => return block_on(offline::run(command)),
        Some(Command::Extra(extra)) => return printed(extra.run::<Arguments>(PROGRAM)),
        None => {}
    }
    if arguments.print_config {
        return printed(io::stdout().write_all(settings.as_bytes()));
    }
    block_on(serve::serve(arguments))
}

fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            if let Err(error) = survive_file_size_limit() {
                let why = format_args!("cannot catch signals: {error}");
                return command_line::end(PROGRAM, why, Exit::Fault);
            }
            work.await
        }),
        Err(error) => command_line::end(PROGRAM, error, Exit::Fault),
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
