//! One election in a ledger of its own, whose server is killed in each round.

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
use super::voters::Voters;
use super::{Figures, check, random};
use crate::server::{ANY_PORT, Server, numbers};

/// Rounds before the election is closed.
const TERM_ROUNDS: usize = 24;

/// The wait before a kill begins after at most this many recorded votes.
const ROUND_VOTES_MAX: u32 = 150;

/// Voter numbers at the start of a term, and in each further issue.
const NUMBERS: u32 = 1_000;

/// More numbers are issued when fewer than this are unused.
const NUMBERS_MIN: usize = 400;

/// The longest random wait before the kill. It puts the kill anywhere in the next commits, not just
/// after an answer.
const VOTING_MICROS_MAX: u32 = 5_000;

/// The same while an officer acts: about twice as long as the act takes.
const ISSUING_MICROS_MAX: u32 = 10_000;
const CLOSING_MICROS_MAX: u32 = 40_000;

pub(super) struct Term {
    program: PathBuf,
    folder: PathBuf,
    server: Option<Server>,
    rounds: usize,
    /// Attempts at the current act. More of them wait longer before the kill.
    tries: u32,
    closed: bool,
    unused: Vec<VoterNumber>,
    /// The number of voter numbers on the roll.
    voters: u64,
    pub(super) votes: Votes,
}

/// What an officer does while clients vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Nothing,
    Issuing,
    Closing,
}

/// The answer to an officer's act.
enum Done {
    /// Whether the close was answered.
    Closed(bool),
    /// Whether the issue was answered; the numbers that arrived, and whether the end was signalled.
    Issued(bool, Vec<VoterNumber>, bool),
    Nothing,
}

impl Term {
    /// Starts a server in an empty folder, with an open election.
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

    /// Kills the server while clients vote, restarts it and checks the votes.
    pub(super) async fn round(&mut self, figures: &mut Figures) -> anyhow::Result<()> {
        self.rounds += 1;
        let work = self.work();
        let server = self.server.take().context("there is no server")?;
        let enough = 1 + random(ROUND_VOTES_MAX)? as usize;
        let voters =
            Voters::start(&server.address()?, std::mem::take(&mut self.unused), enough).await?;
        if work != Work::Issuing {
            voters.enough().await;
        }
        let link = fs::read_to_string(self.folder.join("officer.link"))?.trim().parse()?;
        let officer = spawn_local(async move { perform(work, &link).await });
        let longest = match work {
            Work::Nothing => VOTING_MICROS_MAX,
            Work::Issuing => ISSUING_MICROS_MAX,
            Work::Closing => CLOSING_MICROS_MAX,
        };
        // On a busy machine acts take longer; each further try waits longer.
        sleep(Duration::from_micros(random(longest * self.tries)?.into())).await;
        server.kill()?;
        let (answers, done) = (voters.finish().await?, officer.await??);
        self.server = Some(Server::start(&self.program, ANY_PORT, &self.folder, &[])?);
        figures.acknowledged += answers.recorded.len();
        figures.unanswered += answers.unanswered.len();
        self.unused = answers.unused;
        self.check_act(done, !answers.late.is_empty(), figures).await?;
        let before = self.votes.recorded.len();
        self.votes.late.extend(answers.late);
        self.votes.recorded.extend(answers.recorded);
        let election = self.connect().await?.election();
        check::round(&election, self.closed, &mut self.votes, before, answers.unanswered, figures)
            .await
    }

    /// Checks the officer's act after the restart. `vote_was_late`: a voter was answered `closed`.
    async fn check_act(
        &mut self,
        done: Done,
        vote_was_late: bool,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        self.tries += 1;
        let info = self.connect().await?.election().info().await?;
        self.closed = info.state == Some(ElectionState::Closed);
        let mut voters = self.voters;
        match done {
            Done::Nothing => {
                self.tries = 1;
                figures.voting += 1;
            }
            Done::Closed(answered) => {
                ensure!(self.closed || !(answered || vote_was_late), "the close is lost");
                figures.closing.0 += 1;
                figures.closing.1 += usize::from(self.closed);
            }
            Done::Issued(answered, numbers, all) => {
                figures.issuing.0 += 1;
                if answered || info.voters != self.voters {
                    // Numbers go on the roll only after the registrar's client has all of them.
                    ensure!(
                        all && numbers.len() == NUMBERS as usize,
                        "numbers are on the roll that no client received"
                    );
                    figures.issuing.1 += 1;
                    voters += u64::from(NUMBERS);
                    self.unused.extend(numbers);
                }
            }
        }
        self.voters = voters;
        ensure!(info.voters == voters, "{} numbers are on the roll, not {voters}", info.voters);
        Ok(())
    }

    /// The administration of the election, over a new connection.
    async fn connect(&self) -> anyhow::Result<Administration> {
        administer(&fs::read_to_string(self.folder.join("officer.link"))?.trim().parse()?).await
    }

    /// Checks every vote of the term and, if the election is closed, its tally sheet.
    pub(super) async fn check(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let administration = self.connect().await?;
        let election = administration.election();
        check::all(&election, self.closed, &self.votes, figures).await?;
        administration.auditor().check_ledger().await?;
        if self.closed {
            check::sheet(&administration.auditor(), &self.votes, figures).await?;
        }
        Ok(())
    }
}

async fn administer(link: &Link) -> anyhow::Result<Administration> {
    let client = Client::connect(link).await?;
    let token = link.token.as_deref().context("the officer's link has no token")?;
    Ok(client.restore(token).returning_officer().administer("board"))
}

async fn perform(work: Work, link: &Link) -> anyhow::Result<Done> {
    if work == Work::Nothing {
        return Ok(Done::Nothing);
    }
    let administration = match administer(link).await {
        // The server was killed first.
        Err(error) if error.downcast_ref::<Error>().is_some() => None,
        connected => Some(connected?),
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
    let answered = match outcome {
        Ok(ActOutcome::Done) => true,
        Err(Error::Disconnected) => false,
        other => bail!("{work:?} was answered {other:?}"),
    };
    Ok(if work == Work::Closing {
        Done::Closed(answered)
    } else {
        Done::Issued(answered, numbers, all)
    })
}
