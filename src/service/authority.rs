//! Authority that can be saved and taken back: what the capabilities of all officers have in common.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;

use super::draw_grant;
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
        let granted = self.session.clerk.board().grants.holds(self.grant);
        if granted && self.lineage().all(|authority| !authority.revoked.get()) {
            Ok(&self.session)
        } else {
            Err(Error::failed("this authority was revoked; nothing was done".into()))
        }
    }

    /// This authority, what it was reached through, and so on up to what was restored.
    fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |authority| authority.through.as_deref())
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
        let (token, grant) = draw_grant(Some(self.grant), self.role.clone())
            .map_err(|error| Error::failed(format!("no random numbers: {error}")))?;
        let id = grant.id;
        // Noted before it is in force: whoever revokes this meanwhile ends that too.
        self.lineage().for_each(|authority| authority.saved.borrow_mut().push(id));
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
