//! The server's capabilities, one file each, and what they share. They convert between schema types
//! and those of [`election`](crate::election), and decide through a [`Ledger`].

mod administration;
mod auditor;
mod authority;
mod convert;
mod decided;
mod directory;
mod draw;
mod election;
mod find;
mod guesses;
mod line_counter;
mod lines;
mod long_work;
mod message;
mod officer;
mod puzzles;
mod registrar;
mod restore;
mod session;
mod solved;
mod stall_guard;
mod vote_batch;
mod vote_request;
mod watch;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use capnp::capability::Client;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use draw::{draw_grant, draw_numbers};
pub use guesses::{
    DEBTORS_MAX, Guesses, THROTTLED_VOTES_MAX, THROTTLED_WAIT_MAX, UNDECIDED_VOTES_MAX,
    WRONG_TOKENS_MAX,
};
pub use line_counter::{LINE_BYTES_MAX, READ_AHEAD_READS_MAX, READ_BYTES_MAX};
pub use long_work::{CHECKS_MAX, NUMBERS_IN_HAND_MAX};
pub use message::MESSAGE_BYTES_MAX;
pub use puzzles::USED_SOLUTIONS_MAX;
pub use registrar::{ISSUE_NUMBERS_MAX, NUMBERS_WAIT_MAX, REVOKE_NUMBERS_MAX};
pub use session::{
    AUTHORITIES_MAX, COUNTS_MAX, MESSAGE_WAIT_MAX, UNANSWERED_MESSAGES_MAX, WATCHES_MAX,
};
pub use solved::{ASKED_BITS_MAX, SOLVED_OF_ADDRESS_MAX, SOLVED_VOTES_MAX, SOLVED_WAIT_MAX};
pub use vote_batch::WAITING_VOTES_MAX;
pub use watch::{CHANGE_PAUSE, QUIET_WAIT_MAX};

use self::directory::Directory;
use self::guesses::Guesser;
use self::session::Session;
use self::vote_batch::VoteBatcher;
use crate::ledger::Ledger;
use crate::net::admission::Origin;
use crate::net::connection::CallTracker;
use crate::net::tick::tick;
use crate::schema::election_capnp;

/// Per-shard factory for bootstrap capabilities. Clones share the shard's state.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    ledger: Arc<dyn Ledger>,
    votes: VoteBatcher,
    guesses: Guesses,
    _tick: Rc<AbortOnDropHandle<Infallible>>,
}

impl Bootstrap {
    /// A factory for this thread. All shards of a server share `guesses`.
    ///
    /// # Panics
    /// Outside a [`LocalSet`](tokio::task::LocalSet) and a
    /// [`LocalRuntime`](tokio::runtime::LocalRuntime).
    pub fn new(ledger: Arc<dyn Ledger>, guesses: Guesses) -> Self {
        let votes = VoteBatcher::start(ledger.clone());
        let tick = Rc::new(AbortOnDropHandle::new(tokio::task::spawn_local(tick())));
        Self { ledger, votes, guesses, _tick: tick }
    }

    /// The bootstrap capability of a new connection: a `Directory`. `calls` tracks the calls that
    /// are answered before the server stops.
    pub fn capability(&self, calls: CallTracker, origin: Origin) -> Client {
        let guesser = Guesser::new(self.guesses.clone(), origin);
        let session = Session::new(self.ledger.clone(), self.votes.clone(), guesser, calls);
        let directory = Directory::new(session);
        capnp_rpc::new_client::<election_capnp::directory::Client, _>(directory).client
    }
}
