//! Puts capvote through crashes, broken disks and hostile clients, for as long as one likes.

use std::process::ExitCode;

use capvote_soak::{histories, hostile, kills};
use clap::{Parser, Subcommand};

/// Puts capvote through crashes, broken disks and hostile clients, for as long as one likes.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Histories(histories::Arguments),
    Kills(kills::Arguments),
    Hostile(hostile::Arguments),
    #[command(hide = true)]
    HostileCrowd(hostile::CrowdArguments),
}

/// Ends with 1 where something does not hold.
fn main() -> anyhow::Result<ExitCode> {
    let held = match Arguments::parse().command {
        Command::Histories(arguments) => arguments.run()?,
        Command::Kills(arguments) => arguments.run()?,
        Command::Hostile(arguments) => arguments.run()?,
        Command::HostileCrowd(arguments) => arguments.run()?,
    };
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
