//! The end of a history: without faults, every answer is checked at both servers.

use std::time::Duration;

use anyhow::{Context as _, bail};
use capvote::election::{ElectionState, Outcome, Refusal};
use capvote::ledger::{Answer, Ledger, Report, SheetCursor};
use fastrand::Rng;
use tokio::time::{sleep, timeout};

use super::NUMBERS;
use super::history::{Cast, IDS};
use super::officer::id;
use super::voters::World;

/// How long a call may take without faults, and how often it may fail.
const WAIT_MAX: Duration = Duration::from_secs(120);
const TRIES_MAX: usize = 5;

/// How often it is looked whether the keys of a closed election are destroyed.
const SCRUB_TRIES_MAX: usize = 30;

type Line = ([u8; 16], usize);

impl World {
    /// Retries, closes, and compares.
    pub(super) async fn finish(&self, rng: &mut Rng) -> anyhow::Result<()> {
        for server in &self.servers {
            let (index, ledger) = (server.index, server.ledger().context("it runs")?);
            let fresh = self.ask("a look", index, || ledger.fresh()).await?;
            self.history.borrow_mut().look(index, &fresh);
        }
        self.vote_again(rng).await?;
        for election in 0..IDS.len() {
            let ledger = self.servers[0].ledger().context("it runs")?;
            let fresh = self.ask("a look", 0, || ledger.fresh()).await?;
            let state = fresh.elections.get(election).map(|it| it.state);
            if state == Some(ElectionState::Draft) {
                self.open(rng, election).await;
            }
            if matches!(state, Some(ElectionState::Draft | ElectionState::Open)) {
                self.close(rng, election).await;
            }
            self.compare(election).await?;
        }
        Ok(())
    }

    /// Casts recorded ballots again, and ballots under fresh numbers, at either server.
    async fn vote_again(&self, rng: &mut Rng) -> anyhow::Result<()> {
        let all: Vec<_> = self.history.borrow().votes.iter().map(|it| it.is_recorded).collect();
        for (vote, _) in all.into_iter().enumerate().filter(|(_, is_recorded)| *is_recorded) {
            let server = rng.usize(0..self.servers.len());
            let outcome = self.decided(vote, server).await?;
            let mut history = self.history.borrow_mut();
            // Its number was used again before it was offered again. The sheet shows whether.
            let second = [Refusal::AlreadyVoted, Refusal::Closed].map(Outcome::Refused);
            let is_again = history.has_lost && second.contains(&outcome);
            history.check(outcome == Outcome::Recorded || is_again, || {
                format!("vote {vote} was recorded, and is {outcome:?} when it is sent again")
            });
        }
        for (server, number) in (0..self.servers.len()).zip(NUMBERS + 1..) {
            let cast = Cast { election: 0, number, choice: 0, nonce: [number as u8; 16] };
            let vote = self.history.borrow_mut().cast(cast);
            let outcome = self.decided(vote, server).await?;
            let closed = Outcome::Refused(Refusal::Closed);
            self.history
                .borrow_mut()
                .check(outcome == Outcome::Recorded || outcome == closed, || {
                    format!("a first vote is {outcome:?}")
                });
        }
        Ok(())
    }

    /// Sends a ballot until its outcome is known.
    async fn decided(&self, vote: usize, server: usize) -> anyhow::Result<Outcome> {
        let cast = super::voters::ballot(&self.history.borrow().votes[vote].cast);
        let ledger = self.servers[server].ledger().context("it runs")?;
        let asked = self.history.borrow_mut().sent(vote, server);
        let answers = self.ask("a vote", server, || ledger.vote(vec![cast.clone()])).await?;
        let answer = answers.into_iter().next().context("an answer")?;
        self.history.borrow_mut().answered(vote, (server, true), asked, &answer);
        answer.with_context(|| format!("vote {vote}, without faults"))
    }

    /// Asks a server until it answers.
    async fn ask<T>(
        &self,
        what: &str,
        server: usize,
        call: impl Fn() -> Answer<T>,
    ) -> anyhow::Result<T> {
        let mut last = None;
        for _ in 0..TRIES_MAX {
            match timeout(WAIT_MAX, call()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => last = Some(error),
                Err(_) => bail!("{what} is not answered by {server}, without faults"),
            }
            sleep(Duration::from_secs(1)).await;
        }
        bail!("{what} fails at {server}, without faults: {last:?}");
    }

    /// Compares what both servers have of an election.
    async fn compare(&self, election: usize) -> anyhow::Result<()> {
        let mut all = Vec::new();
        for server in &self.servers {
            let (index, ledger) = (server.index, server.ledger().context("it runs")?);
            let fresh = self.ask("a look", index, || ledger.fresh()).await?;
            let Some(standing) = fresh.elections.get(election).cloned() else { continue };
            let sheet = self.sheet(index, election).await?;
            let report = self.check(index, election).await?;
            if standing.state == ElectionState::Closed {
                let lines = sheet.len() as u64;
                let ballots = (standing.ballots, report.ballots, report.numbers_used);
                let mut history = self.history.borrow_mut();
                history.check(ballots == (lines, lines, lines), || {
                    format!("{} has {ballots:?} ballots, and {lines} lines", IDS[election])
                });
                history.check(!report.unscrubbed, || "a key is not destroyed".into());
            }
            all.push((standing, sheet, report));
        }
        let same = all.windows(2).all(|pair| pair[0] == pair[1]);
        let mut history = self.history.borrow_mut();
        history.was_away = self.servers.iter().any(|server| server.was_any_away());
        history.check(same, || format!("the servers differ in {}: {all:?}", IDS[election]));
        if let Some((standing, sheet, _)) = all.first() {
            match standing.state {
                ElectionState::Closed => history.check_sheet(election, sheet),
                state => history.violated(format!("{} is {state:?}", IDS[election])),
            }
        }
        Ok(())
    }

    /// What a server reads back of an election. Keys of a closed one are destroyed a look later.
    async fn check(&self, server: usize, election: usize) -> anyhow::Result<Report> {
        let ledger = self.servers[server].ledger().context("it runs")?;
        let mut tries = 0;
        loop {
            let check = || ledger.check(id(election));
            let report = self.ask("a check", server, check).await?;
            tries += 1;
            if !report.unscrubbed || tries == SCRUB_TRIES_MAX {
                return Ok(report);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// The tally sheet of an election: the nonces, and what was chosen.
    async fn sheet(&self, server: usize, election: usize) -> anyhow::Result<Vec<Line>> {
        let ledger = self.servers[server].ledger().context("it runs")?;
        let (mut sheet, mut cursor) = (Vec::new(), SheetCursor::default());
        loop {
            let read = || ledger.sheet(id(election), cursor, 100);
            let (lines, next) = self.ask("a sheet", server, read).await?;
            if lines.is_empty() {
                return Ok(sheet);
            }
            for (ballot, nonce) in lines {
                let choice = ballot.choice().context("a choice")?;
                sheet.push((*nonce.as_bytes(), choice.index()));
            }
            cursor = next;
        }
    }
}
