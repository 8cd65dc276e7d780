//! A server with a filled ledger, in a separate process.

use std::env;
use std::fs;
use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, ensure};
use capvote::election::{Definition, ElectionId, Nonce, Outcome, Timestamp, Vote, VoterNumber};
use capvote::ledger::sqlite::{SqliteLedger, Store};
use capvote::ledger::{Act, Ledger, Metrics, system_clock};

use super::helper::{Helper, command};
use crate::peers;
use crate::processes;

/// Voter numbers issued in one act.
const ISSUED: u64 = 10_000_000;

/// Votes in one commit while a ledger is filled.
const COMMITTED: usize = 4_096;

/// The voter number with this index, from 0. Like real ones they are spread over all 64 bits. The
/// multiplier is odd, so numbers do not repeat.
pub(super) fn number(index: u64) -> VoterNumber {
    (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).into()
}

/// Fills a ledger in a child process, whose memory is not measured.
pub(super) fn make(folder: &Path, numbers: u64, ballots: u64) -> anyhow::Result<()> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("fill").arg(folder).args([numbers.to_string(), ballots.to_string()]);
    let status = command.status()?;
    ensure!(status.success(), "filling a ledger ended with {status}");
    Ok(())
}

/// Fills a ledger with one open election, on this thread.
pub fn fill(folder: &Path, numbers: u64, ballots: u64) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let mut store = Store::open(folder)?;
    let id: ElectionId = "board".parse()?;
    let candidates = vec![peers::CANDIDATE.to_string(), "Grace".to_string()];
    let definition = Definition::new(id.clone(), String::new(), candidates)?;
    store.act(&[Act::Create(Arc::new(definition))], None)?;
    for first in (0..numbers).step_by(ISSUED as usize) {
        let part = first..(first + ISSUED).min(numbers);
        store.act(&[Act::Issue(id.clone(), part.map(number).collect())], None)?;
    }
    store.act(&[Act::Open(id.clone())], None)?;
    let standing =
        store.snapshot().elections.first().cloned().context("the election is missing")?;
    let choices = [peers::CANDIDATE, "Grace"].map(|name| standing.definition.slate.choice(name));
    let [Some(ada), Some(grace)] = choices else { anyhow::bail!("a candidate is missing") };
    let mut votes = Vec::with_capacity(COMMITTED);
    for index in 0..ballots {
        let mut nonce = [0; Nonce::BYTES];
        getrandom::fill(&mut nonce).map_err(|error| anyhow::anyhow!("no nonce: {error}"))?;
        let choice = if index % 3 == 0 { grace } else { ada };
        let (election, number) = (id.clone(), number(index));
        votes.push(Vote { election, ballot: choice.into(), number, nonce: nonce.into() });
        if votes.len() == COMMITTED || index + 1 == ballots {
            let outcomes = store.vote(&votes, Timestamp(0))?;
            ensure!(outcomes.iter().all(|it| *it == Outcome::Recorded), "a vote was not recorded");
            votes.clear();
        }
    }
    Ok(())
}

/// Serves a ledger at a link with this scheme until killed. Prints `ready LINK`; and for each line
/// on stdin, the seconds that each commit since the last such line took.
pub fn serve(folder: &Path, shards: usize, scheme: &str) -> anyhow::Result<()> {
    let store = Store::open(folder)?;
    let commits = Arc::new(Mutex::new(Vec::new()));
    let observed = commits.clone();
    let metrics = Metrics::observed_by(move |took| {
        observed.lock().unwrap_or_else(PoisonError::into_inner).push(took.as_secs_f64());
    });
    let ledger: Arc<dyn Ledger> =
        Arc::new(SqliteLedger::start_with(store, system_clock(), metrics)?);
    thread::spawn(move || {
        for _ in stdin().lines().map_while(Result::ok) {
            let taken =
                std::mem::take(&mut *commits.lock().unwrap_or_else(PoisonError::into_inner));
            let line = serde_json::to_string(&taken).expect("numbers are valid JSON");
            let _ = writeln!(stdout(), "{line}").and_then(|()| stdout().flush());
        }
    });
    peers::capvote::serve_ledger(&ledger, shards, scheme, |link| peers::ready(link))
}

/// A running server, killed on drop.
pub(super) struct Server {
    pub(super) link: String,
    helper: Helper,
}

impl Server {
    pub(super) fn start(folder: &Path, shards: usize, scheme: &str) -> anyhow::Result<Self> {
        let name = folder.to_str().context("the folder's name is not UTF-8")?;
        let mut command = command(&["serve-ledger", name, &shards.to_string(), scheme])?;
        command.env("SCRATCH", folder);
        let mut helper = Helper::start(command)?;
        let line = helper.line()?;
        let link = line.strip_prefix("ready ").context("the server did not become ready")?;
        Ok(Self { link: link.to_string(), helper })
    }

    /// The seconds that each commit since the last call took.
    pub(super) fn commits(&mut self) -> anyhow::Result<Vec<f64>> {
        Ok(serde_json::from_str(&self.helper.ask("")?)?)
    }

    pub(super) fn memory_mib(&self) -> f64 {
        processes::memory_mib(self.helper.id())
    }

    pub(super) fn processor_seconds(&self) -> f64 {
        processes::processor_seconds(self.helper.id())
    }
}
