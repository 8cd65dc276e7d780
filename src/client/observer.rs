//! The observer of an election's results, which the server calls.

use std::rc::Rc;

use capnp::Error as Exception;
use tokio::sync::mpsc;

use super::Error;
use crate::schema::election::Results;
use crate::schema::election_capnp::result_observer::{
    ChangedParams, Client, DoneParams, DoneResults, Server,
};

/// Results that the server sent, or `None` at the end of the election.
pub(super) type Change = Option<Result<Results, Error>>;

/// Answers a call once its change was received. Until then, the server merges newer changes.
struct Observer {
    changes: mpsc::Sender<Change>,
}

/// An observer, and the changes that it receives.
pub(super) fn observer() -> (Client, mpsc::Receiver<Change>) {
    let (changes, receiver) = mpsc::channel(1);
    (capnp_rpc::new_client(Observer { changes }), receiver)
}

impl Observer {
    async fn pass_on(&self, change: Change) -> capnp::Result<()> {
        let sent = self.changes.send(change).await;
        sent.map_err(|_| Exception::failed("the watch has ended".into()))
    }
}

impl Server for Observer {
    async fn changed(self: Rc<Self>, params: ChangedParams) -> capnp::Result<()> {
        let results = Results::read(params.get()?.get_results()?);
        self.pass_on(Some(results.map_err(Error::from))).await
    }

    async fn done(self: Rc<Self>, _: DoneParams, _: DoneResults) -> capnp::Result<()> {
        self.pass_on(None).await
    }
}
