//! `ReturningOfficer`: creating elections, and administering them.

use std::rc::Rc;
use std::sync::Arc;

use capnp::Error;

use super::administration::Administration;
use super::authority::{Authority, savable};
use super::convert::write_act;
use super::find::find;
use crate::election::{ElectionId, ElectionState, Role};
use crate::ledger::Act;
use crate::schema::officer::read_spec;
use crate::schema::officer_capnp::administration;
use crate::schema::officer_capnp::returning_officer::{
    AdministerParams, AdministerResults, CreateParams, CreateResults, Server,
};

pub(super) struct ReturningOfficer {
    authority: Rc<Authority>,
}

savable!(ReturningOfficer);

impl ReturningOfficer {
    pub(super) fn new(authority: Rc<Authority>) -> Self {
        Self { authority }
    }

    fn administration(&self, id: ElectionId) -> Result<administration::Client, Error> {
        let authority = self.authority.delegate(Role::Administration(id.clone()))?;
        Ok(capnp_rpc::new_client(Administration::new(authority, id)))
    }
}

impl Server for ReturningOfficer {
    async fn create(
        self: Rc<Self>,
        params: CreateParams,
        mut results: CreateResults,
    ) -> capnp::Result<()> {
        self.authority.session()?;
        let read = read_spec(params.get()?.get_spec()?)?;
        let checked = read.and_then(|definition| match definition.check_new() {
            Ok(()) => Ok(definition),
            Err(why) => Err(why.to_string()),
        });
        let definition = match checked {
            Ok(definition) => definition,
            Err(why) => {
                results.get().init_outcome().set_refused(why.as_str());
                return Ok(());
            }
        };
        let id = definition.id.clone();
        if definition.schedule.has_opened(self.authority.session()?.ledger.now()) {
            results.get().init_outcome().set_refused(format!(
                "election {id}: its time to open has passed by the server's clock, and it would be \
                 open for good at once; create it with a later time to open, or with none"
            ));
            return Ok(());
        }
        // Before the act, since there may be no permit for it.
        let administration = self.administration(id.clone())?;
        let definition = Arc::new(definition);
        let create = Act::Create(definition.clone());
        let created = self.authority.begin(ElectionState::Draft, &definition, create).await?;
        if write_act(created, results.get().init_outcome())? {
            tracing::info!(election = %id, "an election was created");
            results.get().set_administration(administration);
        }
        Ok(())
    }

    async fn administer(
        self: Rc<Self>,
        params: AdministerParams,
        mut results: AdministerResults,
    ) -> capnp::Result<()> {
        let session = self.authority.session()?;
        let asked = params.get()?.get_id()?.to_str().ok();
        let id = session.look_up(|snapshot| find(snapshot, asked), |_| true).await?;
        results.get().set_administration(self.administration(id)?);
        Ok(())
    }
}
