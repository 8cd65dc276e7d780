//! gRPC with tonic: one bidirectional stream per connection. gRPC has no callbacks, so the server
//! answers each vote on the stream with the text that a callback would get, and then the outcome.
//! Votes are in memory only.
//!
//! Measured: votes, from the first vote sent to the end of the last answer stream, over open HTTP/2
//! connections and streams; or arrivals, with a connection and a stream for each vote.

use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use futures::channel::mpsc;
use futures::{Stream, StreamExt, stream};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

use self::schema::answer::Answer as Kind;
use self::schema::booth_client::BoothClient;
use self::schema::booth_server::{self, BoothServer};
use self::schema::{Answer, Vote};
use super::booth::{self, Booth, Outcome};
use crate::peers::{
    CANDIDATE, Measured, Over, Serving, Work, crowd, numbers, ready, runtime, timed, unsupported,
};

mod schema {
    //! The code generated from `booth.proto`.

    tonic::include_proto!("booth");
}

/// Takes votes under the numbers 1 to `voters` until killed.
pub(in crate::peers) fn serve(job: Serving, voters: u64) -> anyhow::Result<()> {
    if job != Serving::Vote {
        return unsupported("tonic", "lines job");
    }
    let booth = Service { booth: Arc::new(Booth::new(voters)) };
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
        ready(listener.local_addr()?)?;
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Server::builder()
            .add_service(BoothServer::new(booth))
            .serve_with_incoming(incoming)
            .await
            .context("the server failed")
    })
}

/// Casts votes with the server at `address`.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .with_context(|| format!("{address} is not an address"))?;
    let (connections, in_flight, votes) = match work {
        Work::Vote { connections, in_flight, votes } => (connections, in_flight, votes),
        Work::Arrive { in_flight, votes, over: Over::Tcp } => {
            let voter = move |number| arrive(endpoint.clone(), number);
            return crowd::local()?.block_on(crowd::arrive(in_flight, votes, voter));
        }
        Work::Arrive { .. } | Work::Lines { .. } => return unsupported("tonic", "such job"),
    };
    runtime()?.block_on(async {
        let mut tasks = Vec::new();
        for index in 0..connections {
            let voter = Voter::connect(&endpoint, in_flight).await?;
            tasks.push(voter.cast(in_flight, numbers(index, connections, votes)));
        }
        timed(votes, tasks).await
    })
}

/// Connects, votes and leaves.
async fn arrive(endpoint: Endpoint, number: u64) -> anyhow::Result<()> {
    let voter = Voter::connect(&endpoint, 1).await?;
    let recorded = voter.cast(1, std::iter::once(number)).await?;
    ensure!(recorded == 1, "a vote was not recorded");
    Ok(())
}

/// The server's side.
struct Service {
    booth: Arc<Booth>,
}

#[tonic::async_trait]
impl booth_server::Booth for Service {
    type CastStream = Pin<Box<dyn Stream<Item = Result<Answer, Status>> + Send>>;

    async fn cast(
        &self,
        request: Request<Streaming<Vote>>,
    ) -> Result<Response<Self::CastStream>, Status> {
        let booth = self.booth.clone();
        let answers = request.into_inner().flat_map(move |vote| {
            let kinds = match vote {
                Ok(Vote { number, candidate }) => {
                    let outcome = booth.vote(number, &candidate);
                    let text = booth::text(number, &candidate, outcome);
                    [Ok(Kind::Text(text)), Ok(Kind::Outcome(schema::Outcome::from(outcome).into()))]
                }
                // A status ends the stream, so the second one is never sent.
                Err(status) => [Err(status.clone()), Err(status)],
            };
            stream::iter(kinds.map(|kind| kind.map(|kind| Answer { answer: Some(kind) })))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

impl From<Outcome> for schema::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Recorded => Self::Recorded,
            Outcome::AlreadyVoted => Self::AlreadyVoted,
            Outcome::UnknownNumber => Self::UnknownNumber,
            Outcome::UnknownCandidate => Self::UnknownCandidate,
        }
    }
}

/// The client's side of one connection.
struct Voter {
    votes: mpsc::Sender<Vote>,
    answers: Streaming<Answer>,
    // Keeps the connection open.
    _client: BoothClient<Channel>,
}

impl Voter {
    /// Opens a connection and its stream.
    async fn connect(endpoint: &Endpoint, in_flight: u64) -> anyhow::Result<Self> {
        let channel = endpoint.connect().await.context("cannot connect")?;
        let mut client = BoothClient::new(channel);
        let (votes, sent) = mpsc::channel(usize::try_from(in_flight)?);
        let answers = client.cast(sent).await.context("cannot open the stream")?.into_inner();
        Ok(Self { votes, answers, _client: client })
    }

    /// Votes under each of `numbers` with `in_flight` votes in flight, and returns how many.
    async fn cast(
        mut self,
        in_flight: u64,
        mut numbers: impl Iterator<Item = u64> + Send,
    ) -> anyhow::Result<u64> {
        let (mut sent, mut texts, mut recorded) = (0, 0, 0);
        loop {
            while sent - recorded < in_flight
                && let Some(number) = numbers.next()
            {
                let vote = Vote { number, candidate: CANDIDATE.to_string() };
                self.votes.try_send(vote).context("the server takes no more votes")?;
                sent += 1;
            }
            if recorded == sent {
                break;
            }
            match self.answers.message().await?.and_then(|answer| answer.answer) {
                Some(Kind::Text(_)) => texts += 1,
                Some(Kind::Outcome(outcome)) if outcome == schema::Outcome::Recorded as i32 => {
                    recorded += 1;
                }
                Some(Kind::Outcome(outcome)) => bail!("a vote was refused: {outcome}"),
                None => bail!("the answers ended after {recorded} of {sent} votes"),
            }
        }
        self.votes.close_channel();
        ensure!(self.answers.message().await?.is_none(), "there were more answers than votes");
        ensure!(texts == recorded, "{texts} texts came for {recorded} votes");
        Ok(recorded)
    }
}
