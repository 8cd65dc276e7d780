//! `Administration`: opening, closing and sharing one election.

use std::cell::OnceCell;
use std::rc::Rc;

use super::auditor::Auditor;
use super::authority::{Authority, savable};
use super::convert::write_act;
use super::election::Election;
use super::registrar::Registrar;
use crate::election::{ElectionId, Role};
use crate::ledger::Act;
use crate::schema::election_capnp::election;
use crate::schema::officer_capnp::administration::{
    AuditorParams, AuditorResults, CloseParams, CloseResults, ConfirmParams, ConfirmResults,
    ElectionParams, ElectionResults, OpenParams, OpenResults, RegistrarParams, RegistrarResults,
    Server,
};

pub(super) struct Administration {
    authority: Rc<Authority>,
    id: ElectionId,
    /// The capability returned before. Asking again for it takes no more memory.
    election: OnceCell<election::Client>,
}

savable!(Administration);

impl Administration {
    pub(super) fn new(authority: Rc<Authority>, id: ElectionId) -> Self {
        Self { authority, id, election: OnceCell::new() }
    }
}

impl Server for Administration {
    async fn open(self: Rc<Self>, _: OpenParams, mut results: OpenResults) -> capnp::Result<()> {
        let opened = self.authority.act(vec![Act::Open(self.id.clone())]).await?;
        if write_act(opened, results.get().init_outcome())? {
            tracing::info!(election = %self.id, "an election was opened");
        }
        Ok(())
    }

    async fn close(self: Rc<Self>, _: CloseParams, mut results: CloseResults) -> capnp::Result<()> {
        let closed = self.authority.act(vec![Act::Close(self.id.clone())]).await?;
        if write_act(closed, results.get().init_outcome())? {
            tracing::info!(election = %self.id, "an election was closed");
        }
        Ok(())
    }

    async fn confirm(
        self: Rc<Self>,
        _: ConfirmParams,
        mut results: ConfirmResults,
    ) -> capnp::Result<()> {
        let confirmed = self.authority.act(vec![Act::Confirm(self.id.clone())]).await?;
        if write_act(confirmed, results.get().init_outcome())? {
            tracing::info!(election = %self.id, "a restored election was confirmed");
        }
        Ok(())
    }

    async fn election(
        self: Rc<Self>,
        _: ElectionParams,
        mut results: ElectionResults,
    ) -> capnp::Result<()> {
        let session = self.authority.session()?;
        let election = || capnp_rpc::new_client(Election::new(session.clone(), self.id.clone()));
        results.get().set_election(self.election.get_or_init(election).clone());
        Ok(())
    }

    async fn registrar(
        self: Rc<Self>,
        _: RegistrarParams,
        mut results: RegistrarResults,
    ) -> capnp::Result<()> {
        let authority = self.authority.delegate(Role::Registrar(self.id.clone()))?;
        let registrar = Registrar::new(authority, self.id.clone());
        results.get().set_registrar(capnp_rpc::new_client(registrar));
        Ok(())
    }

    async fn auditor(
        self: Rc<Self>,
        _: AuditorParams,
        mut results: AuditorResults,
    ) -> capnp::Result<()> {
        let authority = self.authority.delegate(Role::Auditor(self.id.clone()))?;
        let auditor = Auditor::new(authority, self.id.clone());
        results.get().set_auditor(capnp_rpc::new_client(auditor));
        Ok(())
    }
}
