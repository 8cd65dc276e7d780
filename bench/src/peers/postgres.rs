//! PostgreSQL, by tokio-postgres: one prepared statement for each vote, which is a transaction of its own
//! and durable when it is answered. There are no callbacks, so a voter gets the outcome and nothing else.
//! A client only; the server is started beside it, and lets the user postgres in without a password:
//!
//! ```sql
//! CREATE TABLE roll (number bigint PRIMARY KEY);
//! CREATE TABLE ballots (number bigint PRIMARY KEY, candidate text NOT NULL);
//! INSERT INTO roll SELECT generate_series(1, VOTERS);
//! ```
//!
//! Measured: votes, from the first statement to the last answer. The connections are open and the
//! statements prepared before.

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, future, stream};
use tokio_postgres::{Client, Config, Error, NoTls, Statement};

use super::{CANDIDATE, Job, Measured, Work, numbers, runtime, timed, unsupported};

/// Casts a vote. It inserts no row for a number that is not on the roll, or has voted.
const VOTE: &str = "INSERT INTO ballots SELECT number, $2 FROM roll WHERE number = $1 \
                    ON CONFLICT DO NOTHING";

/// There is no server here.
pub fn serve(_: Job, _: u64) -> anyhow::Result<()> {
    unsupported("postgres", "server")
}

/// Casts votes with the PostgreSQL server at `address`.
pub fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    let Work::Vote { connections, in_flight, votes } = work else {
        return unsupported("postgres", "lines job");
    };
    let (host, port) =
        address.rsplit_once(':').with_context(|| format!("{address} is not HOST:PORT"))?;
    let port = port.parse().with_context(|| format!("{port} is not a port"))?;
    let mut config = Config::new();
    config.host(host).port(port).user("postgres").dbname("postgres");
    runtime()?.block_on(async {
        let in_flight = usize::try_from(in_flight)?;
        let mut tasks = Vec::new();
        for index in 0..connections {
            let voter = Voter::connect(&config).await?;
            tasks.push(voter.cast(in_flight, numbers(index, connections, votes)));
        }
        timed(votes, tasks).await
    })
}

/// One connection.
struct Voter {
    client: Client,
    statement: Statement,
}

impl Voter {
    /// Opens a connection and prepares the statement.
    async fn connect(config: &Config) -> anyhow::Result<Self> {
        let (client, connection) = config.connect(NoTls).await.context("cannot connect")?;
        // Where the connection fails, so do the statements on it.
        tokio::spawn(connection);
        let statement = client.prepare(VOTE).await.context("cannot prepare the statement")?;
        Ok(Self { client, statement })
    }

    /// Votes under each of `numbers`, with `in_flight` statements unanswered, and returns how many there
    /// were.
    async fn cast(
        self,
        in_flight: usize,
        numbers: impl Iterator<Item = u64> + Send,
    ) -> anyhow::Result<u64> {
        stream::iter(numbers)
            .map(|number| self.vote(number))
            .buffer_unordered(in_flight)
            .map(|answer| {
                let rows = answer.context("a statement failed")?;
                ensure!(rows == 1, "a vote was refused: it inserted {rows} rows");
                Ok(())
            })
            .try_fold(0, |count, ()| future::ok(count + 1))
            .await
    }

    /// Casts one vote, and returns how many rows that inserted.
    async fn vote(&self, number: u64) -> Result<u64, Error> {
        self.client.execute(&self.statement, &[&number.cast_signed(), &CANDIDATE]).await
    }
}
