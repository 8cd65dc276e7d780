//! One election on a ledger of its own, whose server is killed again and again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use capvote::client::{ActOutcome, Administration, Client, Error};
use capvote::election::{ElectionState, VoterNumber};
use capvote::net::link::Link;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::check::Votes;
use super::voters::Crowd;
use super::{Figures, check, random};
use crate::server::{ANY_PORT, Server, numbers};

/// Rounds before the election is closed.
const TERM_ROUNDS: usize = 24;

/// A round is killed after at most this many recorded votes.
const ROUND_VOTES_MAX: u32 = 150;

/// The numbers that an election begins with, and how many are issued at a time.
const NUMBERS: u32 = 1_000;

/// With fewer numbers than this, more are issued.
const NUMBERS_MIN: usize = 400;

/// How long to wait at most after enough votes: not always right behind an answer, but anywhere in the next commits.
const VOTING_MICROS_MAX: u32 = 5_000;

/// The same after an officer has asked for something: about twice what it takes.
const ISSUING_MICROS_MAX: u32 = 10_000;
const CLOSING_MICROS_MAX: u32 = 40_000;

pub(super) struct Term {
    program: PathBuf,
    folder: PathBuf,
    server: Option<Server>,
    rounds: usize,
    /// How often an officer has tried in vain.
    tries: u32,
    closed: bool,
    unused: Vec<VoterNumber>,
    /// How many numbers are on the roll.
    voters: u64,
    pub(super) votes: Votes,
}

/// What an officer does while others vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Nothing,
    Issuing,
    Closing,
}

/// What an officer was told.
enum Done {
    /// Whether the close was done.
    Closed(bool),
    /// Whether the issue was done; the numbers that came, and whether they were said to be all.
    Issued(bool, Vec<VoterNumber>, bool),
    Nothing,
}

impl Term {
    /// Founds an election in an empty folder.
    pub(super) fn begin(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let server = Server::found(program, folder, NUMBERS)?;
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let unused = numbers(&folder)?;
        let (rounds, tries, closed, votes) = (0, 1, false, Votes::default());
        let (server, voters) = (Some(server), NUMBERS.into());
        Ok(Self { program, folder, server, rounds, tries, closed, unused, voters, votes })
    }

    /// Whether the election is closed.
    pub(super) fn is_over(&self) -> bool {
        self.closed
    }

    fn work(&self) -> Work {
        if self.rounds > TERM_ROUNDS {
            Work::Closing
        } else if self.unused.len() < NUMBERS_MIN {
            Work::Issuing
        } else {
            Work::Nothing
        }
    }

    /// Lets many vote, kills the server in the middle, and checks what is there afterwards.
    pub(super) async fn round(&mut self, figures: &mut Figures) -> anyhow::Result<()> {
        self.rounds += 1;
        let work = self.work();
        let server = self.server.take().context("there is no server")?;
        let enough = 1 + random(ROUND_VOTES_MAX)? as usize;
        let crowd =
            Crowd::gather(&server.address()?, std::mem::take(&mut self.unused), enough).await?;
        if work != Work::Issuing {
            crowd.enough().await;
        }
        let link = fs::read_to_string(self.folder.join("officer.link"))?.trim().parse()?;
        let officer = spawn_local(async move { perform(work, &link).await });
        let longest = match work {
            Work::Nothing => VOTING_MICROS_MAX,
            Work::Issuing => ISSUING_MICROS_MAX,
            Work::Closing => CLOSING_MICROS_MAX,
        };
        // On a busy machine everything takes longer.
        sleep(Duration::from_micros(random(longest * self.tries)?.into())).await;
        server.kill()?;
        let (known, done) = (crowd.leave().await?, officer.await??);
        self.server = Some(Server::start(&self.program, ANY_PORT, &self.folder, &[])?);
        figures.told += known.told.len();
        figures.unanswered += known.unanswered.len();
        self.unused = known.unused;
        self.look_after(done, !known.late.is_empty(), figures).await?;
        let before = self.votes.recorded.len();
        self.votes.late.extend(known.late);
        self.votes.recorded.extend(known.told);
        let election = self.reach().await?.election();
        check::round(&election, self.closed, &mut self.votes, before, known.unanswered, figures)
            .await
    }

    /// Looks what is there of what an officer did.
    async fn look_after(
        &mut self,
        done: Done,
        told_closed: bool,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        self.tries += 1;
        let info = self.reach().await?.election().info().await?;
        self.closed = info.state == Some(ElectionState::Closed);
        let mut voters = self.voters;
        match done {
            Done::Nothing => {
                self.tries = 1;
                figures.voting += 1;
            }
            Done::Closed(told) => {
                ensure!(self.closed || !(told || told_closed), "told closed, and it is not");
                figures.closing.0 += 1;
                figures.closing.1 += usize::from(self.closed);
            }
            Done::Issued(told, numbers, all) => {
                figures.issuing.0 += 1;
                if told || info.voters != self.voters {
                    // They are on the roll only once they are safely kept.
                    ensure!(
                        all && numbers.len() == NUMBERS as usize,
                        "numbers are on the roll that nobody has"
                    );
                    figures.issuing.1 += 1;
                    voters += u64::from(NUMBERS);
                    self.unused.extend(numbers);
                }
            }
        }
        self.voters = voters;
        ensure!(info.voters == voters, "{} are on the roll, not {voters}", info.voters);
        Ok(())
    }

    /// The administration of the election, over a new connection.
    async fn reach(&self) -> anyhow::Result<Administration> {
        reach(&fs::read_to_string(self.folder.join("officer.link"))?.trim().parse()?).await
    }

    /// Checks every vote of the term once more, and where the election is closed, its tally sheet.
    pub(super) async fn check(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let administration = self.reach().await?;
        let election = administration.election();
        check::all(&election, self.closed, &self.votes, figures).await?;
        administration.auditor().check_ledger().await?;
        if self.closed {
            check::sheet(&administration.auditor(), &self.votes, figures).await?;
        }
        Ok(())
    }
}

async fn reach(link: &Link) -> anyhow::Result<Administration> {
    let client = Client::connect(link).await?;
    let token = link.token.as_deref().context("the officer's link has no token")?;
    Ok(client.restore(token).returning_officer().administer("board"))
}

async fn perform(work: Work, link: &Link) -> anyhow::Result<Done> {
    if work == Work::Nothing {
        return Ok(Done::Nothing);
    }
    let administration = match reach(link).await {
        // The kill came first.
        Err(error) if error.downcast_ref::<Error>().is_some() => None,
        reached => Some(reached?),
    };
    let (mut numbers, mut all) = (Vec::new(), false);
    let keep = |some: &[VoterNumber]| {
        numbers.extend_from_slice(some);
        all |= some.is_empty();
        Ok(())
    };
    let outcome = match (&administration, work) {
        (None, _) => Err(Error::Disconnected),
        (Some(administration), Work::Closing) => administration.close().await,
        (Some(administration), _) => administration.registrar().issue(NUMBERS, keep).await,
    };
    let told = match outcome {
        Ok(ActOutcome::Done) => true,
        Err(Error::Disconnected) => false,
        other => bail!("{work:?} came to {other:?}"),
    };
    Ok(if work == Work::Closing { Done::Closed(told) } else { Done::Issued(told, numbers, all) })
}
