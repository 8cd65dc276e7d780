//! Votes in PostgreSQL, over a pool of connections. `postgres.sh` starts the database, with the
//! settings that it comes with for what is durable, makes its tables, and says in the environment
//! variable `DATABASE` where it listens.

use std::env;

use anyhow::Context;
use deadpool_postgres::{Manager, Pool};
use tokio_postgres::NoTls;

use super::Store;
use crate::peers::postgres::{VOTE, config};

/// The connections to the database.
const POOL: usize = 32;

pub(super) struct Postgres(Pool);

impl Postgres {
    pub(super) fn new() -> anyhow::Result<Self> {
        let address = env::var("DATABASE").context("DATABASE names no database")?;
        let manager = Manager::new(config(&address)?, NoTls);
        Ok(Self(Pool::builder(manager).max_size(POOL).build()?))
    }
}

impl Store for Postgres {
    async fn record(&self, number: i64, candidate: String) -> anyhow::Result<bool> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(VOTE).await?;
        Ok(client.execute(&statement, &[&number, &candidate]).await? == 1)
    }
}
