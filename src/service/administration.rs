//! `Administration`: opening, closing and sharing one election.

use std::cell::OnceCell;
use std::rc::Rc;

use super::auditor::Auditor;
use super::authority::{Authority, savable};
use super::convert::write_act;
use super::election::Election;
use super::registrar::Registrar;
use super::session::standing_in;
use crate::election::{ElectionId, Role, Token};
use crate::ledger::Act;
use crate::schema::election_capnp::election;
use crate::schema::officer_capnp::administration::{
    AuditorParams, AuditorResults, CloseParams, CloseResults, ConfirmParams, ConfirmResults,
    ElectionParams, ElectionResults, OpenParams, OpenResults, RegistrarParams, RegistrarResults,
    Server, VoidNumbersParams, VoidNumbersResults,
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
        let session = self.authority.session()?;
        let standing =
            session.look_up(|snapshot| standing_in(snapshot, &self.id), |_| true).await?;
        let unconfirmed = standing.origin.unconfirmed;
        let open = Act::Open(self.id.clone());
        let opened = match unconfirmed {
            // The refusal says so.
            true => self.authority.act(vec![open]).await?,
            false => self.authority.begin(standing.state, &standing.definition, open).await?,
        };
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

    async fn void_numbers(
        self: Rc<Self>,
        params: VoidNumbersParams,
        mut results: VoidNumbersResults,
    ) -> capnp::Result<()> {
        let Ok(token) = Token::try_from(params.get()?.get_token()?) else {
            results.get().init_outcome().set_refused("a token has 32 bytes");
            return Ok(());
        };
        let _own = self.authority.session()?.long_work_permit().await;
        let voided = self.authority.void(self.id.clone(), token.hash()).await?;
        let count = voided.as_ref().copied().unwrap_or_default();
        if write_act(voided.map(drop), results.get().init_outcome())? {
            results.get().set_voided(count);
            tracing::info!(election = %self.id, count, "a link ended, and its numbers were voided");
        }
        Ok(())
    }
}
