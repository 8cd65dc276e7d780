//! Restoring a saved capability from its token.

use std::rc::Rc;

use capnp::Error;

use super::administration::Administration;
use super::auditor::Auditor;
use super::authority::Authority;
use super::convert::exception;
use super::officer::ReturningOfficer;
use super::registrar::Registrar;
use super::session::Session;
use crate::election::{Role, Token};
use crate::schema::officer_capnp::{administration, auditor, registrar, returning_officer};

/// The saved capability of a token. A wrong token is an exception.
pub(super) async fn restore(
    session: &Rc<Session>,
    token: &[u8],
) -> Result<capnp::capability::Client, Error> {
    session.guesser.may_guess().map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        Error::overloaded(format!(
            "throttled: too many wrong tokens or voter numbers came from this connection or \
             address; try again in {seconds} s, with a new connection"
        ))
    })?;
    let grant = match Token::try_from(token) {
        Ok(token) => session.ledger.grant(token.hash()).await,
        Err(()) => Ok(None),
    };
    let grant = grant.map_err(exception)?.ok_or_else(|| {
        session.guesser.was_wrong();
        let why = "this token opens nothing here: it is wrong, or it was revoked; nothing was \
                   changed. Ask for another link";
        Error::failed(why.into())
    })?;
    let authority = Authority::restored(session.clone(), &grant)?;
    Ok(match &grant.role {
        Role::ReturningOfficer => {
            let officer = ReturningOfficer::new(authority);
            capnp_rpc::new_client::<returning_officer::Client, _>(officer).client
        }
        Role::Administration(id) => {
            let administration = Administration::new(authority, id.clone());
            capnp_rpc::new_client::<administration::Client, _>(administration).client
        }
        Role::Registrar(id) => {
            let registrar = Registrar::new(authority, id.clone());
            capnp_rpc::new_client::<registrar::Client, _>(registrar).client
        }
        Role::Auditor(id) => {
            let auditor = Auditor::new(authority, id.clone());
            capnp_rpc::new_client::<auditor::Client, _>(auditor).client
        }
    })
}
