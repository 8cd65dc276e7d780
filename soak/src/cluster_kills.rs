//! Kills under load of two servers of one ledger, and of the PostgreSQL nodes below them: each vote
//! that was answered `recorded` is counted exactly once, and both servers say the same.

use crate::terms::{Figures, Killed, Programs, Running, Term};

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
    #[command(flatten)]
    programs: Programs,
}

const KINDS: [Killed; 5] =
    [Killed::Server, Killed::Primary, Killed::Promotion, Killed::Standby, Killed::All];

impl Arguments {
    /// Runs the rounds. Returns whether every vote is counted exactly once.
    pub fn run(self) -> anyhow::Result<bool> {
        let mut figures = Figures::default();
        crate::runtime()?.block_on(async {
            let mut running = self.programs.start().await?;
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
