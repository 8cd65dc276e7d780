//! tarpc with bincode over TCP: one call per vote. tarpc has no callbacks and no streams, so a
//! voter gets only the outcome, which is less than the job asks for. Votes are in memory only.
//!
//! Measured: votes, from the first call to the last outcome, over open connections.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures::{StreamExt, TryStreamExt, future, stream};
use tarpc::client::{self, RpcError};
use tarpc::context::{self, Context};
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

use super::booth::{self, Outcome};
use crate::peers::{
    CANDIDATE, Measured, Serving, Work, numbers, ready, runtime, timed, unsupported,
};

#[tarpc::service]
trait Booth {
    /// Casts one vote.
    async fn vote(number: u64, candidate: String) -> Outcome;
}

/// Takes votes under the numbers 1 to `voters` until killed.
pub(in crate::peers) fn serve(job: Serving, voters: u64) -> anyhow::Result<()> {
    if job != Serving::Vote {
        return unsupported("tarpc", "lines job");
    }
    let service = Service { booth: Arc::new(booth::Booth::new(voters)) };
    runtime()?.block_on(async {
        let mut incoming =
            tcp::listen("127.0.0.1:0", Bincode::default).await.context("cannot listen")?;
        ready(incoming.local_addr())?;
        while let Some(transport) = incoming.next().await {
            let transport = transport.context("cannot accept")?;
            transport.get_ref().set_nodelay(true).context("cannot set up the connection")?;
            let calls = BaseChannel::with_defaults(transport).execute(service.clone().serve());
            // A vote never blocks. A task per call, as in tarpc's examples, would halve the rate.
            tokio::spawn(calls.for_each_concurrent(None, |call| call));
        }
        Ok(())
    })
}

/// Casts votes with the server at `address`.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    let Work::Vote { connections, in_flight, votes } = work else {
        return unsupported("tarpc", "lines job");
    };
    runtime()?.block_on(async {
        let in_flight = usize::try_from(in_flight)?;
        let mut config = client::Config::default();
        config.max_in_flight_requests = config.max_in_flight_requests.max(in_flight);
        let mut tasks = Vec::new();
        for index in 0..connections {
            let transport =
                tcp::connect(address, Bincode::default).await.context("cannot connect")?;
            transport.get_ref().set_nodelay(true).context("cannot set up the connection")?;
            let client = BoothClient::new(config.clone(), transport).spawn();
            tasks.push(cast(client, in_flight, numbers(index, connections, votes)));
        }
        timed(votes, tasks).await
    })
}

/// The server's side.
#[derive(Clone)]
struct Service {
    booth: Arc<booth::Booth>,
}

impl Booth for Service {
    async fn vote(self, _: Context, number: u64, candidate: String) -> Outcome {
        self.booth.vote(number, &candidate)
    }
}

/// Votes under each of `numbers` with `in_flight` calls in flight, and returns how many.
async fn cast(
    client: BoothClient,
    in_flight: usize,
    numbers: impl Iterator<Item = u64> + Send,
) -> anyhow::Result<u64> {
    stream::iter(numbers)
        .map(|number| vote(&client, number))
        .buffer_unordered(in_flight)
        .map(|answer| {
            let outcome = answer.context("a call failed")?;
            ensure!(outcome == Outcome::Recorded, "a vote was refused: {outcome:?}");
            Ok(())
        })
        .try_fold(0, |count, ()| future::ok(count + 1))
        .await
}

/// Casts one vote.
async fn vote(client: &BoothClient, number: u64) -> Result<Outcome, RpcError> {
    client.vote(context::current(), number, CANDIDATE.to_string()).await
}
