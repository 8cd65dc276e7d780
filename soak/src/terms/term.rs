//! One election at several servers, from its creation to its tally sheet.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use capvote::client::{ActOutcome, Administration, Ballot, RecordedVote, Results};
use capvote::election::{Definition, ElectionState, Publication, VoterNumber};
use capvote::net::link::Link;
use tokio::time::{sleep, timeout};

use super::voters::Voters;
use super::{Cluster, Figures};
use crate::officer::{administer, officer};
use crate::sheet::Lines;

/// The longest random time of voting before a kill.
const VOTING_MILLIS_MAX: u64 = 400;

/// Votes that have to be recorded after a kill.
const VOTES_AFTER: usize = 200;

/// How long those may take.
const SILENCE_MAX: Duration = Duration::from_secs(180);

/// How long the servers may take to say the same.
const AGREEMENT_WAIT_MAX: Duration = Duration::from_secs(30);

/// An open election.
pub struct Term<'a, C> {
    cluster: &'a mut C,
    id: String,
    unused: Rc<RefCell<Vec<VoterNumber>>>,
    recorded: Vec<(Ballot, RecordedVote)>,
    uncertain: Vec<Ballot>,
}

impl<'a, C: Cluster> Term<'a, C> {
    /// Creates the election of this number at the first server, for so many voters, and opens it at
    /// the last.
    ///
    /// # Errors
    /// If the servers do not do so.
    pub async fn begin(cluster: &'a mut C, term: usize, voters: u32) -> anyhow::Result<Self> {
        let id = format!("term-{term}");
        let candidates = ["Ada", "Grace"].map(String::from).to_vec();
        let definition = Definition::new(id.parse()?, String::new(), candidates)?;
        let live = [Publication::Live, Publication::Sealed][term % 2];
        let links = cluster.officers_links()?;
        let [first, .., last] = &links[..] else { anyhow::bail!("there are no two servers") };
        let created = officer(first).await?.create(&definition.with_publication(live)).await?;
        ensure!(created == ActOutcome::Done, "the creation was answered {created:?}");
        let mut unused = Vec::new();
        let registrar = administer(first, &id).await?.registrar();
        let issued = registrar
            .issue(voters, |numbers| {
                unused.extend_from_slice(numbers);
                Ok(())
            })
            .await?;
        ensure!(issued == ActOutcome::Done, "the issue was answered {issued:?}");
        // Until two servers have the key, an election is not opened.
        let end = Instant::now() + AGREEMENT_WAIT_MAX;
        loop {
            match administer(last, &id).await?.open().await? {
                ActOutcome::Done => break,
                other => ensure!(Instant::now() < end, "the opening was answered {other:?}"),
            }
            sleep(Duration::from_millis(100)).await;
        }
        let unused = Rc::new(RefCell::new(unused));
        let (recorded, uncertain) = (Vec::new(), Vec::new());
        Ok(Self { cluster, id, unused, recorded, uncertain })
    }

    /// What the election is held at.
    pub fn cluster(&mut self) -> &mut C {
        self.cluster
    }

    /// Lets voters vote while `fault` is done to the cluster, and go on. Returns what that
    /// returned.
    ///
    /// # Errors
    /// If the fault cannot be done, or a vote is answered as none can be.
    pub async fn round<T>(
        &mut self,
        kind: impl Debug,
        fault: impl AsyncFnOnce(&mut C) -> anyhow::Result<T>,
        figures: &mut Figures,
    ) -> anyhow::Result<T> {
        let voters = Voters::start(self.cluster, &self.id, &self.unused).await?;
        let silent = || "no vote is recorded any more";
        timeout(SILENCE_MAX, voters.more(1)).await.with_context(silent)?;
        sleep(Duration::from_millis(fastrand::u64(..VOTING_MILLIS_MAX))).await;
        let done = fault(self.cluster).await?;
        timeout(SILENCE_MAX, voters.more(VOTES_AFTER)).await.with_context(silent)?;
        let answers = voters.finish().await?;
        ensure!(!self.unused.borrow().is_empty(), "there are too few numbers for these rounds");
        figures.acknowledged += answers.recorded.len();
        figures.uncertain += answers.uncertain.len();
        figures.twice += answers.twice;
        figures.silences.entry(format!("{kind:?}")).or_default().push(answers.silence);
        self.recorded.extend(answers.recorded);
        self.uncertain.extend(answers.uncertain);
        Ok(done)
    }

    /// Closes the election at one server, and checks the sheet and all servers' results.
    ///
    /// # Errors
    /// If the servers do not agree, or their ledger does not.
    pub async fn close(self, figures: &mut Figures) -> anyhow::Result<()> {
        let mut links = self.cluster.officers_links()?;
        fastrand::shuffle(&mut links);
        let (first, last) = links.first().zip(links.last()).context("there are no servers")?;
        let closed = administer(first, &self.id).await?.close().await?;
        ensure!(closed == ActOutcome::Done, "the close was answered {closed:?}");
        let one = self.results(first).await?;
        for link in &links {
            let other = self.results(link).await?;
            ensure!(one == other, "the servers' results are {one:?} and {other:?}");
        }
        let auditor = administer(last, &self.id).await?.auditor();
        auditor.check_ledger().await?;
        let mut lines = Lines::of(&auditor).await?;
        let count = lines.count();
        ensure!(one.ballots as usize == count, "{} ballots, {count} lines", one.ballots);
        let struck = self.recorded.iter().filter(|(_, vote)| lines.strike(vote)).count();
        figures.lost += self.recorded.len() - struck;
        // What is left is of votes of which it was not known.
        let left = lines.count();
        figures.uncertain_counted += left.min(self.uncertain.len());
        figures.twice += left.saturating_sub(self.uncertain.len());
        Ok(())
    }

    /// The final results, once a server has them.
    async fn results(&self, link: &Link) -> anyhow::Result<Results> {
        let end = Instant::now() + AGREEMENT_WAIT_MAX;
        loop {
            let administration: Administration = administer(link, &self.id).await?;
            let election = administration.election();
            if election.info().await?.state == Some(ElectionState::Closed) {
                return Ok(election.results().await?);
            }
            ensure!(Instant::now() < end, "a server does not know of the close");
            sleep(Duration::from_millis(50)).await;
        }
    }
}
