//! Puts capvote through crashes, broken disks and hostile clients, for as long as one likes.

use capvote_soak::histories;
use clap::{Args, Parser, Subcommand};

/// Puts capvote through crashes, broken disks and hostile clients, for as long as one likes.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Histories(Histories),
}

/// Simulates elections over connections that break, on a disk that fails, with a server that crashes, and holds what
/// was seen against what an election promises.
#[derive(Args)]
struct Histories {
    /// How many, one seed each.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Tell what happens in the first, step by step.
    #[arg(long)]
    story: bool,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Histories(arguments) => arguments.run(),
    }
}

impl Histories {
    fn run(&self) -> anyhow::Result<()> {
        let scratch = histories::scratch();
        if self.story {
            let record = histories::simulate(self.seed, &scratch)?;
            record.story.iter().for_each(|line| println!("{line}"));
            return Ok(());
        }
        let summary = histories::simulate_many(self.seed, self.count, &scratch)?;
        println!(
            "{} histories: {} votes recorded, {} crashes, {} faults of the disk, 0 violations",
            summary.histories, summary.votes, summary.crashes, summary.faults
        );
        Ok(())
    }
}
