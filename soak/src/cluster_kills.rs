//! Kills under load of two servers of one ledger, and of the PostgreSQL nodes below them: each vote
//! that was answered `recorded` is counted exactly once, and both servers say the same.

use std::path::PathBuf;

use crate::server;
use crate::terms::{Figures, Killed, Nodes, Running, Term, programs};

/// Rounds of one election, which is then closed.
const TERM_ROUNDS: usize = 10;

/// Voter numbers of one election.
const NUMBERS: u32 = 60_000;

/// Kill servers, primaries and standbys under load, and look for votes that are lost or counted
/// twice.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How often to kill something.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// The folder with PostgreSQL's programs. [default: where Debian has them]
    #[arg(long, value_name = "FOLDER")]
    postgres: Option<PathBuf>,
}

const KINDS: [Killed; 5] =
    [Killed::Server, Killed::Primary, Killed::Promotion, Killed::Standby, Killed::All];

impl Arguments {
    /// Runs the rounds. Returns whether every vote is counted exactly once.
    pub fn run(self) -> anyhow::Result<bool> {
        let program = server::program(self.server)?;
        let programs = programs(self.postgres)?;
        let mut figures = Figures::default();
        crate::runtime()?.block_on(async {
            let nodes = Nodes::start(&programs).await?;
            let mut running = Running::start(&program, nodes)?;
            for number in 0.. {
                let done = figures.rounds();
                if done == self.rounds || !figures.hold() {
                    break;
                }
                let mut term = Term::begin(&mut running, number, NUMBERS).await?;
                for round in done..self.rounds.min(done + TERM_ROUNDS) {
                    let killed = KINDS[round % KINDS.len()];
                    let kill = async |it: &mut Running| it.kill(killed).await;
                    if let Some(node) = term.round(killed, kill, &mut figures).await? {
                        term.cluster().join(node).await?;
                    }
                }
                term.close(&mut figures).await?;
                println!("{figures}");
            }
            anyhow::Ok(())
        })?;
        Ok(figures.hold())
    }
}
