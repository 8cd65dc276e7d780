//! `Directory`: the bootstrap capability, with public authority only.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use capnp::Error;

use super::election::Election;
use super::find::find;
use super::line_counter::LineCounter;
use super::restore::restore;
use super::session::Session;
use crate::election::ElectionId;
use crate::net::transport::Caller;
use crate::schema::election::write_info;
use crate::schema::election_capnp::directory::{
    ElectionParams, ElectionResults, ElectionsParams, ElectionsResults, LineCounterParams,
    LineCounterResults, RestoreParams, RestoreResults, Server,
};
use crate::schema::election_capnp::election;
use crate::schema::lines_capnp::line_counter;

/// The longest list of all elections. A message has at most 64 MiB.
const LISTED_BYTES_MAX: usize = 60 << 20;

pub(super) struct Directory {
    session: Rc<Session>,
    /// The capabilities returned so far. Asking again for one takes no more memory.
    elections: RefCell<HashMap<ElectionId, election::Client>>,
    counter: OnceCell<line_counter::Client>,
}

impl Directory {
    pub(super) fn new(session: Rc<Session>) -> Self {
        Self { session, elections: RefCell::default(), counter: OnceCell::new() }
    }

    /// The bytes of a list of all elections.
    fn listed_bytes(&self) -> usize {
        let snapshot = self.session.snapshots.borrow();
        snapshot.elections.iter().map(|it| it.definition.message_bytes()).sum()
    }

    fn election_client(&self, id: ElectionId) -> election::Client {
        let new = |id| capnp_rpc::new_client(Election::new(self.session.clone(), id));
        let mut elections = self.elections.borrow_mut();
        elections.entry(id).or_insert_with_key(|id| new(id.clone())).clone()
    }

    fn line_counter_client(&self) -> line_counter::Client {
        let new = || capnp_rpc::new_client(LineCounter::new(self.session.clone()));
        self.counter.get_or_init(new).clone()
    }
}

impl Server for Directory {
    async fn elections(
        self: Rc<Self>,
        params: ElectionsParams,
        mut results: ElectionsResults,
    ) -> capnp::Result<()> {
        let caller = Caller::of(|| params.get().is_ok());
        let bytes = self.listed_bytes();
        // A ledger that was filled before there was a bound may have more.
        if bytes > LISTED_BYTES_MAX {
            return Err(Error::failed("the list of all elections is too long to send".into()));
        }
        let _turn = self.session.may_answer(caller.as_ref(), bytes).await?;
        let snapshot = self.session.snapshots.borrow().clone();
        let mut list = results.get().init_elections(snapshot.elections.len() as u32);
        for (index, standing) in snapshot.elections.iter().enumerate() {
            write_info(standing, list.reborrow().get(index as u32));
        }
        Ok(())
    }

    async fn election(
        self: Rc<Self>,
        params: ElectionParams,
        mut results: ElectionResults,
    ) -> capnp::Result<()> {
        let asked = params.get()?.get_id()?.to_str().ok();
        let id = self.session.look_up(|snapshot| find(snapshot, asked), |_| true).await?;
        results.get().set_election(self.election_client(id));
        Ok(())
    }

    async fn line_counter(
        self: Rc<Self>,
        _: LineCounterParams,
        mut results: LineCounterResults,
    ) -> capnp::Result<()> {
        results.get().set_counter(self.line_counter_client());
        Ok(())
    }

    async fn restore(
        self: Rc<Self>,
        params: RestoreParams,
        mut results: RestoreResults,
    ) -> capnp::Result<()> {
        let capability = restore(&self.session, params.get()?.get_token()?).await?;
        if let Some(caller) = Caller::of(|| params.get().is_ok()) {
            caller.holds_link();
        }
        results.get().init_capability().set_as_capability(capability.hook);
        Ok(())
    }
}
