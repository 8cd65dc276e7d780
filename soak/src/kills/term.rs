//! Two elections by one roll in a ledger of their own, whose server is killed in each round.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use capvote::client::{ActOutcome, Administration, Error};
use capvote::election::{Definition, ElectionState, Publication, VoterNumber};
use capvote::net::link::Link;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::check::Votes;
use super::voters::{Answers, Voters};
use super::{Figures, check, random};
use crate::methods;
use crate::officer::{administer, officer, officers_link};
use crate::server::{ANY_PORT, Server, numbers};

/// The elections: the second shares the roll of the first.
const BOARD: &str = "board";
const SECOND: &str = "second";

/// Rounds before an election is closed.
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
    unused: Vec<VoterNumber>,
    /// The number of voter numbers on the roll.
    voters: u64,
    elections: Vec<Votes>,
    /// The index of the election that is closed first.
    first: usize,
}

/// What an officer does while clients vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Nothing,
    Issuing,
    /// The election with this index.
    Closing(usize),
}

/// The answer to an officer's act.
enum Done {
    /// The election's index, and whether the close was answered.
    Closed(usize, bool),
    /// Whether the issue was answered; the numbers that arrived, and whether the end was signalled.
    Issued(bool, Vec<VoterNumber>, bool),
    Nothing,
}

impl Term {
    /// Starts a server in an empty folder, with two open elections.
    pub(super) async fn begin(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let server = Server::found(program, folder, NUMBERS)?;
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let unused = numbers(&folder)?;
        let candidates = ["Ada", "Grace"].map(String::from).to_vec();
        let board = Definition::new(BOARD.parse()?, String::new(), candidates)?;
        let board = board.with_publication(Publication::Live);
        let mut rng = fastrand::Rng::new();
        let second = methods::election(SECOND.parse()?, BOARD.parse()?, &mut rng)?;
        let link = officers_link(&folder)?;
        let created = officer(&link).await?.create(&second).await?;
        ensure!(created == ActOutcome::Done, "the creation was answered {created:?}");
        let opened = administer(&link, SECOND).await?.open().await?;
        ensure!(opened == ActOutcome::Done, "the opening was answered {opened:?}");
        let (rounds, tries, first) = (0, 1, random(2)? as usize);
        let elections = [board, second].map(|definition| {
            let (definition, recorded, late) = (Arc::new(definition), Vec::new(), Vec::new());
            Votes { definition, closed: false, recorded, late }
        });
        let (server, voters, elections) = (Some(server), NUMBERS.into(), elections.to_vec());
        Ok(Self { program, folder, server, rounds, tries, unused, voters, elections, first })
    }

    /// Whether the elections are closed.
    pub(super) fn is_over(&self) -> bool {
        self.elections.iter().all(|it| it.closed)
    }

    fn work(&self) -> Work {
        if self.rounds > TERM_ROUNDS {
            let first = self.first;
            Work::Closing(if self.elections[first].closed { 1 - first } else { first })
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
        let mut server = self.server.take().context("there is no server")?;
        let enough = 1 + random(ROUND_VOTES_MAX)? as usize;
        let paper = self.elections.iter().map(|it| (!it.closed).then(|| it.definition.clone()));
        let (paper, unused) = (paper.collect(), std::mem::take(&mut self.unused));
        let voters = Voters::start(&server.address()?, &paper, unused, enough).await?;
        if work != Work::Issuing {
            voters.enough().await;
        }
        let link = officers_link(&self.folder)?;
        let officer = spawn_local(async move { perform(work, &link).await });
        let longest = match work {
            Work::Nothing => VOTING_MICROS_MAX,
            Work::Issuing => ISSUING_MICROS_MAX,
            Work::Closing(_) => CLOSING_MICROS_MAX,
        };
        // On a busy machine acts take longer; each further try waits longer.
        sleep(Duration::from_micros(random(longest * self.tries)?.into())).await;
        server.kill()?;
        let (answers, done) = (voters.finish().await?, officer.await??);
        self.server = Some(Server::start(&self.program, ANY_PORT, &self.folder, &[])?);
        let Answers { unused, elections } = answers;
        self.unused = unused;
        let late: Vec<_> = elections.iter().map(|it| !it.late.is_empty()).collect();
        self.check_act(done, &late, figures).await?;
        for (index, answered) in elections.into_iter().enumerate() {
            figures.acknowledged += answered.recorded.len();
            figures.unanswered += answered.unanswered.len();
            let election = self.connect(index).await?.election();
            let votes = &mut self.elections[index];
            let before = votes.recorded.len();
            votes.late.extend(answered.late);
            votes.recorded.extend(answered.recorded);
            check::round(&election, votes, before, answered.unanswered, figures).await?;
        }
        Ok(())
    }

    /// Checks the officer's act after the restart. `late`: for each election, whether a voter was
    /// answered `closed`.
    async fn check_act(
        &mut self,
        done: Done,
        late: &[bool],
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        self.tries += 1;
        let mut infos = Vec::new();
        for (index, late) in late.iter().enumerate() {
            let info = self.connect(index).await?.election().info().await?;
            let closed = info.state == Some(ElectionState::Closed);
            let was = self.elections[index].closed;
            let closing = matches!(done, Done::Closed(it, _) if it == index);
            ensure!(closed || !(was || *late), "the close of {} is lost", info.id);
            ensure!(!closed || was || closing, "{} was closed by nobody", info.id);
            self.elections[index].closed = closed;
            infos.push(info);
        }
        let mut voters = self.voters;
        match done {
            Done::Nothing => {
                self.tries = 1;
                figures.voting += 1;
            }
            Done::Closed(index, answered) => {
                let closed = self.elections[index].closed;
                ensure!(closed || !answered, "the close is lost");
                figures.closing.0 += 1;
                figures.closing.1 += usize::from(closed);
                if closed {
                    self.tries = 1;
                }
            }
            Done::Issued(answered, numbers, all) => {
                figures.issuing.0 += 1;
                if answered || infos[0].voters != self.voters {
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
        for info in infos {
            let found = info.voters;
            ensure!(found == voters, "{} has {found} numbers on its roll, not {voters}", info.id);
        }
        Ok(())
    }

    /// The administration of an election, over a new connection.
    async fn connect(&self, index: usize) -> anyhow::Result<Administration> {
        administer(&officers_link(&self.folder)?, [BOARD, SECOND][index]).await
    }

    /// Checks every vote of the term and, if an election is closed, its tally sheet and its count.
    pub(super) async fn check(&self, figures: &mut Figures) -> anyhow::Result<()> {
        for (index, votes) in self.elections.iter().enumerate() {
            let administration = self.connect(index).await?;
            let election = administration.election();
            check::all(&election, votes, figures).await?;
            let report = administration.auditor().check_ledger().await?;
            if votes.closed {
                ensure!(!report.unscrubbed, "the key of a closed election is not destroyed");
                check::sheet(&administration.auditor(), votes, figures).await?;
                if figures.hold() {
                    check::counted(&election, votes, self.voters).await?;
                }
            }
        }
        Ok(())
    }
}

async fn perform(work: Work, link: &Link) -> anyhow::Result<Done> {
    if work == Work::Nothing {
        return Ok(Done::Nothing);
    }
    let election = if work == Work::Closing(1) { SECOND } else { BOARD };
    let administration = match administer(link, election).await {
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
        (Some(administration), Work::Closing(_)) => administration.close().await,
        (Some(administration), _) => administration.registrar().issue(NUMBERS, keep).await,
    };
    let answered = match outcome {
        Ok(ActOutcome::Done) => true,
        Err(Error::Disconnected) => false,
        other => bail!("{work:?} was answered {other:?}"),
    };
    Ok(match work {
        Work::Closing(index) => Done::Closed(index, answered),
        _ => Done::Issued(answered, numbers, all),
    })
}
