//! Votes in SQLite, by a thread that has its one connection: in WAL mode, synchronous, and with a
//! commit for each vote. (SQLite is that of capvote, which overwrites the memory that it frees.)

use std::env;
use std::sync::mpsc;
use std::thread;

use anyhow::Context;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Store;

const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE roll (number INTEGER PRIMARY KEY);
    CREATE TABLE ballots (number INTEGER PRIMARY KEY, candidate TEXT NOT NULL);
";

const VOTE: &str = "INSERT INTO ballots SELECT number, ?2 FROM roll WHERE number = ?1 \
                    ON CONFLICT DO NOTHING";

/// A vote, and where its answer goes.
type Asked = (i64, String, oneshot::Sender<rusqlite::Result<usize>>);

pub(super) struct Sqlite(mpsc::Sender<Asked>);

impl Sqlite {
    /// A database for the voters 1 to `voters`, in the folder that the environment variable
    /// `SCRATCH` names.
    pub(super) fn start(voters: u64) -> anyhow::Result<Self> {
        let folder = env::var("SCRATCH").context("SCRATCH names no folder")?;
        let mut connection = Connection::open(format!("{folder}/votes.sqlite"))?;
        connection.execute_batch(TABLES)?;
        let filling = connection.transaction()?;
        let mut insert = filling.prepare("INSERT INTO roll VALUES (?1)")?;
        for number in 1..=voters.cast_signed() {
            insert.execute([number])?;
        }
        drop(insert);
        filling.commit()?;
        let (sender, asked) = mpsc::channel::<Asked>();
        thread::spawn(move || {
            for (number, candidate, answer) in asked {
                let vote = || connection.prepare_cached(VOTE)?.execute((number, candidate));
                let _ = answer.send(vote());
            }
        });
        Ok(Self(sender))
    }
}

impl Store for Sqlite {
    async fn record(&self, number: i64, candidate: String) -> anyhow::Result<bool> {
        let (answer, answered) = oneshot::channel();
        self.0.send((number, candidate, answer))?;
        Ok(answered.await?? == 1)
    }
}
