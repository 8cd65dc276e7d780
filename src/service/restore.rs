//! Restoring a saved capability from its token.
//!
//! Whoever has a token that works once may have found it after its owner used it. So the token is
//! spent, on stable storage, before anything is opened.

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

/// The saved capability of a token. A wrong token is an exception, and too many of them end the
/// connection.
pub(super) async fn restore(
    session: &Rc<Session>,
    token: &[u8],
) -> Result<capnp::capability::Client, Error> {
    let _token = session.track_call()?;
    let grant = match Token::try_from(token) {
        Ok(token) => session.ledger.grant(token.hash()).await,
        Err(()) => Ok(None),
    };
    let grant = grant.map_err(exception)?.ok_or_else(|| {
        if session.guesser.token_was_wrong() {
            session.hang_up();
        }
        let why = "this token opens nothing here: it is wrong, or it was revoked; nothing was \
                   changed. Ask for another link";
        Error::failed(why.into())
    })?;
    let authority = Authority::restored(session.clone(), &grant)?;
    authority.spend(&grant).await?;
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
