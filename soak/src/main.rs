//! Puts capvote through crashes, broken disks and hostile clients, for as long as one likes.

use anyhow::ensure;
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
    /// Tell what happened, step by step.
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
        let (mut votes, mut restarts, mut faults) = (0, 0, 0);
        for (index, seed) in (self.seed..self.seed + self.count).enumerate() {
            let record = histories::simulate(seed, &scratch)?;
            if self.story {
                record.story.iter().for_each(|line| println!("{line}"));
            }
            ensure!(
                record.violations.is_empty(),
                "after {} histories, with --seed {seed}: {}",
                index + 1,
                record.violations.join("; ")
            );
            votes += record.votes();
            restarts += record.restarts;
            faults += record.faults;
            if (index + 1) % 1_000 == 0 {
                eprintln!("{} histories", index + 1);
            }
        }
        let count = self.count;
        println!(
            "{count} histories: {votes} votes recorded, {restarts} crashes, {faults} faults of the disk, 0 violations"
        );
        Ok(())
    }
}
