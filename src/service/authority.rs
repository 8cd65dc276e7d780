//! Authority that can be saved and taken back: what the capabilities of all officers have in common.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;

use super::session::Session;
use crate::election::{Grant, GrantId, Role, Token};
use crate::ledger::{Act, ClerkError};

/// One officer's capability: what it allows, and what it came from.
///
/// It was restored from a token, and holds for as long as that token's grant is in force; or it was reached
/// through another capability, and holds for as long as that one does and it was not revoked itself.
pub(super) struct Authority {
    session: Rc<Session>,
    role: Role,
    /// The grant of the token that it, or what it was reached through, was restored from.
    grant: GrantId,
    /// What it was reached through.
    through: Option<Rc<Authority>>,
    revoked: Cell<bool>,
    /// The grants saved from it, and from what was reached through it.
    saved: RefCell<Vec<GrantId>>,
}

impl Authority {
    /// The authority that a token opened.
    pub(super) fn restored(session: Rc<Session>, grant: &Grant) -> Rc<Self> {
        let (revoked, saved) = Default::default();
        let role = grant.role.clone();
        Rc::new(Self { session, role, grant: grant.id, through: None, revoked, saved })
    }

    /// Less authority, reached through this one.
    pub(super) fn delegate(self: &Rc<Self>, role: Role) -> Rc<Self> {
        let (revoked, saved) = Default::default();
        let (session, through) = (self.session.clone(), Some(self.clone()));
        Rc::new(Self { session, role, grant: self.grant, through, revoked, saved })
    }

    /// The connection's session, if this authority is in force at this moment.
    pub(super) fn session(&self) -> Result<&Rc<Session>, Error> {
        let mut link = Some(self);
        let mut in_force = self.session.clerk.board().grants.holds(self.grant);
        while let Some(authority) = link {
            in_force &= !authority.revoked.get();
            link = authority.through.as_deref();
        }
        if in_force {
            Ok(&self.session)
        } else {
            Err(Error::failed("this authority was revoked; nothing was done".into()))
        }
    }

    /// Makes these changes under this authority, if it is in force when it is their turn.
    pub(super) async fn administer(&self, acts: Vec<Act>) -> Result<Result<(), ClerkError>, Error> {
        let session = self.session()?;
        let _token = session.begin()?;
        Ok(session.clerk.administer_under(self.grant, acts).await)
    }

    /// A new token that opens this authority.
    pub(super) async fn save(&self) -> Result<Token, Error> {
        let session = self.session()?;
        let no_random = |error| Error::failed(format!("no random numbers: {error}"));
        let mut bytes = [0; Token::BYTES];
        getrandom::fill(&mut bytes).map_err(no_random)?;
        let token = Token::from(bytes);
        let id = GrantId(getrandom::u64().map_err(no_random)?);
        let (parent, role) = (Some(self.grant), self.role.clone());
        let grant = Grant { id, parent, role, token: token.hash() };
        // Noted before it is in force: whoever revokes this meanwhile ends that too.
        let mut link = Some(self);
        while let Some(authority) = link {
            authority.saved.borrow_mut().push(id);
            link = authority.through.as_deref();
        }
        let saved = session.clerk.administer(vec![Act::Grant(grant)]).await;
        saved.map_err(|error| Error::failed(format!("it was not saved: {error}")))?;
        if self.session().is_err() {
            let _ = self.session.clerk.administer(vec![Act::RevokeGrant(id)]).await;
            self.session()?;
        }
        Ok(token)
    }

    /// Ends this authority, and everything that came from it.
    pub(super) async fn revoke(&self) -> Result<(), Error> {
        let session = self.session()?;
        let ended = match self.through {
            None => vec![self.grant],
            Some(_) => self.saved.borrow().clone(),
        };
        let acts: Vec<_> = ended.into_iter().map(Act::RevokeGrant).collect();
        let revoked = session.clerk.administer(acts).await;
        revoked.map_err(|error| Error::failed(format!("revoke it again: {error}")))?;
        // What was reached and not saved ends with the connection at the latest.
        self.revoked.set(self.through.is_some());
        Ok(())
    }
}

/// Implements `Savable` for a capability that has an [`Authority`].
macro_rules! savable {
    ($capability:ty) => {
        impl crate::schema::officer_capnp::savable::Server for $capability {
            async fn save(
                self: std::rc::Rc<Self>,
                _: crate::schema::officer_capnp::savable::SaveParams,
                mut results: crate::schema::officer_capnp::savable::SaveResults,
            ) -> capnp::Result<()> {
                let token = self.authority.save().await?;
                results.get().set_token(token.as_bytes());
                Ok(())
            }

            async fn revoke(
                self: std::rc::Rc<Self>,
                _: crate::schema::officer_capnp::savable::RevokeParams,
                _: crate::schema::officer_capnp::savable::RevokeResults,
            ) -> capnp::Result<()> {
                self.authority.revoke().await
            }
        }
    };
}
pub(super) use savable;
