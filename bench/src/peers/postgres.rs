//! PostgreSQL with tokio-postgres: one prepared statement per vote, which is a transaction and
//! durable when it is answered. It has no callbacks: a voter gets only the outcome. This is a
//! client; the server is `postgres.sh`, which admits the user postgres without a password and has
//! these tables:
//!
//! ```sql
//! CREATE TABLE roll (number bigint PRIMARY KEY);
//! CREATE TABLE ballots (number bigint PRIMARY KEY, candidate text NOT NULL);
//! INSERT INTO roll SELECT generate_series(1, VOTERS);
//! ```
//!
//! Measured: votes, from the first statement to the last answer, over open connections with
//! prepared statements.

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, future, stream};
use tokio_postgres::{Client, Config, Error, NoTls, Statement};

use super::{CANDIDATE, Measured, Serving, Work, numbers, runtime, timed, unsupported};

/// Casts a vote. Inserts no row if the number is not on the roll or has voted.
pub(super) const VOTE: &str = "INSERT INTO ballots SELECT number, $2 FROM roll WHERE number = $1 \
                    ON CONFLICT DO NOTHING";

/// Unsupported: the server is `postgres.sh`.
pub(in crate::peers) fn serve(_: Serving, _: u64) -> anyhow::Result<()> {
    unsupported("postgres", "server")
}

/// Casts votes with the PostgreSQL server at `address`.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    let Work::Vote { connections, in_flight, votes } = work else {
        return unsupported("postgres", "lines job");
    };
    let config = config(address)?;
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

/// How to connect to the database at `address`.
pub(super) fn config(address: &str) -> anyhow::Result<Config> {
    let (host, port) =
        address.rsplit_once(':').with_context(|| format!("{address} is not HOST:PORT"))?;
    let port = port.parse().with_context(|| format!("{port} is not a port"))?;
    let mut config = Config::new();
    config.host(host).port(port).user("postgres").dbname("postgres");
    Ok(config)
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
        // If the connection fails, the statements on it report the error.
        tokio::spawn(connection);
        let statement = client.prepare(VOTE).await.context("cannot prepare the statement")?;
        Ok(Self { client, statement })
    }

    /// Votes under each of `numbers` with `in_flight` statements in flight, and returns how many.
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

    /// Casts one vote and returns the number of inserted rows.
    async fn vote(&self, number: u64) -> Result<u64, Error> {
        self.client.execute(&self.statement, &[&number.cast_signed(), &CANDIDATE]).await
    }
}
