//! SIGKILL under load: each vote that was answered `recorded` is counted exactly once.
//!
//! The server is killed while clients vote; in some rounds also while numbers are issued or
//! an election is closed. A *term* is two elections by one roll in a ledger of their own, from
//! their creation to their tally sheets: a restart takes milliseconds, however many rounds there
//! are. The second election of a term is of any method.

mod check;
mod term;
mod voters;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use self::term::Term;
use crate::server;

/// Rounds between two reports.
const REPORTED_ROUNDS: usize = 50;

/// Kill the server repeatedly and look for votes that are lost or counted twice.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How often to kill it.
    #[arg(long, default_value_t = 1_000)]
    rounds: usize,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// The folder for the ledgers, on the disk to test. [default: the one for temporary files]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// Totals over all rounds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Kills while clients voted, and nothing else ran.
    pub voting: usize,
    /// Kills while numbers were issued too, and how many of these issues took effect.
    pub issuing: (usize, usize),
    /// Kills while an election was closed too, and how many of these closes took effect.
    pub closing: (usize, usize),
    /// Votes that were answered `recorded` before a kill.
    pub acknowledged: usize,
    /// Votes in flight at a kill, and how many of these were recorded.
    pub unanswered: usize,
    pub unanswered_recorded: usize,
    /// Votes that were answered `recorded` and are missing.
    pub lost: usize,
    /// Votes that are counted and should not be.
    pub twice: usize,
}

impl Arguments {
    /// Runs the rounds. Returns whether every vote is counted exactly once.
    pub fn run(self) -> anyhow::Result<bool> {
        let program = server::program(self.server)?;
        let temporary = tempfile::tempdir()?;
        let data = match &self.data {
            Some(folder) => folder.canonicalize().context("--data")?,
            None => temporary.path().to_owned(),
        };
        let report = |figures: &Figures| {
            if figures.kills().is_multiple_of(REPORTED_ROUNDS) {
                println!("{figures}");
            }
        };
        let ended = crate::runtime()?.block_on(run(&program, &data, self.rounds, report));
        let held = ended.as_ref().is_ok_and(Figures::hold);
        if !held && self.data.is_none() {
            println!("the ledger is kept in {}", temporary.keep().display());
        }
        println!("in all: {}", ended?);
        Ok(held)
    }
}

impl Figures {
    /// How often the server was killed.
    pub fn kills(&self) -> usize {
        self.voting + self.issuing.0 + self.closing.0
    }

    /// Notes lost votes and votes that should not be counted. Several checks may find the same
    /// votes, so this keeps the maximum, not the sum.
    fn note(&mut self, lost: usize, twice: usize) {
        self.lost = self.lost.max(lost);
        self.twice = self.twice.max(twice);
    }

    /// Whether every vote is counted exactly once.
    pub fn hold(&self) -> bool {
        self.lost == 0 && self.twice == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuing: (issuing, issued), closing: (closing, closed), .. } = self;
        let kills = self.kills();
        write!(f, "{kills} kills ({issuing} while issuing, {issued} of them issued; ")?;
        write!(f, "{closing} while closing, {closed} of them closed), ")?;
        write!(f, "{} votes acknowledged, {} unanswered ", self.acknowledged, self.unanswered)?;
        write!(f, "({} of them recorded), ", self.unanswered_recorded)?;
        write!(f, "lost {}, counted twice {}", self.lost, self.twice)
    }
}

/// Kills the server `rounds` times, with ledgers in the folder `data`, and calls `progress` after
/// each. Stops at the first vote that is lost or counted twice, and keeps that ledger.
///
/// # Errors
/// If the server breaks another promise, or cannot be reached.
pub async fn run(
    program: &Path,
    data: &Path,
    rounds: usize,
    progress: impl Fn(&Figures),
) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    while figures.kills() < rounds && figures.hold() {
        let mut folder = tempfile::Builder::new().prefix("term-").tempdir_in(data)?;
        // Keeps the ledger if the term fails.
        folder.disable_cleanup(true);
        let mut term = Term::begin(program, folder.path()).await?;
        while figures.kills() < rounds && figures.hold() && !term.is_over() {
            term.round(&mut figures).await?;
            progress(&figures);
        }
        term.check(&mut figures).await?;
        folder.disable_cleanup(!figures.hold());
    }
    Ok(figures)
}

fn random(below: u32) -> anyhow::Result<u32> {
    Ok(getrandom::u32()? % below)
}
