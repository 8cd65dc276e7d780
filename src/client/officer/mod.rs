//! Running elections: the capabilities that a link with a token opens, as a client sees them.

mod auditor;
mod registrar;

use capnp::capability::FromClientHook;

pub use self::auditor::{Auditor, CountedBallot, LedgerReport};
pub use self::registrar::Registrar;
use super::connection::Connection;
use super::{Election, Error};
use crate::election::{Definition, Schedule, Timestamp, Token};
use crate::schema::officer::write_spec;
use crate::schema::officer_capnp::{act_outcome, administration, returning_officer, savable};
use crate::schema::values::read_text;

/// A capability that a token opened, in a role that the caller has to know. From
/// [`Client::restore`](super::Client::restore).
///
/// In the wrong role, every call ends with [`Error::Unimplemented`]. For a wrong or revoked token,
/// the first call ends with [`Error::Remote`].
#[derive(Clone)]
pub struct Restored {
    capability: savable::Client,
    connection: Connection,
}

/// May create and administer elections. From [`Restored::returning_officer`].
#[derive(Clone)]
pub struct ReturningOfficer {
    capability: returning_officer::Client,
    connection: Connection,
}

/// May open, close, confirm and delegate one election. From [`Restored::administration`] and
/// [`ReturningOfficer::administer`].
#[derive(Clone)]
pub struct Administration {
    capability: administration::Client,
    connection: Connection,
}

/// Whether an officer's act was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActOutcome {
    /// It is done, and on stable storage.
    Done,
    /// The rules do not allow it, for this reason, and nothing was changed.
    Refused(String),
}

/// `save` for a role.
macro_rules! impl_save {
    ($($role:ident),+) => {$(
        impl $role {
            /// A new token for this authority: the part of a link behind the `#`. From
            /// `Savable.save`.
            ///
            /// # Errors
            /// [`Error::Remote`] if this authority was revoked, or has too many tokens;
            /// [`Error::Disconnected`] and [`Error::NoAnswer`].
            pub async fn save(&self) -> Result<Token, Error> {
                let savable: savable::Client = self.capability.clone().cast_to();
                save(&self.connection, &savable, false).await
            }

            /// As [`save`](Self::save), with a token that restores this authority once: for a link
            /// that others may find after it was used.
            ///
            /// # Errors
            /// Those of [`save`](Self::save).
            pub async fn save_once(&self) -> Result<Token, Error> {
                let savable: savable::Client = self.capability.clone().cast_to();
                save(&self.connection, &savable, true).await
            }
        }
    )+};
}

impl_save!(Administration, Registrar, Auditor);

async fn save(
    connection: &Connection,
    savable: &savable::Client,
    once: bool,
) -> Result<Token, Error> {
    let mut request = savable.save_request();
    request.get().set_once(once);
    let answer = connection.answer(request.send().promise).await?;
    let token = Token::try_from(answer.get()?.get_token()?);
    token.map_err(|()| Error::Protocol("a token is not 32 bytes".into()))
}

impl Restored {
    pub(super) fn new(capability: savable::Client, connection: Connection) -> Self {
        Self { capability, connection }
    }

    /// Ends the authority that the token opens, and everything derived from it, on every
    /// connection. From `Savable.revoke`.
    ///
    /// # Errors
    /// [`Error::Remote`] if the token opens nothing; [`Error::Disconnected`] and
    /// [`Error::NoAnswer`], after which it is not known whether it was done.
    pub async fn revoke(&self) -> Result<(), Error> {
        self.connection.answer(self.capability.revoke_request().send().promise).await?;
        Ok(())
    }

    /// The capability as a returning officer's.
    pub fn returning_officer(&self) -> ReturningOfficer {
        let capability = self.capability.clone().cast_to();
        ReturningOfficer { capability, connection: self.connection.clone() }
    }

    /// The capability as the administration of one election.
    pub fn administration(&self) -> Administration {
        let capability = self.capability.clone().cast_to();
        Administration { capability, connection: self.connection.clone() }
    }

    /// The capability as a registrar's.
    pub fn registrar(&self) -> Registrar {
        Registrar::new(self.capability.clone().cast_to(), self.connection.clone())
    }

    /// The capability as an auditor's.
    pub fn auditor(&self) -> Auditor {
        Auditor::new(self.capability.clone().cast_to(), self.connection.clone())
    }
}

impl ReturningOfficer {
    /// Creates an election, as a draft with an empty roll. From `ReturningOfficer.create`.
    ///
    /// An id that is taken is [`ActOutcome::Refused`]. So is an opening or closing time of 0, which
    /// the schema cannot express.
    ///
    /// # Errors
    /// [`Error::Remote`] if this authority was revoked, or the ledger could not store it;
    /// [`Error::Disconnected`] and [`Error::NoAnswer`], after which it is not known whether it was
    /// done.
    pub async fn create(&self, definition: &Definition) -> Result<ActOutcome, Error> {
        let Schedule { opens, closes } = definition.schedule;
        if [opens, closes].contains(&Some(Timestamp(0))) {
            let why = "an election cannot open or close by itself at 1970-01-01T00:00:00Z";
            return Ok(ActOutcome::Refused(why.into()));
        }
        let mut request = self.capability.create_request();
        write_spec(definition, request.get().init_spec());
        let answer = self.connection.answer(request.send().promise).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// The administration of an election; an empty id means the only election there is. If there is
    /// none, the first call on it fails. From `ReturningOfficer.administer`.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn administer(&self, id: &str) -> Administration {
        let mut request = self.capability.administer_request();
        request.get().set_id(id);
        let capability = self.connection.pipelined(request.send(), |it| it.get_administration());
        Administration { capability, connection: self.connection.clone() }
    }
}

impl Administration {
    /// Begins the voting. From `Administration.open`.
    ///
    /// For an election that is not a draft this is [`ActOutcome::Refused`].
    ///
    /// # Errors
    /// As [`ReturningOfficer::create`].
    pub async fn open(&self) -> Result<ActOutcome, Error> {
        let answer = self.connection.answer(self.capability.open_request().send().promise).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// Ends the voting for good, and separates voter numbers from choices. From
    /// `Administration.close`. There is no time limit: millions of ballots take seconds.
    ///
    /// For an election that is not open this is [`ActOutcome::Refused`].
    ///
    /// # Errors
    /// As [`ReturningOfficer::create`], except for [`Error::NoAnswer`].
    pub async fn close(&self) -> Result<ActOutcome, Error> {
        let closed = self.capability.close_request().send().promise;
        let answer = self.connection.unless_lost(closed).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// Lets an election take its course again after it was restored from a backup. From
    /// `Administration.confirm`.
    ///
    /// If there is nothing to confirm, this is [`ActOutcome::Refused`].
    ///
    /// # Errors
    /// As [`ReturningOfficer::create`].
    pub async fn confirm(&self) -> Result<ActOutcome, Error> {
        let confirmed = self.capability.confirm_request().send().promise;
        let answer = self.connection.answer(confirmed).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// Ends the link with this token, and takes the numbers that were issued under it, or under
    /// links made from it, off the roll, unless they have voted. Returns how many. The link may
    /// have been revoked before. There is no time limit. From `Administration.voidNumbers`.
    ///
    /// A token that has nothing to do with this election, or an election that is closed, is
    /// [`ActOutcome::Refused`].
    ///
    /// # Errors
    /// As [`close`](Self::close). It can be repeated.
    pub async fn void_numbers(&self, token: &[u8]) -> Result<(ActOutcome, u64), Error> {
        let mut request = self.capability.void_numbers_request();
        request.get().set_token(token);
        let answer = self.connection.unless_lost(request.send().promise).await?;
        let answer = answer.get()?;
        Ok((ActOutcome::read(answer.get_outcome()?)?, answer.get_voided()))
    }

    /// The election, with everyone's authority over it. Makes no round trip: the first call on it
    /// reports a failure. From `Administration.election`.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn election(&self) -> Election {
        let request = self.capability.election_request();
        let capability = self.connection.pipelined(request.send(), |it| it.get_election());
        Election::new(capability, self.connection.clone(), "")
    }

    /// The authority over the roll, to use or to [`save`](Registrar::save) for someone else. Makes
    /// no round trip. From `Administration.registrar`.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn registrar(&self) -> Registrar {
        let request = self.capability.registrar_request();
        let capability = self.connection.pipelined(request.send(), |it| it.get_registrar());
        Registrar::new(capability, self.connection.clone())
    }

    /// The authority to check, to use or to [`save`](Auditor::save) for someone else. Makes no
    /// round trip. From `Administration.auditor`.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn auditor(&self) -> Auditor {
        let request = self.capability.auditor_request();
        let capability = self.connection.pipelined(request.send(), |it| it.get_auditor());
        Auditor::new(capability, self.connection.clone())
    }
}

impl ActOutcome {
    fn read(outcome: act_outcome::Reader<'_>) -> Result<Self, Error> {
        match outcome.which()? {
            act_outcome::Done(()) => Ok(Self::Done),
            act_outcome::Refused(why) => Ok(Self::Refused(read_text(why?)?)),
            act_outcome::Unspecified(()) => Err(Error::Protocol("an act has no outcome".into())),
        }
    }
}
