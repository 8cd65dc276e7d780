//! Kills under load of two servers of one ledger, and of the PostgreSQL nodes below them: each vote
//! that was answered `recorded` is counted exactly once, and both servers say the same.

mod nodes;
mod term;
mod voters;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use self::nodes::Nodes;
use self::term::Term;
use crate::server;

/// Rounds of one election, which is then closed.
const TERM_ROUNDS: usize = 10;

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

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// A server, which is started again.
    Server,
    /// The primary, which is started again.
    Primary,
    /// The primary, and a standby is promoted.
    Promotion,
    /// A standby, which is started again.
    Standby,
    /// Both servers and all nodes, which are started again.
    All,
}

const KINDS: [Killed; 5] =
    [Killed::Server, Killed::Primary, Killed::Promotion, Killed::Standby, Killed::All];

/// Totals over all rounds.
#[derive(Debug, Clone, Default)]
struct Figures {
    rounds: usize,
    acknowledged: usize,
    uncertain: usize,
    uncertain_counted: usize,
    lost: usize,
    twice: usize,
    /// For each kind, the longest times without an answer.
    silences: [Vec<Duration>; KINDS.len()],
}

impl Arguments {
    /// Runs the rounds. Returns whether every vote is counted exactly once.
    pub fn run(self) -> anyhow::Result<bool> {
        let program = server::program(self.server)?;
        let programs = nodes::programs(self.postgres)?;
        let mut figures = Figures::default();
        crate::runtime()?.block_on(async {
            let mut nodes = Nodes::start(&programs).await?;
            let mut servers = term::Running::start(&program, &nodes).await?;
            while figures.rounds < self.rounds && figures.hold() {
                let mut term = Term::begin(&mut servers, &mut nodes).await?;
                for _ in 0..TERM_ROUNDS.min(self.rounds - figures.rounds) {
                    term.round(KINDS[figures.rounds % KINDS.len()], &mut figures).await?;
                    figures.rounds += 1;
                }
                term.close(&mut figures).await?;
                println!("{figures}");
            }
            anyhow::Ok(())
        })?;
        Ok(figures.hold())
    }
}

impl Figures {
    fn hold(&self) -> bool {
        self.lost == 0 && self.twice == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kills, {} votes acknowledged, ", self.rounds, self.acknowledged)?;
        write!(f, "{} uncertain ({} counted), ", self.uncertain, self.uncertain_counted)?;
        write!(f, "lost {}, counted twice {}; longest silence", self.lost, self.twice)?;
        for (kind, silences) in KINDS.iter().zip(&self.silences) {
            let mut silences = silences.clone();
            silences.sort_unstable();
            if let (Some(longest), Some(median)) =
                (silences.last(), silences.get(silences.len() / 2))
            {
                write!(f, ", {kind:?} {longest:.2?} (median {median:.2?})")?;
            }
        }
        Ok(())
    }
}
