//! The observer of an election's results, which lives with whoever watches.

use std::rc::Rc;

use capnp::Error as Exception;
use tokio::sync::mpsc;

use super::{Error, Results};
use crate::schema::election_capnp::result_observer::{
    ChangedParams, Client, DoneParams, DoneResults, Server,
};

/// Results that were pushed, or the end of them.
pub(super) type Change = Option<Result<Results, Error>>;

/// Passes on one change at a time: while it waits, the server lets newer ones replace each other.
struct Observer {
    changes: mpsc::Sender<Change>,
}

/// An observer, and what it sees.
pub(super) fn observer() -> (Client, mpsc::Receiver<Change>) {
    let (changes, receiver) = mpsc::channel(1);
    (capnp_rpc::new_client(Observer { changes }), receiver)
}

impl Observer {
    async fn pass_on(&self, change: Change) -> capnp::Result<()> {
        let passed_on = self.changes.send(change).await;
        passed_on.map_err(|_| Exception::failed("nobody watches any more".into()))
    }
}

impl Server for Observer {
    async fn changed(self: Rc<Self>, params: ChangedParams) -> capnp::Result<()> {
        let results = Results::read(params.get()?.get_results()?);
        self.pass_on(Some(results)).await
    }

    async fn done(self: Rc<Self>, _: DoneParams, _: DoneResults) -> capnp::Result<()> {
        self.pass_on(None).await
    }
}
