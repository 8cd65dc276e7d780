//! capvote: the product, over capnp-rpc's own network, and with a ledger that stores nothing.

mod arrive;
mod no_disk;

use std::env;
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use capnp::capability;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{VatNetwork, twoparty};
use capvote::client::{Ballot, Client, Marks, VoteOutcome};
use capvote::election::{Definition, ElectionId, Method, Publication, Rules, VoterNumber};
use capvote::ledger::postgres::Options;
use capvote::ledger::{Act, Ledger, Location};
use capvote::net::admission::{Admission, Origin};
use capvote::net::bdp::WINDOW_BYTES_MAX;
use capvote::net::connection::{self, CallTracker};
use capvote::net::dial;
use capvote::net::link::Link;
use capvote::net::listener::Listener;
use capvote::net::shards::Shards;
use capvote::net::socket::Socket;
use capvote::net::stream::Stream;
use capvote::net::tls::Identity;
use capvote::server::schedule_as_batch;
use capvote::service::{Bootstrap, Guesses};
use futures::io::{BufReader, BufWriter};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use tokio_util::sync::CancellationToken;

use self::no_disk::NoDisk;
use super::crowd::local;
use super::{CANDIDATE, Measured, Serving, Work, tls};

/// A variant of capvote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Unchanged.
    Product,
    /// Over capnp-rpc's own network with buffers, as its users set it up.
    Stock,
    /// With a ledger that stores nothing.
    NoDisk,
    /// With its ledger in a PostgreSQL database, which the environment variable `LEDGER` names.
    Postgres,
    /// With ballots of one mark, cast by `Election.cast`.
    Cast,
    /// With ranked ballots of [`RANKED`] names.
    Ranked,
}

/// The names of a ranked ballot.
const RANKED: u16 = 20;

/// Size of each buffer of the stock network.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) fn serve(variant: Variant, job: Serving, voters: u64) -> anyhow::Result<()> {
    schedule_as_batch()?;
    let folder =
        tempfile::tempdir_in(env::var_os("SCRATCH").map_or_else(env::temp_dir, Into::into))?;
    let ledger: Arc<dyn Ledger> = match variant {
        Variant::NoDisk => Arc::new(NoDisk::start()),
        Variant::Postgres => {
            let address = env::var("LEDGER").context("LEDGER names no database")?;
            Location::Database(Box::new(Options::new(&address, folder.path())?.alone())).open()?
        }
        _ => Location::Directory(folder.path().to_owned()).open()?,
    };
    let runtime = local()?;
    runtime.block_on(open_election(&*ledger, variant, voters))?;
    let ready = |link: &Link| {
        let link = link.to_string();
        super::ready(link.split_once("://").context("not a link")?.1)
    };
    match variant {
        Variant::Stock => runtime.block_on(serve_stock(&ledger, super::WORKERS, ready)),
        _ => runtime.block_on(serve_shards(&ledger, super::WORKERS, scheme(job), ready)),
    }
}

/// What links to a server for this job begin with.
fn scheme(job: Serving) -> &'static str {
    match job {
        Serving::Vote | Serving::Lines => "capvote",
        Serving::VoteTls => "capvotes",
        Serving::VoteWeb => "http",
    }
}

/// Serves a ledger at a link with this scheme until killed. Calls `ready` with the link once it
/// listens.
pub fn serve_ledger(
    ledger: &Arc<dyn Ledger>,
    shards: usize,
    scheme: &str,
    ready: impl FnOnce(&Link) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    schedule_as_batch()?;
    local()?.block_on(serve_shards(ledger, shards, scheme, ready))
}

async fn serve_shards(
    ledger: &Arc<dyn Ledger>,
    shards: usize,
    scheme: &str,
    ready: impl FnOnce(&Link) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let listener = listen(scheme).await?;
    let (ledger, guesses) = (ledger.clone(), Guesses::default());
    let bootstrap = Arc::new(move || -> Box<dyn Fn(CallTracker, Origin) -> capability::Client> {
        let bootstrap = Bootstrap::new(ledger.clone(), guesses.clone());
        Box::new(move |calls, origin| bootstrap.capability(calls, origin))
    });
    let shards = Shards::start(shards, bootstrap, Admission::default())?;
    shards.accept(std::slice::from_ref(&listener)).await;
    ready(listener.link())?;
    shards.ended().await;
    bail!("a shard has stopped")
}

async fn listen(scheme: &str) -> anyhow::Result<Listener> {
    let address = format!("{scheme}://127.0.0.1:0").parse::<Link>()?.address;
    if !address.is_encrypted() {
        return Ok(Listener::bind(&address, None).await?);
    }
    let pem = tls::identity()?;
    let mut identity = Identity::from_pem(pem.as_bytes(), pem.as_bytes())?;
    identity.in_links = true;
    Ok(Listener::bind(&address, Some(&identity)).await?)
}

/// Creates and opens an election for the voters 1 to `voters`.
async fn open_election(ledger: &dyn Ledger, variant: Variant, voters: u64) -> anyhow::Result<()> {
    let id: ElectionId = "board".parse()?;
    let definition = Definition::new(id.clone(), String::new(), slate(variant))?;
    let definition = match variant {
        Variant::Ranked => {
            let method = Method::Transferable;
            definition.with_rules(Rules { method, marks: RANKED, ..Rules::default() })?
        }
        _ => definition.with_publication(Publication::Live),
    };
    let numbers = (1..=voters).map(VoterNumber::from).collect();
    let create = Act::Create(Arc::new(definition));
    ledger.act(vec![create, Act::Issue(id.clone(), numbers), Act::Open(id)], None).await?;
    Ok(())
}

fn slate(variant: Variant) -> Vec<String> {
    match variant {
        Variant::Ranked => (0..RANKED).map(|name| format!("Candidate {name}")).collect(),
        _ => vec![CANDIDATE.to_string(), "Grace".to_string()],
    }
}

/// The ballot of the voter with this number.
fn ballot(variant: Variant, slate: &[String], number: u64) -> anyhow::Result<Ballot> {
    let number = VoterNumber::from(number);
    let marks = match variant {
        Variant::Cast => vec![1, 0],
        // Every name has a rank, and the first another one on each ballot.
        Variant::Ranked => {
            let first = (number.get() % u64::from(RANKED)) as u16;
            (0..RANKED).map(|name| (name + first) % RANKED + 1).collect()
        }
        Variant::Product | Variant::Stock | Variant::NoDisk | Variant::Postgres => {
            return Ok(Ballot::new(CANDIDATE, number)?);
        }
    };
    Ok(Ballot::with_marks(Marks { slate: slate.to_vec(), marks }, number)?)
}

/// As [`serve_shards`], over the stock network.
async fn serve_stock(
    ledger: &Arc<dyn Ledger>,
    shards: usize,
    ready: impl FnOnce(&Link) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let listener = listen("capvote").await?;
    let mut acceptor = listener.acceptor();
    let admission = Admission::default();
    let mut threads = Vec::new();
    for _ in 0..shards {
        let (sockets, mut queue) = tokio::sync::mpsc::channel::<Socket>(16);
        let ledger = ledger.clone();
        std::thread::spawn(move || {
            let runtime = local().expect("a runtime for each shard");
            runtime.block_on(async move {
                let bootstrap = Bootstrap::new(ledger, Guesses::default());
                while let Some(socket) = queue.recv().await {
                    let bootstrap = bootstrap.clone();
                    let stream = socket.into_stream().await;
                    let stream = stream.expect("a newly accepted socket");
                    let bootstrap = move |calls| bootstrap.capability(calls, Origin::Here);
                    let network = stock(stream, Side::Server);
                    let stop = CancellationToken::new();
                    tokio::task::spawn_local(connection::serve_over(network, bootstrap, stop));
                }
            });
        });
        threads.push(sockets);
    }
    ready(listener.link())?;
    for thread in threads.iter().cycle() {
        thread.send(acceptor.accept(&admission).await).await.context("a shard has stopped")?;
    }
    Ok(())
}

fn stock(stream: impl Stream, side: Side) -> Box<dyn VatNetwork<Side>> {
    let (reader, writer) = tokio::io::split(stream);
    let reader = BufReader::with_capacity(BUFFER_BYTES, reader.compat());
    let writer = BufWriter::with_capacity(BUFFER_BYTES, writer.compat_write());
    let mut network = twoparty::VatNetwork::new(reader, writer, side, Default::default());
    network.set_window_size(WINDOW_BYTES_MAX);
    Box::new(network)
}

pub(super) fn drive(variant: Variant, address: &str, work: Work) -> anyhow::Result<Measured> {
    local()?.block_on(async {
        let link = || format!("capvote://{address}").parse::<Link>();
        match work {
            Work::Arrive { in_flight, votes, over } => {
                arrive::drive(address, in_flight, votes, over).await
            }
            Work::Vote { connections, in_flight, votes } => {
                let mut clients = Vec::new();
                for _ in 0..connections {
                    clients.push(connect(variant, &link()?).await?);
                }
                vote(variant, &clients, in_flight, votes).await
            }
            Work::Lines { file } => {
                let client = connect(variant, &link()?).await?;
                let length = file.metadata()?.len();
                let (file, mut bytes) = (File::open(file)?, 0);
                let begun = Instant::now();
                let counter = client.line_counter();
                let count = counter.count_lines(file, |line| bytes += line.len() as u64).await?;
                let seconds = begun.elapsed().as_secs_f64();
                ensure!(bytes == length, "the callback saw {bytes} of {length} bytes");
                Ok(Measured { count, seconds })
            }
        }
    })
}

async fn connect(variant: Variant, link: &Link) -> anyhow::Result<Client> {
    if variant != Variant::Stock {
        return Ok(Client::connect(link).await?);
    }
    let stream = dial::connect(link).await?;
    Ok(Client::over_network(stock(stream, Side::Client)))
}

async fn vote(
    variant: Variant,
    clients: &[Client],
    in_flight: u64,
    votes: u64,
) -> anyhow::Result<Measured> {
    let slate = slate(variant);
    for client in clients {
        client.election("board").info().await?;
    }
    let begun = Instant::now();
    let voters = clients.len() as u64 * in_flight;
    let mut tasks = Vec::new();
    for voter in 0..voters {
        let election = clients[(voter / in_flight) as usize].election("board");
        let numbers = super::numbers(voter, voters, votes);
        let slate = slate.clone();
        tasks.push(tokio::task::spawn_local(async move {
            let (mut recorded, mut messages) = (0, 0);
            for number in numbers {
                let ballot = ballot(variant, &slate, number)?;
                let outcome = election.vote(&ballot, |_| messages += 1).await?;
                recorded += u64::from(matches!(outcome, VoteOutcome::Recorded(_)));
            }
            anyhow::Ok((recorded, messages))
        }));
    }
    let (mut count, mut messages) = (0, 0);
    for task in tasks {
        let (task_recorded, task_messages) = task.await??;
        count += task_recorded;
        messages += task_messages;
    }
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(count == votes, "{count} of {votes} votes were recorded");
    ensure!(messages == votes, "{messages} messages for {votes} votes");
    Ok(Measured { count, seconds })
}
