//! What the capabilities of all officers share: authority that can be saved and revoked.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use capnp::Error;
use tokio::sync::OwnedSemaphorePermit;

use super::draw_grant;
use super::session::Session;
use crate::election::{Grant, GrantId, Role, Token};
use crate::ledger::{Act, Authorization, LedgerError};

/// One officer's capability: what it allows, and what it came from.
///
/// It was restored from a token, and holds for as long as that token's grant is in force; or it was reached
/// through another capability, and holds for as long as that one does and it was not revoked itself.
pub(super) struct Authority {
    session: Rc<Session>,
    role: Role,
    authorization: Authorization,
    /// Its own flag in the authorization. None if it was restored from a token: then revoking it revokes
    /// the grant.
    revoked: Option<Arc<AtomicBool>>,
    /// What it was reached through.
    through: Option<Rc<Authority>>,
    /// The grants saved from it, and from what was reached through it.
    saved: RefCell<Vec<GrantId>>,
    /// Its place among those of the connection.
    _held: OwnedSemaphorePermit,
}

impl Authority {
    /// The authority that a token opened.
    ///
    /// # Errors
    /// Where the connection holds too many.
    pub(super) fn restored(session: Rc<Session>, grant: &Grant) -> Result<Rc<Self>, Error> {
        let held = session.may_hold()?;
        let authorization = Authorization { grant: grant.id, revoked: Vec::new() };
        let (role, saved) = (grant.role.clone(), RefCell::default());
        Ok(Rc::new(Self {
            session,
            role,
            authorization,
            revoked: None,
            through: None,
            saved,
            _held: held,
        }))
    }

    /// Less authority, reached through this one.
    ///
    /// # Errors
    /// Where this one is not in force, and where the connection holds too many.
    pub(super) fn delegate(self: &Rc<Self>, role: Role) -> Result<Rc<Self>, Error> {
        let session = self.session()?.clone();
        let held = session.may_hold()?;
        let mut authorization = self.authorization.clone();
        let revoked = Arc::<AtomicBool>::default();
        authorization.revoked.push(revoked.clone());
        let (revoked, through) = (Some(revoked), Some(self.clone()));
        let saved = RefCell::default();
        Ok(Rc::new(Self { session, role, authorization, revoked, through, saved, _held: held }))
    }

    /// The connection's session, if this authority is in force at this moment.
    pub(super) fn session(&self) -> Result<&Rc<Session>, Error> {
        if self.authorization.is_in_force(&self.session.snapshots.borrow().grants) {
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
    pub(super) async fn act(&self, acts: Vec<Act>) -> Result<Result<(), LedgerError>, Error> {
        let session = self.session()?;
        let _token = session.begin()?;
        Ok(session.ledger.act(acts, Some(self.authorization.clone())).await)
    }

    /// A new token that opens this authority.
    pub(super) async fn save(&self) -> Result<Token, Error> {
        self.session()?;
        let (token, grant) = draw_grant(Some(self.authorization.grant), self.role.clone())
            .map_err(|error| Error::failed(format!("no random numbers: {error}")))?;
        // Noted before it is in force: whoever revokes this meanwhile ends that too.
        let id = grant.id;
        self.lineage().for_each(|authority| authority.saved.borrow_mut().push(id));
        let saved = self.act(vec![Act::Grant(grant)]).await?;
        if saved.as_ref().is_err_and(LedgerError::is_certain) {
            self.lineage().for_each(|it| it.saved.borrow_mut().retain(|saved| *saved != id));
        }
        saved.map_err(|error| Error::failed(format!("it was not saved: {error}")))?;
        Ok(token)
    }

    /// Ends this authority, and everything that came from it.
    pub(super) async fn revoke(&self) -> Result<(), Error> {
        // What was revoked and could not be ended altogether, on a full disk, is revoked again.
        self.through.as_deref().unwrap_or(self).session()?;
        let _token = self.session.begin()?;
        let ended = match &self.revoked {
            None => vec![self.authorization.grant],
            Some(revoked) => {
                // Before what was saved is gathered: what is saved from here on is refused.
                revoked.store(true, Ordering::Release);
                self.saved.borrow().clone()
            }
        };
        let acts = ended.into_iter().map(Act::RevokeGrant).collect();
        let revoked = self.session.ledger.act(acts, None).await;
        revoked.map_err(|error| Error::failed(format!("revoke it again: {error}")))
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
