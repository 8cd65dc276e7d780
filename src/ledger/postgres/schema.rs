//! The tables.

use tokio_postgres::Client;

use super::connection::Fault;

/// The format of the tables.
pub(super) const FORMAT: i32 = 1;

/// Of `ledger`, one row: `cluster` is the place of this cluster among the `clusters` of the ledger,
/// from 0, and `version` counts the acts, in the first cluster only. Numbers of voters are stored
/// as signed integers of the same 64 bits. `numbers` has up to 8,192 of them, and `lines` up to
/// 8,192 lines of a tally sheet; neither shrinks by compression.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS ledger (one boolean PRIMARY KEY DEFAULT true CHECK (one),
    format int NOT NULL, id bytea NOT NULL, cluster smallint NOT NULL,
    clusters smallint NOT NULL, version bigint NOT NULL);
CREATE TABLE IF NOT EXISTS elections (key int PRIMARY KEY, id text UNIQUE NOT NULL,
    state smallint NOT NULL, version bigint NOT NULL);
CREATE TABLE IF NOT EXISTS acts (version bigint PRIMARY KEY, election int NOT NULL,
    kind smallint NOT NULL, what bytea NOT NULL, head bytea NOT NULL, mac bytea);
CREATE TABLE IF NOT EXISTS roll (election int, version bigint, row int, added boolean NOT NULL,
    numbers bytea NOT NULL, PRIMARY KEY (election, version, row));
CREATE TABLE IF NOT EXISTS servers (id bytea PRIMARY KEY, settled bigint NOT NULL);
CREATE TABLE IF NOT EXISTS leases (server bytea PRIMARY KEY, timeline bigint NOT NULL,
    seen timestamptz NOT NULL, link text, mac bytea);
CREATE TABLE IF NOT EXISTS holders (election int, server bytea, public bytea NOT NULL,
    mac bytea NOT NULL, wrapped bytea, destroyed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (election, server));
CREATE TABLE IF NOT EXISTS chains (chain bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    election int NOT NULL, server bytea, writer smallint, genesis bytea NOT NULL);
CREATE TABLE IF NOT EXISTS entries (chain bigint, seq int, kind smallint NOT NULL,
    stored int NOT NULL, hashed int NOT NULL CHECK (stored = hashed), head bytea NOT NULL,
    PRIMARY KEY (chain, seq));
CREATE TABLE IF NOT EXISTS tallies (chain bigint PRIMARY KEY, seq int NOT NULL,
    ballots bigint NOT NULL, sealed bytea NOT NULL);
CREATE TABLE IF NOT EXISTS ballots (election int, number bigint, sealed bytea NOT NULL,
    chain bigint NOT NULL, seq int NOT NULL, PRIMARY KEY (election, number))
    PARTITION BY LIST (election);
CREATE TABLE IF NOT EXISTS sheet (election int, part int, first bytea NOT NULL,
    lines bytea NOT NULL, PRIMARY KEY (election, part));
CREATE INDEX IF NOT EXISTS ends ON entries (chain) WHERE kind = 5;
CREATE INDEX IF NOT EXISTS holders_asking ON holders (election)
    WHERE wrapped IS NULL AND NOT destroyed;
CREATE INDEX IF NOT EXISTS sheet_first ON sheet (election, first);
ALTER TABLE ballots ALTER COLUMN sealed SET STORAGE PLAIN;
ALTER TABLE roll ALTER COLUMN numbers SET STORAGE EXTERNAL;
ALTER TABLE sheet ALTER COLUMN lines SET STORAGE EXTERNAL;
";

/// Whether there is a ledger, with all its tables.
pub(super) async fn is_complete(client: &Client) -> Result<bool, Fault> {
    let there =
        "SELECT to_regclass('ledger') IS NOT NULL AND to_regclass('sheet_first') IS NOT NULL";
    Ok(client.query_one(there, &[]).await?.try_get(0)?)
}

/// Creates the tables, if they are not there, and the ledger's row. Servers that start at once wait
/// for each other where two make the same table, and one of them has to try again.
pub(super) async fn create(client: &Client, id: [u8; 16], place: (i16, i16)) -> Result<(), Fault> {
    client.batch_execute("BEGIN").await?;
    create_within(client, &id, place).await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

/// The same, in the transaction of this connection.
pub(super) async fn create_within(
    client: &Client,
    id: &[u8; 16],
    (cluster, clusters): (i16, i16),
) -> Result<(), Fault> {
    let row = "INSERT INTO ledger (format, id, cluster, clusters, version)
               VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING";
    // Chains have other numbers in each cluster.
    let chains = format!(
        "ALTER TABLE chains ALTER COLUMN chain
             SET START WITH {} SET INCREMENT BY {clusters} RESTART",
        cluster + 1
    );
    client.batch_execute(TABLES).await?;
    if client.execute(row, &[&FORMAT, &&id[..], &cluster, &clusters]).await? == 1 {
        client.batch_execute(&chains).await?;
    }
    Ok(())
}

/// The table of the ballots of an election, which is made with it. To make it as a part of the
/// others would wait for their votes.
pub(super) fn partition(election: i32) -> String {
    format!(
        "CREATE TABLE ballots_{election} (LIKE ballots INCLUDING ALL);
         ALTER TABLE ballots ATTACH PARTITION ballots_{election} FOR VALUES IN ({election})"
    )
}
