//! SIGKILL under load: every vote whose client was told `recorded` is there exactly once.
//!
//! The server is killed while many vote; every now and then also while numbers are issued, and while the election is
//! closed. A *term* is one election on a ledger of its own, from its founding to its tally sheet: so a start takes
//! milliseconds, however many rounds there are.

mod check;
mod term;
mod voters;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use self::term::Term;
use crate::server;

/// How many rounds lie between two reports.
const REPORTED_ROUNDS: usize = 50;

/// Kill the server again and again, and look for votes that are lost or counted twice.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How often to kill it.
    #[arg(long, default_value_t = 1_000)]
    rounds: usize,
    /// The server program. [default: capvote-server beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// The folder for the ledgers, on the disk that they are to be tried on. [default: one for temporary files]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// What came of all rounds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Kills while many voted and nothing else was done.
    pub voting: usize,
    /// Kills while numbers were issued, too, and how many of these were on the roll afterwards.
    pub issuing: (usize, usize),
    /// Kills while the election was closed, too, and how many of these found it closed afterwards.
    pub closing: (usize, usize),
    /// Votes that were told `recorded` before a kill.
    pub told: usize,
    /// Votes without an answer at a kill, and how many of these were recorded all the same.
    pub unanswered: usize,
    pub recorded: usize,
    /// Votes that were told `recorded` and are not there.
    pub lost: usize,
    /// Votes that are counted and should not be.
    pub twice: usize,
}

impl Arguments {
    /// Does it. Returns whether all votes are there once.
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

    /// Takes note of votes that are lost, and of those that are counted and should not be. The same votes may be found
    /// in several ways.
    fn find(&mut self, lost: usize, twice: usize) {
        self.lost = self.lost.max(lost);
        self.twice = self.twice.max(twice);
    }

    /// Whether every vote is there once.
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
        write!(f, "{} votes acknowledged, {} unanswered ", self.told, self.unanswered)?;
        write!(f, "({} of them recorded), ", self.recorded)?;
        write!(f, "lost {}, counted twice {}", self.lost, self.twice)
    }
}

/// Kills the server `rounds` times, with ledgers in the folder `data`, and tells `progress` after each. It ends early
/// where votes are lost or counted twice; that ledger is kept.
///
/// # Errors
/// Where the server does something else that it must not, or nothing at all.
pub async fn run(
    program: &Path,
    data: &Path,
    rounds: usize,
    progress: impl Fn(&Figures),
) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    while figures.kills() < rounds && figures.hold() {
        let mut folder = tempfile::Builder::new().prefix("term-").tempdir_in(data)?;
        // What is found out in a term that does not end well can be looked into.
        folder.disable_cleanup(true);
        let mut term = Term::begin(program, folder.path())?;
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
