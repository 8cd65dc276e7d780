//! The server's capabilities, one file each: the only place where schema types meet an election's.

mod administration;
mod auditor;
mod authority;
mod convert;
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
mod registrar;
mod restore;
mod session;
mod stall_guard;
mod watch;

use std::convert::Infallible;
use std::rc::Rc;

use capnp::capability::Client;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use draw::{draw_grant, draw_numbers};
pub use guesses::{DEBTORS_MAX, Guesses, UNDECIDED_VOTES_MAX};
pub use line_counter::{LINE_BYTES_MAX, READ_AHEAD_READS_MAX, READ_BYTES_MAX};
pub use long_work::{CHECKS_MAX, NUMBERS_IN_HAND_MAX};
pub use message::MESSAGE_BYTES_MAX;
pub use registrar::{ISSUE_NUMBERS_MAX, NUMBERS_WAIT_MAX};
pub use session::{
    AUTHORITIES_MAX, COUNTS_MAX, MESSAGE_WAIT_MAX, UNANSWERED_MESSAGES_MAX, WATCHES_MAX,
};
pub use watch::{CHANGE_PAUSE, QUIET_WAIT_MAX};

use self::directory::Directory;
use self::guesses::Guesser;
use self::session::Session;
use crate::ledger::{ClerkHandle, Teller};
use crate::net::admission::Origin;
use crate::net::connection::Work;
use crate::net::tick::tick;
use crate::schema::election_capnp;

/// What the connections of one shard share.
#[derive(Debug, Clone)]
pub struct Office {
    clerk: ClerkHandle,
    teller: Teller,
    guesses: Guesses,
    _tick: Rc<AbortOnDropHandle<Infallible>>,
}

impl Office {
    /// Opens an office on this thread. All of a server's count wrong guesses together, in `guesses`.
    ///
    /// # Panics
    /// Outside a [`LocalSet`](tokio::task::LocalSet) and a [`LocalRuntime`](tokio::runtime::LocalRuntime).
    pub fn open(clerk: ClerkHandle, guesses: Guesses) -> Self {
        let teller = Teller::start(clerk.clone());
        let tick = Rc::new(AbortOnDropHandle::new(tokio::task::spawn_local(tick())));
        Self { clerk, teller, guesses, _tick: tick }
    }

    /// The capability that a new connection from `origin` gets: a `Directory` of the public's authority.
    pub fn bootstrap(&self, work: Work, origin: Origin) -> Client {
        let guesser = Guesser::new(self.guesses.clone(), origin);
        let session = Session::new(self.clerk.clone(), self.teller.clone(), guesser, work);
        let directory = Directory::new(session);
        capnp_rpc::new_client::<election_capnp::directory::Client, _>(directory).client
    }
}
