//! Deterministic simulation of two servers on one database: voters, officers, and a PostgreSQL with
//! a synchronous standby, in simulated time.
//!
//! The ledger on PostgreSQL and its client are the real ones. Everything else (the database, the
//! network, what fails, what voters and officers do, and when) follows from the seed: the same seed
//! gives the same history. [`history`] checks each history against the promises of its elections.

mod asks;
mod faults;
mod finish;
pub mod history;
mod holders;
mod nodes;
mod officer;
mod rows;
mod servers;
mod session;
mod statements;
mod store;
mod values;
mod voters;
mod votes;
mod wire;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use capvote::election::Publication;
use capvote::ledger::{Act, ActRefusal, Ledger, LedgerError};
use fastrand::Rng;
use futures::future::join_all;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

pub use self::history::History;
use self::nodes::{Nodes, SERVERS, replicate};
use self::officer::{create, id, later, numbers};
use self::servers::Server;
use self::voters::World;
use crate::histories::scratch;
use crate::many::many;

/// Simulate elections at two servers on one database, which fails and is failed over, and check the
/// promises of an election.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How many histories, one seed each.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the events of the first history.
    #[arg(long)]
    story: bool,
    #[command(flatten)]
    rules: Rules,
}

/// Which faults there are, beyond the usual ones.
#[derive(clap::Args, Debug, Clone, Copy, Default)]
pub struct Rules {
    /// Failovers lose acknowledged votes, too, and servers live.
    #[arg(long)]
    pub lag: bool,
    /// An old primary goes on for a while after a failover.
    #[arg(long)]
    pub old_primary: bool,
}

impl Arguments {
    /// Runs the simulations and returns whether every check held.
    ///
    /// # Errors
    /// As [`simulate`] and [`simulate_many`].
    pub fn run(&self) -> anyhow::Result<bool> {
        if self.story {
            let history = simulate(self.seed, self.rules, &scratch())?;
            history.story.iter().for_each(|line| println!("{line}"));
            return Ok(history.violations.is_empty());
        }
        let summary = simulate_many(self.seed, self.count, self.rules, &scratch())?;
        let faults = summary.faults.iter().map(|(kind, count)| format!("{kind} {count}"));
        println!(
            "{} histories: {} votes recorded, 0 violations. Faults: {}",
            summary.histories,
            summary.votes,
            faults.collect::<Vec<_>>().join(", ")
        );
        Ok(true)
    }
}

/// Numbers on the roll from the start: 1 to this. As many are issued later.
const NUMBERS: u64 = 24;

/// The first number that is issued later.
const LATER: u64 = 101;

const CANDIDATES: usize = 3;

/// Voters who act at the same time.
const VOTERS: usize = 8;

/// How long everybody acts, in simulated time.
const DURATION: Duration = Duration::from_secs(40);

/// How long a history may take, in simulated time.
const HISTORY_MAX: Duration = Duration::from_secs(20_000);

/// How long two servers take to hold the keys of the first elections at most.
const HELD_WAIT_MAX: Duration = Duration::from_secs(30);

/// The pause before they are asked to be opened again.
const HELD_PAUSE: Duration = Duration::from_millis(100);

/// Simulates one history, with its files in a temporary folder in `scratch`.
///
/// # Errors
/// If the simulation itself fails. Violations are in the [`History`].
pub fn simulate(seed: u64, rules: Rules, scratch: &Path) -> anyhow::Result<History> {
    let folder = tempfile::tempdir_in(scratch).context("no folder for a history")?;
    // Not a local runtime: on one, the tasks of a server would not be in its set.
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build()?;
    LocalSet::new().block_on(&runtime, async {
        let history = Rc::new(RefCell::new(History::new()));
        let mut rng = Rng::with_seed(seed);
        let nodes = Rc::new(RefCell::new(Nodes::new(rng.fork())));
        let run = run(folder.path(), rules, rng, history.clone(), nodes.clone());
        let drifted = nodes.borrow().drifted.clone();
        let ended = tokio::select! {
            biased;
            () = drifted.notified() => Ok(Ok(())),
            ended = tokio::time::timeout(HISTORY_MAX, run) => ended,
        };
        if let Some(text) = &nodes.borrow().unknown {
            bail!("the simulated database does not know this statement: {text}");
        }
        let mut history = history.replace(History::new());
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => history.violated(format!("{error:#}")),
            Err(_) => history.violated("the history does not end"),
        }
        Ok(history)
    })
}

async fn run(
    folder: &Path,
    rules: Rules,
    mut rng: Rng,
    history: history::Shared,
    nodes: nodes::Shared,
) -> anyhow::Result<()> {
    spawn_local(replicate(nodes.clone(), rng.fork()));
    let mut servers = Vec::new();
    for index in 0..SERVERS {
        let folder = folder.join(index.to_string());
        let server = Server::new(index, nodes.clone(), history.clone(), folder, rng.fork());
        server.start().await;
        servers.push(server);
    }
    let world = World { servers, history: history.clone() };
    world.begin(&mut rng).await?;
    let mut tasks = vec![
        spawn_local(faults::of_database(nodes.clone(), history.clone(), rules, rng.fork())),
        spawn_local(faults::of_network(nodes.clone(), history.clone(), rng.fork())),
        spawn_local(world.clone().watch(rng.fork())),
        spawn_local(world.clone().run_elections(rng.fork())),
    ];
    // Who dies with the database cannot offer again what it has acknowledged.
    for server in world.servers.iter().filter(|_| !rules.lag) {
        let it = faults::of_server(server.clone(), history.clone(), rng.fork());
        tasks.push(spawn_local(it));
    }
    let [issued, linked] = later();
    tasks.push(spawn_local(world.clone().issue(rng.fork(), issued)));
    tasks.push(spawn_local(world.clone().give_links(rng.fork(), linked)));
    tasks.extend((0..VOTERS).map(|_| spawn_local(world.clone().vote(rng.fork()))));
    for ended in join_all(tasks).await {
        ended.context("a task of the simulation")?;
    }
    history.borrow_mut().note("no more faults");
    faults::heal(&nodes);
    world.finish(&mut rng).await
}

impl World {
    /// Creates the first two elections, and opens them.
    async fn begin(&self, rng: &mut Rng) -> anyhow::Result<()> {
        let second = if rng.bool() { Publication::Live } else { Publication::Sealed };
        let acts = vec![
            create(0, Publication::Live),
            Act::Issue(id(0), numbers(1..NUMBERS + 1 + SERVERS as u64)),
            create(1, second),
        ];
        let ledger = self.servers[0].ledger().context("it runs")?;
        ledger.act(acts, None).await?;
        let mut opening = vec![Act::Open(id(0))];
        let opens = rng.bool();
        if opens {
            opening.push(Act::Open(id(1)));
        }
        self.open_once_held(opening).await?;
        let mut history = self.history.borrow_mut();
        let now = history.note("the first elections");
        for number in 1..NUMBERS + 1 + SERVERS as u64 {
            let wanted = history::Wanted { begun: Some(now), done: Some(now) };
            history.issued.insert(number, wanted);
        }
        for election in 0..=usize::from(opens) {
            history.opened[election] = history::Wanted { begun: Some(now), done: Some(now) };
        }
        Ok(())
    }

    /// Opens elections as soon as two servers hold their keys.
    async fn open_once_held(&self, acts: Vec<Act>) -> anyhow::Result<()> {
        let ledger = self.servers[0].ledger().context("it runs")?;
        let begun = Instant::now();
        loop {
            match ledger.act(acts.clone(), None).await {
                Err(LedgerError::Refused(ActRefusal::OneHolder(_)))
                    if begun.elapsed() < HELD_WAIT_MAX => {}
                opened => return Ok(opened?),
            }
            sleep(HELD_PAUSE).await;
        }
    }
}

/// Totals over many histories.
#[derive(Debug, Default)]
pub struct Summary {
    /// The number of histories.
    pub histories: u64,
    /// Votes that were answered `recorded`.
    pub votes: usize,
    /// Faults of each kind.
    pub faults: BTreeMap<&'static str, usize>,
}

/// Simulates `count` histories with the seeds from `first`, on one thread per processor.
///
/// # Errors
/// The first violation, with its seed; or a simulation that failed.
pub fn simulate_many(
    first: u64,
    count: u64,
    rules: Rules,
    scratch: &Path,
) -> anyhow::Result<Summary> {
    let add = |summary: &mut Summary, history: &History| {
        summary.votes += history.recorded();
        for (kind, count) in &history.faults {
            *summary.faults.entry(kind).or_default() += count;
        }
    };
    let one = |seed| simulate(seed, rules, scratch);
    let (histories, summary) = many(first, count, one, |it| &it.violations, add)?;
    Ok(Summary { histories, ..summary })
}
