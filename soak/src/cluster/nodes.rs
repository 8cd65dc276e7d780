//! Two database servers: a primary and its synchronous standby, which has a prefix of its log.
//!
//! A commit is in the primary's log at once, and visible once the standby has it, or once its wait
//! was ended. A primary that starts again has all of its log. A standby that is promoted has what
//! it received.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::store::{Record, Store, Tx};

/// The database servers.
pub(super) const NODES: usize = 2;

/// The servers of capvote.
pub(super) const SERVERS: usize = 2;

/// How long a record takes to the standby at most.
const REPLICATION_MAX: Duration = Duration::from_millis(12);

/// What is left of a lease when it is to be renewed.
const AWAY: Duration = Duration::from_secs(25);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    Standby,
    Down,
}

/// A database server.
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) timeline: u32,
    log: Vec<Rc<Record>>,
    /// What the clients of a primary see.
    pub(super) store: Store,
    /// How much of the log the standby has.
    replicated: usize,
    sessions: Vec<AbortHandle>,
}

/// How the wait of a commit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// With a warning.
    Cancel,
    /// With the connection.
    Terminate,
}

/// A commit that waits for the standby of its node, and how it shall end before.
pub(super) struct Waiting {
    pub(super) node: usize,
    pub(super) tx: Tx,
    pub(super) interrupt: Option<Interrupt>,
}

/// Both database servers, and the network around them.
pub(super) struct Nodes {
    pub(super) nodes: [Node; NODES],
    /// The standby receives from this node; `None`: from none.
    pub(super) upstream: Option<usize>,
    /// Until when it receives nothing.
    stalled_until: Instant,
    /// Whether messages are held, from a server to a node and back.
    pub(super) held: [[[bool; 2]; NODES]; SERVERS],
    /// The commits that wait.
    pub(super) waiting: Vec<Waiting>,
    next_tx: Tx,
    pub(super) begun: Instant,
    pub(super) rng: Rng,
    pub(super) changed: Rc<Notify>,
    /// When each server was last answered by a primary that can commit.
    heard: [Instant; SERVERS],
    /// Whether a server was not, for as long as a lease lasts: others go on without it.
    pub(super) was_away: bool,
    /// What the ledger asked that the simulation does not know.
    pub(super) unknown: Option<String>,
    /// Told when there is such a statement.
    pub(super) drifted: Rc<Notify>,
}

pub(super) type Shared = Rc<RefCell<Nodes>>;

impl Node {
    fn new(role: Role) -> Self {
        let (log, store, sessions) = Default::default();
        Self { role, timeline: 1, log, store, replicated: 0, sessions }
    }
}

impl Nodes {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            nodes: [Node::new(Role::Primary), Node::new(Role::Standby)],
            upstream: Some(0),
            stalled_until: Instant::now(),
            held: Default::default(),
            waiting: Vec::new(),
            next_tx: 0,
            begun: Instant::now(),
            rng,
            changed: Rc::default(),
            heard: [Instant::now(); SERVERS],
            was_away: false,
            unknown: None,
            drifted: Rc::default(),
        }
    }

    pub(super) fn next_tx(&mut self) -> Tx {
        self.next_tx += 1;
        self.next_tx
    }

    /// The other node.
    pub(super) fn other(node: usize) -> usize {
        1 - node
    }

    /// Whether commits of this node can be on both.
    pub(super) fn has_standby(&self, node: usize) -> bool {
        self.upstream == Some(node)
    }

    pub(super) fn add_session(&mut self, node: usize, session: AbortHandle) {
        let sessions = &mut self.nodes[node].sessions;
        sessions.retain(|session| !session.is_finished());
        sessions.push(session);
    }

    /// A server is answered by a node.
    pub(super) fn hear(&mut self, server: usize, node: usize) {
        if self.nodes[node].role == Role::Primary && self.has_standby(node) {
            self.was_away |= self.heard[server].elapsed() >= AWAY;
            self.heard[server] = Instant::now();
        }
    }

    /// Appends to a primary's log. Returns how long it is.
    pub(super) fn append(&mut self, node: usize, record: Record) -> usize {
        let node = &mut self.nodes[node];
        node.log.push(Rc::new(record));
        node.log.len()
    }

    pub(super) fn is_replicated(&self, node: usize, position: usize) -> bool {
        self.nodes[node].replicated >= position
    }

    /// Ends every connection of a node.
    fn cut(&mut self, node: usize) {
        self.nodes[node].sessions.drain(..).for_each(|session| session.abort());
        self.waiting.retain(|waiting| waiting.node != node);
    }

    /// A node crashes.
    pub(super) fn crash(&mut self, node: usize) {
        self.cut(node);
        self.nodes[node].role = Role::Down;
        if self.upstream == Some(node) {
            self.upstream = None;
        }
        self.changed.notify_waiters();
    }

    /// A primary that crashed goes on with all that is in its log.
    pub(super) fn restart(&mut self, node: usize) {
        let it = &mut self.nodes[node];
        it.role = Role::Primary;
        it.store = Store::of(&it.log);
    }

    /// The standby becomes a primary. What it has not received is lost. Up to `lost` commits
    /// that it has received are, too, but no act.
    pub(super) fn promote(&mut self, node: usize, lost: usize) {
        let timeline = self.nodes.iter().map(|node| node.timeline).max().unwrap_or(0) + 1;
        self.upstream = None;
        let it = &mut self.nodes[node];
        for _ in 0..lost {
            it.log.pop_if(|last| !last.has_act());
        }
        (it.role, it.timeline, it.replicated) = (Role::Primary, timeline, 0);
        it.store = Store::of(&it.log);
        self.changed.notify_waiters();
    }

    /// A node becomes the standby of the other, with a copy of its log.
    pub(super) fn attach(&mut self, node: usize) {
        self.cut(node);
        let primary = Self::other(node);
        self.nodes[node].role = Role::Standby;
        self.nodes[node].log = self.nodes[primary].log.clone();
        self.upstream = Some(primary);
        self.changed.notify_waiters();
    }

    /// The standby receives nothing for a while.
    pub(super) fn stall(&mut self, until: Instant) {
        self.stalled_until = until;
    }

    /// Ends the wait of a commit, if one waits.
    pub(super) fn interrupt(&mut self, how: Interrupt) -> bool {
        let waiting = self.waiting.len();
        if waiting == 0 {
            return false;
        }
        let index = self.rng.usize(0..waiting);
        self.waiting[index].interrupt = Some(how);
        self.changed.notify_waiters();
        true
    }

    fn receive(&mut self) {
        if let Some(primary) = self.upstream.filter(|_| Instant::now() >= self.stalled_until) {
            let standby = Self::other(primary);
            let received = self.nodes[standby].log.len();
            let new = self.nodes[primary].log[received..].to_vec();
            self.nodes[standby].log.extend(new);
            let position = self.nodes[standby].log.len();
            if self.nodes[primary].replicated != position {
                self.nodes[primary].replicated = position;
                self.changed.notify_waiters();
            }
        }
    }
}

/// Carries the log to the standby.
pub(super) async fn replicate(shared: Shared, mut rng: Rng) {
    loop {
        sleep(REPLICATION_MAX.mul_f64(rng.f64())).await;
        shared.borrow_mut().receive();
    }
}
