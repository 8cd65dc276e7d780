//! The client program: parses its command line, carries out the command, and prints the result.

mod arguments;
mod commands;
mod count;
mod count_lines;
mod failure;
mod number;
mod officer;
mod page;
mod people;
mod prompt;
mod reader;
mod receipt;
mod recount;
mod roll;
mod rounds;
mod rules;
mod said;
mod secret;
mod sheet;
mod show;
mod suggest;
mod table;
mod target;
mod text;
mod time;
mod vote;
mod watch;

use std::process::ExitCode;

use capvote::command_line::{self, Exit};
use mimalloc::MiMalloc;
use tokio::runtime::{Builder, LocalOptions};
use zeroizing_alloc::ZeroAlloc;

/// Chosen by measurement: see docs/benchmarks.md. It overwrites what is freed, such as links and
/// voter numbers.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

const PROGRAM: &str = "capvote-client";

fn main() -> ExitCode {
    command_line::protect_memory();
    let arguments: arguments::Arguments = match command_line::parse(PROGRAM) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let json = arguments.json;
    let runtime =
        match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => return command_line::end(PROGRAM, error, Exit::Fault),
        };
    match runtime.block_on(commands::run(arguments)) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.end(PROGRAM, json),
    }
}
