//! Puts capvote through crashes, broken disks and hostile clients, for as long as one likes.

use clap::{Parser, Subcommand};

/// Puts capvote through crashes, broken disks and hostile clients, for as long as one likes.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {}
}
