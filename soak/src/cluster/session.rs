//! A connection to a simulated database server.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use fastrand::Rng;
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::nodes::{Interrupt, Role, Shared, Waiting};
use super::statements::{Statement, known};
use super::store::{Snapshot, Tx};
use super::values::Value;
use super::wire::{Failure, Request, Wire};

/// How long a transaction may be left alone: the ledger sets it for its sessions.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// How long a message takes at most.
const LATENCY_MAX: Duration = Duration::from_millis(4);

/// One request in so many is the last of its connection.
const DEATH_ODDS: u32 = 1_500;

/// A connection of a server of capvote to a database server.
pub(super) struct Session {
    pub(super) shared: Shared,
    pub(super) server: usize,
    pub(super) node: usize,
    wire: Wire,
    rng: Rng,
    statements: HashMap<String, &'static Statement>,
    bound: Option<(&'static Statement, Vec<Value>)>,
    /// Whether requests are skipped until the next synchronisation.
    skips: bool,
    pub(super) tx: Option<Transaction>,
}

/// A transaction in progress.
pub(super) struct Transaction {
    id: Tx,
    /// Whether it was begun by a statement of its own.
    is_block: bool,
    has_failed: bool,
    /// Whether its commit waits for nothing.
    is_hasty: bool,
    /// What a transaction reads that sees one moment only.
    pub(super) snapshot: Option<Snapshot>,
}

impl Session {
    pub(super) fn new(
        shared: Shared,
        (server, node): (usize, usize),
        stream: DuplexStream,
        rng: Rng,
    ) -> Self {
        let (statements, bound, skips, tx) = Default::default();
        let wire = Wire::new(stream);
        Self { shared, server, node, wire, rng, statements, bound, skips, tx }
    }

    /// Serves the connection until one of both ends it.
    pub(super) async fn run(mut self) {
        // Its end is what the client sees.
        let _ = self.serve().await;
        self.end(false);
    }

    async fn serve(&mut self) -> io::Result<()> {
        self.wire.startup().await?;
        self.pass(0).await;
        self.wire.welcome();
        self.ready().await?;
        loop {
            // A transaction that is left alone is undone.
            let idle = self.tx.is_some().then(|| Instant::now() + IDLE_MAX);
            let next = self.wire.next();
            let request = match idle {
                Some(idle) => timeout_at(idle, next).await??,
                None => next.await?,
            };
            match idle {
                Some(idle) => timeout_at(idle, self.pass(0)).await?,
                None => self.pass(0).await,
            }
            if matches!(request, Request::Terminate) {
                return Ok(());
            }
            self.handle(request).await?;
        }
    }

    /// Waits until messages pass, to the database or back.
    async fn pass(&self, direction: usize) {
        let changed = self.shared.borrow().changed.clone();
        loop {
            let changed = changed.notified();
            if !self.shared.borrow().held[self.server][self.node][direction] {
                return;
            }
            changed.await;
        }
    }

    /// Says that the next request may come.
    async fn ready(&mut self) -> io::Result<()> {
        let status = match &self.tx {
            None => b'I',
            Some(tx) if tx.has_failed => b'E',
            Some(_) => b'T',
        };
        self.wire.ready(status);
        self.pass(1).await;
        self.shared.borrow_mut().hear(self.server, self.node);
        self.wire.flush().await
    }

    async fn handle(&mut self, request: Request) -> io::Result<()> {
        let is_last = matches!(request, Request::Query(_) | Request::Sync);
        let dies = is_last && self.rng.u32(0..DEATH_ODDS) == 0;
        if is_last {
            sleep(LATENCY_MAX.mul_f64(self.rng.f64() * self.rng.f64())).await;
            if dies && self.rng.bool() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        match request {
            Request::Sync => self.skips = false,
            _ if self.skips => return Ok(()),
            Request::Query(text) => self.query(&text).await?,
            request => {
                if let Err(failure) = self.step(request).await? {
                    self.fail(&failure);
                    self.skips = true;
                }
            }
        }
        match is_last {
            true if dies => Err(io::ErrorKind::ConnectionReset.into()),
            true => self.ready().await,
            false => Ok(()),
        }
    }

    fn fail(&mut self, failure: &Failure) {
        self.wire.failed(failure);
        match &mut self.tx {
            Some(tx) if tx.is_block => tx.has_failed = true,
            _ => self.end(false),
        }
    }

    /// A request of the extended protocol.
    async fn step(&mut self, request: Request) -> io::Result<Result<(), Failure>> {
        match request {
            Request::Parse(name, text) => {
                let Some(statement) = known(&text) else { return Err(self.unknown(&text)) };
                self.statements.insert(name, statement);
                self.wire.parsed();
            }
            Request::DescribeStatement(name) => {
                let statement = self.statements[&name];
                self.wire.parameters(statement.parameters);
                self.wire.columns(statement.columns);
            }
            Request::Bind(name, parameters) => {
                let statement = self.statements[&name];
                let read = |(it, bytes): (_, Option<Vec<u8>>)| match (it, bytes) {
                    (_, None) => Value::Null,
                    (it, Some(bytes)) => super::values::Type::read(it, &bytes),
                };
                let types = statement.parameters.iter().copied();
                let values = types.zip(parameters).map(read).collect();
                self.bound = Some((statement, values));
                self.wire.bound();
            }
            Request::DescribePortal => {
                let statement = self.bound.as_ref().map(|(statement, _)| *statement);
                self.wire.columns(statement.map_or(&[], |statement| statement.columns));
            }
            Request::Execute => return self.execute().await,
            Request::CloseStatement(name) => {
                self.statements.remove(&name);
                self.wire.closed();
            }
            Request::Query(_) | Request::Sync | Request::Terminate => {}
        }
        Ok(Ok(()))
    }

    fn unknown(&self, text: &str) -> io::Error {
        let words: Vec<_> = text.split_whitespace().collect();
        let mut shared = self.shared.borrow_mut();
        shared.unknown.get_or_insert(words.join(" "));
        shared.drifted.notify_one();
        io::ErrorKind::Unsupported.into()
    }

    async fn execute(&mut self) -> io::Result<Result<(), Failure>> {
        let Some((statement, values)) = self.bound.take() else { return Ok(Ok(())) };
        let has_failed = self.tx.as_ref().is_some_and(|tx| tx.has_failed);
        if has_failed {
            let why = "current transaction is aborted, commands ignored until end of transaction \
                       block";
            return Ok(Err(Failure::new("25P02", why)));
        }
        self.begin(false);
        let (rows, count) = match self.ask(statement.ask, &values).await {
            Ok(done) => done,
            Err(failure) => return Ok(Err(failure)),
        };
        rows.iter().for_each(|row| self.wire.row(statement.columns, row));
        if self.tx.as_ref().is_some_and(|tx| !tx.is_block) {
            self.commit().await?;
        }
        self.wire.complete(&format!("UPDATE {count}"));
        Ok(Ok(()))
    }

    /// Statements as text.
    async fn query(&mut self, text: &str) -> io::Result<()> {
        for statement in text.split(';').map(str::trim).filter(|it| !it.is_empty()) {
            let first = statement.split_whitespace().next().unwrap_or_default();
            match (first, statement) {
                (_, "BEGIN") => self.begin(true),
                (_, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") => {
                    self.begin(true);
                    let snapshot = self.shared.borrow().nodes[self.node].store.snapshot();
                    self.tx.iter_mut().for_each(|tx| tx.snapshot = Some(snapshot.clone()));
                }
                (_, "COMMIT") if self.tx.as_ref().is_some_and(|tx| tx.has_failed) => {
                    self.end(false);
                    self.wire.complete("ROLLBACK");
                    continue;
                }
                (_, "COMMIT") => self.commit().await?,
                (_, "ROLLBACK") => self.end(false),
                (_, "SET LOCAL synchronous_commit = off") => {
                    self.tx.iter_mut().for_each(|tx| tx.is_hasty = true);
                }
                // What the tables are made of is known.
                ("SET" | "CREATE" | "ALTER", _) => {}
                _ => return Err(self.unknown(statement)),
            }
            self.wire.complete(first);
        }
        Ok(())
    }

    /// Begins a transaction, unless there is one.
    fn begin(&mut self, is_block: bool) {
        if self.tx.is_none() {
            let id = self.shared.borrow_mut().next_tx();
            let (has_failed, is_hasty, snapshot) = Default::default();
            self.tx = Some(Transaction { id, is_block, has_failed, is_hasty, snapshot });
        }
    }

    pub(super) fn tx(&self) -> Tx {
        self.tx.as_ref().map_or(0, |tx| tx.id)
    }

    /// Ends the transaction, if there is one.
    fn end(&mut self, is_committed: bool) {
        if let Some(tx) = self.tx.take() {
            let mut shared = self.shared.borrow_mut();
            shared.nodes[self.node].store.end(tx.id, is_committed);
            shared.changed.notify_waiters();
        }
    }

    /// Commits: in the log at once, and visible once the standby has it, or the wait was ended.
    async fn commit(&mut self) -> io::Result<()> {
        let tx = self.tx();
        let record = self.shared.borrow().nodes[self.node].store.record(tx);
        let Some(record) = record else {
            self.end(true);
            return Ok(());
        };
        let position = self.shared.borrow_mut().append(self.node, record);
        if self.tx.as_ref().is_some_and(|tx| tx.is_hasty) {
            self.end(true);
            return Ok(());
        }
        let waiting = Waiting { node: self.node, tx, interrupt: None };
        self.shared.borrow_mut().waiting.push(waiting);
        let changed = self.shared.borrow().changed.clone();
        let interrupt = loop {
            let changed = changed.notified();
            {
                let shared = self.shared.borrow();
                let mine = shared.waiting.iter().find(|it| it.tx == tx);
                let interrupt = mine.and_then(|mine| mine.interrupt);
                if interrupt.is_some() || shared.is_replicated(self.node, position) {
                    break interrupt;
                }
            }
            changed.await;
        };
        self.shared.borrow_mut().waiting.retain(|it| it.tx != tx);
        self.end(true);
        match interrupt {
            None => {}
            Some(Interrupt::Cancel) => {
                self.wire.warn("canceling wait for synchronous replication due to user request");
            }
            Some(Interrupt::Terminate) => return Err(io::ErrorKind::ConnectionReset.into()),
        }
        Ok(())
    }

    /// Whether this server is a standby, how many standbys it has, and its timeline.
    pub(super) fn about(&self) -> (bool, i64, u32) {
        let shared = self.shared.borrow();
        let node = &shared.nodes[self.node];
        let standbys = i64::from(shared.has_standby(self.node));
        (node.role == Role::Standby, standbys, node.timeline)
    }

    pub(super) fn milliseconds(&self) -> i64 {
        self.shared.borrow().begun.elapsed().as_millis() as i64
    }

    pub(super) fn next_chain(&self) -> i64 {
        self.shared.borrow_mut().nodes[self.node].store.next_chain()
    }
}
