//! `Directory`: what anyone who connects may do.

use std::rc::Rc;

use capnp::Error;
use itertools::Itertools;

use super::authority;
use super::convert::write_info;
use super::election::Election;
use super::line_counter::LineCounter;
use super::session::Session;
use crate::election::ElectionId;
use crate::ledger::Board;
use crate::schema::election_capnp::directory::{
    ElectionParams, ElectionResults, ElectionsParams, ElectionsResults, LineCounterParams,
    LineCounterResults, RestoreParams, RestoreResults, Server,
};

/// How many elections an error lists.
const LISTED_ELECTIONS_MAX: usize = 20;

pub(super) struct Directory {
    session: Rc<Session>,
}

impl Directory {
    pub(super) fn new(session: Rc<Session>) -> Self {
        Self { session }
    }
}

impl Server for Directory {
    async fn elections(
        self: Rc<Self>,
        _: ElectionsParams,
        mut results: ElectionsResults,
    ) -> capnp::Result<()> {
        let board = self.session.clerk.board();
        let mut list = results.get().init_elections(board.elections.len() as u32);
        for (index, standing) in board.elections.iter().enumerate() {
            write_info(standing, list.reborrow().get(index as u32));
        }
        Ok(())
    }

    async fn election(
        self: Rc<Self>,
        params: ElectionParams,
        mut results: ElectionResults,
    ) -> capnp::Result<()> {
        let id = find(&self.session.clerk.board(), params.get()?.get_id()?.to_str().ok())?;
        results.get().set_election(capnp_rpc::new_client(Election::new(self.session.clone(), id)));
        Ok(())
    }

    async fn line_counter(
        self: Rc<Self>,
        _: LineCounterParams,
        mut results: LineCounterResults,
    ) -> capnp::Result<()> {
        results.get().set_counter(capnp_rpc::new_client(LineCounter::new(self.session.clone())));
        Ok(())
    }

    async fn restore(
        self: Rc<Self>,
        params: RestoreParams,
        mut results: RestoreResults,
    ) -> capnp::Result<()> {
        let capability = authority::restore(&self.session, params.get()?.get_token()?)?;
        results.get().init_capability().set_as_capability(capability.hook);
        Ok(())
    }
}

/// The election with the id that was asked for, which is nothing where it was no text.
pub(super) fn find(board: &Board, asked: Option<&str>) -> Result<ElectionId, Error> {
    match (asked, &board.elections[..]) {
        (_, []) => Err(Error::failed("there is no election on this server".into())),
        (Some(""), [only]) => Ok(only.definition.id.clone()),
        (Some(""), _) => Err(Error::failed(format!("which election? There are {}", names(board)))),
        (Some(asked), _) => {
            let found =
                board.elections.iter().find(|standing| standing.definition.id.as_str() == asked);
            found.map(|standing| standing.definition.id.clone()).ok_or_else(|| {
                let asked: String =
                    asked.chars().take(crate::election::ELECTION_ID_BYTES_MAX).collect();
                Error::failed(format!("there is no election {asked:?}; there are {}", names(board)))
            })
        }
        (None, _) => {
            Err(Error::failed(format!("an election's id is text; there are {}", names(board))))
        }
    }
}

fn names(board: &Board) -> String {
    let mut listed =
        board.elections.iter().take(LISTED_ELECTIONS_MAX).map(|standing| &standing.definition.id);
    match board.elections.len().checked_sub(LISTED_ELECTIONS_MAX) {
        None | Some(0) => listed.join(", "),
        Some(more) => format!("{} and {more} more", listed.join(", ")),
    }
}
