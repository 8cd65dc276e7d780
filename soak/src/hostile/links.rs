//! Stolen links: a process that issues numbers, checks and creates elections without end, and
//! leaves issues hanging, beside voters of another election.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, ensure};
use capnp::capability::FromClientHook;
use capvote::client::{ActOutcome, Client, ReturningOfficer};
use capvote::election::{Definition, ElectionId, Token};
use capvote::net::link::Link;
use capvote::schema::officer_capnp::{registrar, voter_number_sink};
use capvote::service::{CHECKS_MAX, ISSUE_NUMBERS_MAX};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::Arguments;
use super::crowd::Kind;
use super::process::{self, Hostile};
use super::report::Report;
use crate::server::{self, ANY_PORT, BOARD, Server};

/// Voter numbers of the honest clients' election.
const VOTERS: u32 = 2_000_000;

/// The server's bound for the numbers on all rolls: what a machine with 1 GiB holds.
const VOTER_NUMBERS_MAX: &str = "40000000";

/// The memory of the server, in MiB, at the most.
const MEMORY_MIB_MAX: f64 = 1_000.0;

/// Elections whose registrar's and auditor's links are stolen.
const ELECTIONS: usize = 4;

/// Issues at a time that never end.
const HUNG: usize = 4;

/// The names of a slate that is as large as it may be, and their length.
const SLATE: usize = 1_000;
const NAME_BYTES: usize = 256;

/// The nice value of the thief's process.
const NICE: i32 = 19;

/// Pause after a refusal.
const REFUSED_PAUSE: Duration = Duration::from_millis(10);

/// What was done with the links.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Deeds {
    /// Numbers issued, and issues that were refused.
    issued: u64,
    issues_refused: u64,
    checks: u64,
    /// Elections created, and those that were refused.
    created: u64,
    creations_refused: u64,
}

/// Measures and prints. Returns whether the voters' latency and the server's memory are within
/// their bounds, and whether a client still gets the list of elections.
pub(super) fn measure(program: &Path, arguments: &Arguments) -> anyhow::Result<bool> {
    let temporary = tempfile::tempdir_in(arguments.folder())?;
    let voters = VOTERS.to_string();
    let options = ["--voters", &voters, "--numbers-max", VOTER_NUMBERS_MAX];
    let options = [&BOARD[..], &options].concat();
    let server = Server::start(program, ANY_PORT, temporary.path(), &options)?;
    let numbers = Rc::new(RefCell::new(server::numbers(temporary.path())?));
    let officer = std::fs::read_to_string(temporary.path().join("officer.link"))?;
    let runtime = crate::runtime()?;
    let mut report = Report::new(MEMORY_MIB_MAX);
    let alone = arguments.measure(&runtime, &server, &numbers)?;
    let thief = Hostile::start(&server.link, 0, &[Kind::Links], officer.trim())?;
    let attacked = arguments.measure(&runtime, &server, &numbers)?;
    let deeds: Deeds = thief.stop()?;
    eprintln!("stolen links: {deeds:?}");
    report.add(alone, attacked, deeds, server.memory_mib()?);
    report.print(arguments.json)?;
    let listed = runtime.block_on(async {
        anyhow::Ok(Client::connect(&server.address()?).await?.elections().await?.len() as u64)
    })?;
    ensure!(listed > deeds.created, "{listed} elections are listed");
    Ok(report.holds())
}

/// Uses the links until the end of stdin, which begins with an officer's link.
pub(super) async fn attack(address: SocketAddr) -> anyhow::Result<()> {
    // The thief is on another machine: this one's processors are for the server and its voters.
    rustix::process::nice(NICE)?;
    let officer: Link = process::given()?.parse().context("no officer's link")?;
    let token = officer.token.context("the officer's link has no token")?;
    let link: Link = format!("capvote://{address}").parse()?;
    let client = Client::connect(&link).await?;
    let officer = client.restore(&token).returning_officer();
    let mut registrars = Vec::new();
    let mut auditors = Vec::new();
    for index in 0..ELECTIONS {
        let id: ElectionId = format!("stolen-{index}").parse()?;
        let definition = Definition::new(id.clone(), String::new(), vec!["Ada".into()])?;
        ensure!(officer.create(&definition).await? == ActOutcome::Done);
        let administration = officer.administer(id.as_str());
        registrars.push(administration.registrar().save().await?);
        auditors.push(administration.auditor().save().await?);
    }
    let deeds = Rc::new(Cell::new(Deeds::default()));
    for token in registrars.iter().cycle().take(HUNG) {
        spawn_local(leave_hanging(link.clone(), token.clone()));
    }
    for token in registrars {
        spawn_local(issue(link.clone(), token, deeds.clone()));
    }
    for token in auditors.into_iter().cycle().take(2 * CHECKS_MAX) {
        spawn_local(check(link.clone(), token, deeds.clone()));
    }
    spawn_local(create(officer, deeds.clone()));
    process::ready().await?;
    process::done(&deeds.get())
}

fn note(deeds: &Cell<Deeds>, change: impl FnOnce(&mut Deeds)) {
    let mut changed = deeds.get();
    change(&mut changed);
    deeds.set(changed);
}

/// Issues as many numbers as it may, again and again.
async fn issue(link: Link, token: Token, deeds: Rc<Cell<Deeds>>) -> anyhow::Result<()> {
    let registrar = Client::connect(&link).await?.restore(token.as_bytes()).registrar();
    loop {
        if registrar.issue(ISSUE_NUMBERS_MAX, |_| Ok(())).await? == ActOutcome::Done {
            note(&deeds, |it| it.issued += u64::from(ISSUE_NUMBERS_MAX));
        } else {
            note(&deeds, |it| it.issues_refused += 1);
            sleep(REFUSED_PAUSE).await;
        }
    }
}

/// Checks an election again and again.
async fn check(link: Link, token: Token, deeds: Rc<Cell<Deeds>>) -> anyhow::Result<()> {
    let auditor = Client::connect(&link).await?.restore(token.as_bytes()).auditor();
    loop {
        match auditor.check_ledger().await {
            Ok(_) => note(&deeds, |it| it.checks += 1),
            // Too many at once.
            Err(_) => sleep(REFUSED_PAUSE).await,
        }
    }
}

/// Creates elections with the largest slates.
async fn create(officer: ReturningOfficer, deeds: Rc<Cell<Deeds>>) -> anyhow::Result<()> {
    for index in 0.. {
        let names = (0..SLATE).map(|name| format!("{name:0>NAME_BYTES$}")).collect();
        let id = format!("large-{index}").parse()?;
        if officer.create(&Definition::new(id, String::new(), names)?).await? == ActOutcome::Done {
            note(&deeds, |it| it.created += 1);
        } else {
            note(&deeds, |it| it.creations_refused += 1);
            sleep(REFUSED_PAUSE).await;
        }
    }
    Ok(())
}

/// Takes numbers and never answers.
struct Hung;

impl voter_number_sink::Server for Hung {
    async fn numbers(self: Rc<Self>, _: voter_number_sink::NumbersParams) -> capnp::Result<()> {
        pending().await
    }

    async fn done(
        self: Rc<Self>,
        _: voter_number_sink::DoneParams,
        _: voter_number_sink::DoneResults,
    ) -> capnp::Result<()> {
        pending().await
    }
}

/// Has numbers issued to a client that takes none, again and again.
async fn leave_hanging(link: Link, token: Token) -> anyhow::Result<()> {
    let client = Client::connect(&link).await?;
    let mut request = client.directory().restore_request();
    request.get().set_token(token.as_bytes());
    let restored = request.send().pipeline.get_capability().as_cap();
    let registrar: registrar::Client = FromClientHook::new(restored);
    loop {
        let mut issue = registrar.issue_request();
        issue.get().set_count(ISSUE_NUMBERS_MAX);
        issue.get().set_into(capnp_rpc::new_client(Hung));
        if issue.send().promise.await.is_err() {
            sleep(REFUSED_PAUSE).await;
        }
    }
}
