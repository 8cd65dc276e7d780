//! What all officers' capabilities share: authority that can be saved and revoked.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use capnp::Error;

use super::draw::{draw_grant, no_random_numbers};
use super::session::{HeldPermit, Session};
use crate::election::{
    Definition, ElectionId, ElectionState, Grant, GrantId, Role, Token, TokenHash, Uses,
};
use crate::ledger::{Act, ActRefusal, Authorization, LedgerError};
use crate::net::connection::Hold;

/// The authority of one officer's capability.
///
/// Restored from a token, it is in force while the token's grant is. Reached through another
/// capability, its parent, it is in force while the parent is and until it is revoked itself.
pub(super) struct Authority {
    session: Rc<Session>,
    role: Role,
    authorization: Authorization,
    /// Its own flag in the authorization. `None` if it was restored from a token: then revoking it
    /// revokes the grant.
    revoked: Option<Arc<AtomicBool>>,
    parent: Option<Rc<Authority>>,
    /// The grants saved from it, and from capabilities reached through it.
    saved: RefCell<Vec<GrantId>>,
    _permit: HeldPermit<Hold>,
}

impl Authority {
    /// The authority of a grant whose token was presented.
    ///
    /// # Errors
    /// If the connection has [`AUTHORITIES_MAX`](super::AUTHORITIES_MAX) already.
    pub(super) fn restored(session: Rc<Session>, grant: &Grant) -> Result<Rc<Self>, Error> {
        let permit = session.authority_permit()?;
        let authorization = Authorization { grant: grant.id, revoked: Vec::new() };
        let (role, saved) = (grant.role.clone(), RefCell::default());
        Ok(Rc::new(Self {
            session,
            role,
            authorization,
            revoked: None,
            parent: None,
            saved,
            _permit: permit,
        }))
    }

    /// An authority reached through this one.
    ///
    /// # Errors
    /// If this one is not in force, or the connection has
    /// [`AUTHORITIES_MAX`](super::AUTHORITIES_MAX) already.
    pub(super) fn delegate(self: &Rc<Self>, role: Role) -> Result<Rc<Self>, Error> {
        let session = self.session()?.clone();
        let permit = session.authority_permit()?;
        let mut authorization = self.authorization.clone();
        let revoked = Arc::<AtomicBool>::default();
        authorization.revoked.push(revoked.clone());
        let (revoked, parent) = (Some(revoked), Some(self.clone()));
        let saved = RefCell::default();
        Ok(Rc::new(Self { session, role, authorization, revoked, parent, saved, _permit: permit }))
    }

    /// Spends the token that this authority was restored from, if it opens it once.
    ///
    /// # Errors
    /// If the token is spent, or that cannot be stored.
    pub(super) async fn spend(&self, grant: &Grant) -> Result<(), Error> {
        if grant.uses == Uses::Any {
            return Ok(());
        }
        let spent = self.act(vec![Act::SpendToken(grant.id)]).await?;
        spent.map_err(|error| match error {
            LedgerError::Refused(_) => Error::failed(error.to_string()),
            error => Error::failed(format!("the link was not opened: {error}")),
        })
    }

    /// The connection's session, if this authority is in force.
    pub(super) fn session(&self) -> Result<&Rc<Session>, Error> {
        if self.authorization.is_in_force(&self.session.snapshots.borrow().grants) {
            Ok(&self.session)
        } else {
            Err(Error::failed("this authority was revoked; nothing was done".into()))
        }
    }

    /// This authority, its parent, and so on up to the restored one.
    fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |authority| authority.parent.as_deref())
    }

    /// Makes these changes, if this authority is in force when the ledger makes them.
    pub(super) async fn act(&self, acts: Vec<Act>) -> Result<Result<(), LedgerError>, Error> {
        let session = self.session()?;
        let _token = session.track_call()?;
        Ok(session.ledger.act(acts, Some(self.authorization.clone())).await)
    }

    /// As [`act`](Self::act), for an act by which this election, in this state, would begin.
    pub(super) async fn begin(
        &self,
        state: ElectionState,
        definition: &Definition,
        act: Act,
    ) -> Result<Result<(), LedgerError>, Error> {
        let now = self.session()?.ledger.now();
        if let Err(refusal) = state.may_begin(definition.schedule, now) {
            let election = definition.id.clone();
            return Ok(Err(ActRefusal::NotAllowed { election, refusal }.into()));
        }
        self.act(vec![act]).await
    }

    /// Ends a link and voids its numbers, if this authority is in force. Returns how many.
    pub(super) async fn void(
        &self,
        election: ElectionId,
        token: TokenHash,
    ) -> Result<Result<u64, LedgerError>, Error> {
        let session = self.session()?;
        let _token = session.track_call()?;
        Ok(session.ledger.void(election, token, Some(self.authorization.clone())).await)
    }

    /// Saves this authority: puts a new grant in force, and returns its token.
    pub(super) async fn save(&self, uses: Uses) -> Result<Token, Error> {
        self.session()?;
        let (token, grant) = draw_grant(Some(self.authorization.grant), self.role.clone(), uses)
            .map_err(no_random_numbers)?;
        // Before it is in force: a revocation meanwhile must include it.
        let id = grant.id;
        self.lineage().for_each(|authority| authority.saved.borrow_mut().push(id));
        let saved = self.act(vec![Act::Grant(grant)]).await?;
        if saved.as_ref().is_err_and(LedgerError::is_certain) {
            self.lineage().for_each(|it| it.saved.borrow_mut().retain(|saved| *saved != id));
        }
        saved.map_err(|error| Error::failed(format!("it was not saved: {error}")))?;
        Ok(token)
    }

    /// Revokes this authority and everything derived from it.
    pub(super) async fn revoke(&self) -> Result<(), Error> {
        // Not its own flag: if its saved grants could not be revoked, on a full disk, it is revoked
        // again.
        self.parent.as_deref().unwrap_or(self).session()?;
        let _token = self.session.track_call()?;
        let grants = match &self.revoked {
            None => vec![self.authorization.grant],
            Some(revoked) => {
                // Before the grants are listed: nothing more can be saved from here on.
                revoked.store(true, Ordering::Release);
                self.saved.borrow().clone()
            }
        };
        let acts = grants.into_iter().map(Act::RevokeGrant).collect();
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
                params: crate::schema::officer_capnp::savable::SaveParams,
                mut results: crate::schema::officer_capnp::savable::SaveResults,
            ) -> capnp::Result<()> {
                use crate::election::Uses;

                let uses = if params.get()?.get_once() { Uses::Once } else { Uses::Any };
                let token = self.authority.save(uses).await?;
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
