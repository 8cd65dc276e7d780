//! The limit of capnp-rpc for voters who come and leave: two vats over capvote's transport, with
//! nothing behind them. The server is on one thread. Its bootstrap capability is an election that
//! calls the sink, and answers that the vote is recorded: no directory, roll, ledger, limit or
//! timeout.
//!
//! Measured: arrivals, with connecting; and votes over standing connections.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, ensure};
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Disconnector, RpcSystem, new_client};
use capvote::net::transport::network;
use capvote::schema::election_capnp::election::{self, VoteParams, VoteResults};
use capvote::schema::election_capnp::message_sink::{self, MessageParams, MessageResults};
use capvote::schema::election_capnp::vote_outcome;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_local};

use crate::peers::{CANDIDATE, Measured, Over, Serving, Work, crowd, numbers, ready, unsupported};

/// The text of a message.
const MESSAGE: &str = "Your vote for Ada is recorded.";

/// As many bytes of padding as there are for a short name.
const PADDING: [u8; 256] = [0; 256];

struct Election;

impl election::Server for Election {
    async fn vote(
        self: Rc<Self>,
        params: VoteParams,
        mut results: VoteResults,
    ) -> capnp::Result<()> {
        let vote = params.get()?;
        vote.get_candidate()?;
        let mut message = vote.get_messages()?.message_request();
        message.get().set_text(MESSAGE);
        message.get().set_padding(&PADDING);
        spawn_local(message.send().promise);
        results.get().init_outcome().init_recorded();
        Ok(())
    }
}

struct Sink(Rc<Cell<u64>>);

impl message_sink::Server for Sink {
    async fn message(
        self: Rc<Self>,
        params: MessageParams,
        _: MessageResults,
    ) -> capnp::Result<()> {
        params.get()?.get_text()?;
        self.0.update(|messages| messages + 1);
        Ok(())
    }
}

/// Serves each connection until killed.
pub(in crate::peers) fn serve(job: Serving, _: u64) -> anyhow::Result<()> {
    if job != Serving::Vote {
        return unsupported("vats", "such server");
    }
    crowd::local()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
        ready(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await.context("cannot accept")?;
            stream.set_nodelay(true)?;
            let election: election::Client = new_client(Election);
            let network = network(stream, Side::Server);
            spawn_local(RpcSystem::new(network, Some(election.client)));
        }
    })
}

/// Opens a connection for each vote to the server at `address`, or as many as the work says.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    let address: SocketAddr = address.parse()?;
    crowd::local()?.block_on(async {
        match work {
            Work::Arrive { in_flight, votes, over: Over::Tcp } => {
                crowd::arrive(in_flight, votes, move |number| arrive(address, number)).await
            }
            Work::Vote { connections, in_flight, votes } => {
                stand(address, connections, in_flight, votes).await
            }
            Work::Arrive { .. } | Work::Lines { .. } => unsupported("vats", "such job"),
        }
    })
}

/// Votes over a connection of its own.
async fn arrive(address: SocketAddr, number: u64) -> anyhow::Result<()> {
    let voter = Voter::connect(address).await?;
    vote(&voter.election, number).await?;
    let Voter { election, disconnector, running } = voter;
    drop(election);
    disconnector.await?;
    Ok(running.await??)
}

/// Votes over standing connections.
async fn stand(
    address: SocketAddr,
    connections: u64,
    in_flight: u64,
    votes: u64,
) -> anyhow::Result<Measured> {
    let mut voters = Vec::new();
    for _ in 0..connections {
        voters.push(Voter::connect(address).await?);
    }
    let (begun, places) = (Instant::now(), connections * in_flight);
    let tasks = (0..places).map(|place| {
        let election = voters[(place % connections) as usize].election.clone();
        spawn_local(async move {
            let mut count = 0;
            for number in numbers(place, places, votes) {
                vote(&election, number).await?;
                count += 1;
            }
            Ok(count)
        })
    });
    crowd::finish(tasks.collect(), votes, begun).await
}

/// A connection to the server.
struct Voter {
    election: election::Client,
    disconnector: Disconnector<Side>,
    running: JoinHandle<capnp::Result<()>>,
}

impl Voter {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let network = network(crowd::connect(address).await?, Side::Client);
        let mut system = RpcSystem::new(network, None);
        let election = system.bootstrap(Side::Server);
        let disconnector = system.get_disconnector();
        Ok(Self { election, disconnector, running: spawn_local(system) })
    }
}

/// Votes, and checks that the sink was called.
async fn vote(election: &election::Client, number: u64) -> anyhow::Result<()> {
    let messages = Rc::<Cell<u64>>::default();
    let mut request = election.vote_request();
    let mut vote = request.get();
    vote.set_candidate(CANDIDATE);
    vote.set_padding(&PADDING);
    vote.set_voter_number(number);
    vote.set_nonce(&[0; 16]);
    vote.set_messages(new_client(Sink(messages.clone())));
    let answer = request.send().promise.await?;
    let outcome = answer.get()?.get_outcome()?.which()?;
    ensure!(matches!(outcome, vote_outcome::Recorded(_)), "not recorded");
    ensure!(messages.get() == 1, "{} messages for a vote", messages.get());
    Ok(())
}
