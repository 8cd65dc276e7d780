//! A guided tour: starts a server, votes, kills the server while voters vote, and counts the lines
//! of a file. Every claim that it prints is checked; a false one ends the tour with an error. The
//! tour leaves nothing behind.
//!
//! `cargo run --release --example tour`

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use capvote::client::{Ballot, Client, Error, VoteOutcome};
use capvote::election::{LIVE_BATCH_BALLOTS, VoterNumber};
use capvote::net::link::Link;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Concurrent voters, each over their own connection.
const VOTERS_AT_ONCE: usize = 60;
/// Connections that vote until the server is killed, and votes to be recorded before that.
const VOTERS_AT_THE_KILL: usize = 40;
const RECORDED_AT_THE_KILL: usize = 500;
/// Voter numbers: more than the tour uses.
const VOTERS: usize = 5_000;
const CANDIDATES: [&str; 3] = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra"];

/// The folder of the product.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What is built for the tour. Without the tour, cargo would choose other features of dependencies,
/// and build the product a second time.
const TARGETS: [&str; 4] = ["--bin", "capvote-server", "--example", "tour"];

fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        tokio::select! {
            toured = tour() => toured,
            // Returning drops the server and the folder.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

async fn tour() -> Result<()> {
    let program = build_server()?;
    let data = tempfile::tempdir()?;

    heading("A server with an election, in one command");
    let server = Server::start(&program, data.path())?;
    say(&format!("capvote-server says: listening on {}", server.link));
    let mut numbers = numbers(data.path())?;
    check(numbers.len() == VOTERS, &format!("{VOTERS} voter numbers are in board.numbers.csv"))?;

    heading(&format!("{VOTERS_AT_ONCE} voters at once, each over a connection of their own"));
    let at_once = numbers.split_off(VOTERS - VOTERS_AT_ONCE);
    votes_at_once(&server, &at_once).await?;

    heading("What is refused");
    refusals(&server, at_once[0]).await?;

    heading("The result");
    result(&server).await?;

    heading("SIGKILL in the middle of voting");
    let voters = vote_until_killed(server, numbers).await?;
    let server = Server::start(&program, data.path())?;
    say(&format!("The server is started again: listening on {}", server.link));
    check_after_kill(&server, &voters).await?;

    heading("The lines of a file that stays here, with a callback for each");
    count_lines(&server).await?;

    drop(server);
    let folder = data.path().to_owned();
    data.close()?;
    heading("Done");
    check(!folder.exists(), "nothing is left behind")
}

async fn votes_at_once(server: &Server, numbers: &[VoterNumber]) -> Result<()> {
    let mut voters: Vec<JoinHandle<Result<(VoteOutcome, String)>>> = Vec::new();
    for (index, &number) in numbers.iter().enumerate() {
        let link = server.link.clone();
        let candidate = CANDIDATES[index % 7 % CANDIDATES.len()];
        voters.push(tokio::task::spawn_local(async move {
            let client = Client::connect(&link).await?;
            let mut message = String::new();
            let ballot = Ballot::new(candidate, number)?;
            // This closure is the voter's message sink: the server calls it, over the connection.
            let outcome =
                client.election("board").vote(&ballot, |text| message.push_str(text)).await?;
            Ok((outcome, message))
        }));
    }
    let mut recorded = 0;
    for (index, voter) in voters.into_iter().enumerate() {
        let (outcome, message) = voter.await??;
        if index < 3 {
            say(&format!("message to voter {}: {message}", index + 1));
        }
        let agree = matches!(outcome, VoteOutcome::Recorded(_)) && message.contains("is recorded");
        recorded += usize::from(agree);
    }
    say(&format!("... and {} more", numbers.len() - 3));
    check(
        recorded == numbers.len(),
        &format!("{recorded} sinks got the message that the vote is recorded"),
    )?;
    let results = server.client().await?.election("board").results().await?;
    check(results.ballots == recorded as u64, &format!("{} voters have voted", results.ballots))
}

async fn refusals(server: &Server, used: VoterNumber) -> Result<()> {
    let client = server.client().await?;
    let election = client.election("board");
    let before = election.results().await?;
    let attempts = [
        (
            "a second vote under a number that has voted",
            "Grace Hopper",
            used,
            VoteOutcome::AlreadyVoted,
        ),
        (
            "a number that is not on the roll",
            "Ada Lovelace",
            42.into(),
            VoteOutcome::UnknownVoterNumber,
        ),
    ];
    for (what, candidate, number, expected) in attempts {
        let mut message = String::new();
        let ballot = Ballot::new(candidate, number)?;
        let outcome = election.vote(&ballot, |text| message.push_str(text)).await?;
        say(&format!("{what}: {message}"));
        check(outcome == expected, &format!("it is refused: {outcome:?}"))?;
    }
    check(election.results().await? == before, "the count has not changed")
}

async fn result(server: &Server) -> Result<()> {
    let results = server.client().await?.election("board").results().await?;
    for (candidate, votes) in &results.candidates {
        println!("    {candidate:<16} {votes:>4}  {}", "#".repeat(*votes as usize));
    }
    say(&format!("{} of {} have voted", results.ballots, results.voters));
    let sum: u64 = results.candidates.iter().map(|(_, votes)| votes).sum();
    let newest = results.ballots - sum;
    check(
        sum > 0 && newest >= LIVE_BATCH_BALLOTS as u64,
        &format!("the live count leaves out the newest {newest}: nobody can tell a single choice"),
    )
}

/// The ballots cast before the kill, by their answers.
#[derive(Default)]
struct Voters {
    unused: Vec<VoterNumber>,
    recorded: Vec<Ballot>,
    unanswered: Vec<Ballot>,
}

async fn vote_until_killed(server: Server, unused: Vec<VoterNumber>) -> Result<Voters> {
    let voters = Rc::new(RefCell::new(Voters { unused, ..Voters::default() }));
    let enough = Rc::new(Notify::new());
    let mut tasks: Vec<JoinHandle<Result<()>>> = Vec::new();
    for _ in 0..VOTERS_AT_THE_KILL {
        let client = server.client().await?;
        let (voters, enough) = (voters.clone(), enough.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let election = client.election("board");
            loop {
                let number = voters.borrow_mut().unused.pop().context("no numbers are left")?;
                let ballot =
                    Ballot::new(CANDIDATES[number.get() as usize % CANDIDATES.len()], number)?;
                match election.vote(&ballot, |_| {}).await {
                    Ok(VoteOutcome::Recorded(_)) => voters.borrow_mut().recorded.push(ballot),
                    Ok(outcome) => bail!("a vote was answered {outcome:?}"),
                    Err(Error::Disconnected) => {
                        voters.borrow_mut().unanswered.push(ballot);
                        return Ok(());
                    }
                    Err(error) => return Err(error.into()),
                }
                if voters.borrow().recorded.len() >= RECORDED_AT_THE_KILL {
                    enough.notify_one();
                }
            }
        }));
    }
    enough.notified().await;
    server.kill()?;
    for task in tasks {
        task.await??;
    }
    let voters = voters.take();
    let (recorded, unanswered) = (voters.recorded.len(), voters.unanswered.len());
    say(&format!(
        "Killed: {recorded} votes were answered recorded, {unanswered} had no answer yet"
    ));
    check(unanswered > 0, "the server was killed in the middle of voting")?;
    Ok(voters)
}

async fn check_after_kill(server: &Server, voters: &Voters) -> Result<()> {
    let client = server.client().await?;
    let election = client.election("board");
    let recorded = voters.recorded.len();
    for ballot in &voters.recorded {
        // A second vote is refused only if the first was stored.
        let second = Ballot::new(ballot.candidate.as_str(), ballot.number)?;
        let outcome = election.vote(&second, |_| {}).await?;
        ensure!(outcome == VoteOutcome::AlreadyVoted, "a recorded vote is gone: {outcome:?}");
    }
    check(true, &format!("each of the {recorded} recorded votes is still there"))?;

    for ballot in &voters.unanswered {
        // A retry of the same ballot is counted once, whether or not the first try was recorded.
        let outcome = election.vote(ballot, |_| {}).await?;
        ensure!(matches!(outcome, VoteOutcome::Recorded(_)), "a retry was refused: {outcome:?}");
    }
    let sent = VOTERS_AT_ONCE + recorded + voters.unanswered.len();
    let results = election.results().await?;
    say(&format!("The {} without an answer retry with the same ballot", voters.unanswered.len()));
    check(
        results.ballots == sent as u64,
        &format!("{sent} voters have cast a vote, and the turnout is {sent}"),
    )
}

async fn count_lines(server: &Server) -> Result<()> {
    let path = Path::new(WORKSPACE).join("Cargo.lock");
    let client = server.client().await?;
    let mut longest = Vec::new();
    let mut received = Vec::new();
    let count = client
        .line_counter()
        .count_lines(File::open(&path)?, |line| {
            received.extend_from_slice(line);
            if line.len() > longest.len() {
                longest = line.to_vec();
            }
        })
        .await?;
    let longest = String::from_utf8_lossy(&longest);
    say(&format!(
        "The callback saw {count} lines of Cargo.lock; the longest is: {}",
        longest.trim()
    ));
    let local = std::fs::read(&path)?;
    let lines = local.split_inclusive(|&byte| byte == b'\n').count();
    check(count == lines as u64, "the server's count is right")?;
    check(received == local, "the lines passed to the callback make up the file")
}

/// A server process. Dropping this kills it.
struct Server {
    child: Child,
    link: Link,
}

impl Server {
    fn start(program: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args([
            "--listen",
            "capvote://127.0.0.1:0",
            "--log",
            "error",
            "--election",
            "board",
        ]);
        for candidate in CANDIDATES {
            command.args(["--candidate", candidate]);
        }
        command.args(["--voters", &VOTERS.to_string()]).arg("--data").arg(data);
        let mut child =
            command.stdout(Stdio::piped()).spawn().context("the server does not start")?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        // Made before the fallible steps below: dropping it kills the server.
        let mut server = Self { child, link: "capvote://127.0.0.1".parse()? };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let link =
            line.trim_end().strip_prefix("listening on ").context("the server does not listen")?;
        server.link = link.parse()?;
        Ok(server)
    }

    async fn client(&self) -> Result<Client> {
        Ok(Client::connect(&self.link).await?)
    }

    fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the server program beside this example, and returns its path.
fn build_server() -> Result<PathBuf> {
    let examples = std::env::current_exe()?;
    // TARGET/PROFILE/examples/tour
    let profile =
        examples.ancestors().nth(2).context("the tour is not in cargo's target folder")?;
    let target = profile.parent().context("the tour is not in cargo's target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.arg("build").args(TARGETS).arg("--quiet").arg("--target-dir").arg(target);
    build.current_dir(WORKSPACE);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    ensure!(build.status()?.success(), "the server does not build");
    Ok(profile.join("capvote-server"))
}

/// The voter numbers in the file that the server wrote.
fn numbers(data: &Path) -> Result<Vec<VoterNumber>> {
    let file = std::fs::read_to_string(data.join("board.numbers.csv"))?;
    file.lines().skip(1).map(|line| Ok(line.parse()?)).collect()
}

fn heading(text: &str) {
    println!("\n== {text}");
}

fn say(text: &str) {
    println!("   {text}");
}

/// Prints a claim if it is true; a false one ends the tour.
fn check(is_true: bool, claim: &str) -> Result<()> {
    ensure!(is_true, "this is false: {claim}");
    println!(" ✓ {claim}");
    Ok(())
}
