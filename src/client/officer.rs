//! Running elections: what a link with a token opens, seen from a client.

use std::rc::Rc;

use capnp::capability::{FromClientHook, Promise};

use super::connection::{Wire, resolved};
use super::relay::{Relay, relay};
use super::{CallbackResult, Election, Error};
use crate::election::{Definition, Nonce, Publication, Schedule, Timestamp, Token, VoterNumber};
use crate::schema::election_capnp;
use crate::schema::officer_capnp::{
    act_outcome, administration, auditor, election_spec, registrar, returning_officer, savable,
    tally_sheet_sink, voter_number_sink,
};

/// A capability that a token opened, whose role the client has to know. From
/// [`Client::restore`](super::Client::restore).
///
/// Taken for another role than it is, each call on it ends with [`Error::Unimplemented`]. A token that opens nothing is
/// told by the first call, with [`Error::Remote`], and so is one that was revoked.
#[derive(Clone)]
pub struct Restored {
    capability: savable::Client,
    wire: Wire,
}

/// May create and administer elections. From [`Restored::returning_officer`].
#[derive(Clone)]
pub struct ReturningOfficer {
    capability: returning_officer::Client,
    wire: Wire,
}

/// May open, close and delegate one election. From [`Restored::administration`] and
/// [`ReturningOfficer::administer`].
#[derive(Clone)]
pub struct Administration {
    capability: administration::Client,
    wire: Wire,
}

/// May put voter numbers on the roll of one election. From [`Restored::registrar`] and
/// [`Administration::registrar`].
#[derive(Clone)]
pub struct Registrar {
    capability: registrar::Client,
    wire: Wire,
}

/// May look into one election. From [`Restored::auditor`] and [`Administration::auditor`].
#[derive(Clone)]
pub struct Auditor {
    capability: auditor::Client,
    wire: Wire,
}

/// Whether what an officer asked for was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActOutcome {
    /// It is done, and on stable storage.
    Done,
    /// The rules do not allow it, for this reason, and nothing was changed.
    Refused(String),
}

/// What checking an election's part of the ledger came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReport {
    /// The entries of the hash chain, each of which holds.
    pub entries: u64,
    /// The ballots stored.
    pub ballots: u64,
    /// The voter numbers that have voted: as many as there are ballots.
    pub numbers_used: u64,
    /// The last value of the chain, 32 bytes. Empty before the close.
    pub head: Vec<u8>,
    /// Whether deleted ballots may be left in unused parts of the server's file for the moment.
    pub unscrubbed: bool,
}

impl Restored {
    pub(super) fn new(capability: savable::Client, wire: Wire) -> Self {
        Self { capability, wire }
    }

    /// Ends the authority that the token opens, and everything that came from it, on every connection. From
    /// `Savable.revoke`.
    ///
    /// # Errors
    /// [`Error::Remote`] where the token opens nothing; [`Error::Disconnected`] and [`Error::NoAnswer`], after which it is not
    /// known whether it was done.
    pub async fn revoke(&self) -> Result<(), Error> {
        self.wire.answer(self.capability.revoke_request().send().promise).await?;
        Ok(())
    }

    /// It, as a returning officer's.
    pub fn returning_officer(&self) -> ReturningOfficer {
        ReturningOfficer { capability: self.capability.clone().cast_to(), wire: self.wire.clone() }
    }

    /// It, as the administration of one election.
    pub fn administration(&self) -> Administration {
        Administration { capability: self.capability.clone().cast_to(), wire: self.wire.clone() }
    }

    /// It, as a registrar's.
    pub fn registrar(&self) -> Registrar {
        Registrar { capability: self.capability.clone().cast_to(), wire: self.wire.clone() }
    }

    /// It, as an auditor's.
    pub fn auditor(&self) -> Auditor {
        Auditor { capability: self.capability.clone().cast_to(), wire: self.wire.clone() }
    }
}

impl ReturningOfficer {
    /// Creates an election, as a draft with nobody on its roll. From `ReturningOfficer.create`.
    ///
    /// # Errors
    /// [`Error::Remote`] where this authority was revoked, or the ledger could not store it; [`Error::Disconnected`] and
    /// [`Error::NoAnswer`], after which it is not known whether it was done. That there is such an election already is
    /// [`ActOutcome::Refused`], and so is a time to open or to close at second 0 of 1970, which cannot be told to a server.
    pub async fn create(&self, definition: &Definition) -> Result<ActOutcome, Error> {
        let Schedule { opens, closes } = definition.schedule;
        if [opens, closes].contains(&Some(Timestamp(0))) {
            // On the wire it would mean never.
            let why = "an election cannot open or close by itself at 1970-01-01T00:00:00Z";
            return Ok(ActOutcome::Refused(why.into()));
        }
        let mut request = self.capability.create_request();
        write_spec(definition, request.get().init_spec());
        let answer = self.wire.answer(request.send().promise).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// The administration of an election, or of the only one there is for an empty id. Whether there is one
    /// is told by the first call on it. From `ReturningOfficer.administer`.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn administer(&self, id: &str) -> Administration {
        let mut request = self.capability.administer_request();
        request.get().set_id(id);
        let capability = self.wire.ahead(request.send(), |it| it.get_administration());
        Administration { capability, wire: self.wire.clone() }
    }
}

impl Administration {
    /// Begins the voting. From `Administration.open`.
    ///
    /// # Errors
    /// As [`ReturningOfficer::create`]. That it is no draft any more is [`ActOutcome::Refused`].
    pub async fn open(&self) -> Result<ActOutcome, Error> {
        let answer = self.wire.answer(self.capability.open_request().send().promise).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// Ends the voting for good: from here on nobody can tell which number made which choice. From
    /// `Administration.close`. This takes as long as it takes, seconds where there are millions of ballots.
    ///
    /// # Errors
    /// As [`ReturningOfficer::create`], but for [`Error::NoAnswer`]. That it is not open is [`ActOutcome::Refused`].
    pub async fn close(&self) -> Result<ActOutcome, Error> {
        // Separating the envelopes of a large election takes longer than an answer may.
        let closed = self.capability.close_request().send().promise;
        let answer = self.wire.unless_broken(closed).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// The election, as everyone may use it. From `Administration.election`. This takes no time: what fails is told by the
    /// first call on it.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn election(&self) -> Election {
        let capability =
            self.wire.ahead(self.capability.election_request().send(), |it| it.get_election());
        Election::new(capability, self.wire.clone())
    }

    /// The authority over the roll, to use or to [`save`](Registrar::save) for somebody else. From
    /// `Administration.registrar`. This takes no time.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn registrar(&self) -> Registrar {
        let capability =
            self.wire.ahead(self.capability.registrar_request().send(), |it| it.get_registrar());
        Registrar { capability, wire: self.wire.clone() }
    }

    /// The authority to check, to use or to [`save`](Auditor::save) for somebody else. From `Administration.auditor`. This
    /// takes no time.
    ///
    /// # Panics
    /// As [`Client::over`](super::Client::over).
    pub fn auditor(&self) -> Auditor {
        let capability =
            self.wire.ahead(self.capability.auditor_request().send(), |it| it.get_auditor());
        Auditor { capability, wire: self.wire.clone() }
    }

    /// A new secret that opens this authority: what stands behind the `#` of a link. From `Savable.save`.
    ///
    /// # Errors
    /// [`Error::Remote`] where this authority was revoked, or too much is saved from it; [`Error::Disconnected`] and
    /// [`Error::NoAnswer`].
    pub async fn save(&self) -> Result<Token, Error> {
        save(&self.wire, self.capability.clone().cast_to()).await
    }
}

impl Registrar {
    /// Issues `count` voter numbers, and passes them to `keep`, many at a time. They are on the roll when
    /// this returns `Done`, and never told again. `keep` has to put them where they last: it is called once
    /// more, with none, when that were all, and an error of its own means that none is issued. From
    /// `Registrar.issue`.
    ///
    /// # Errors
    /// [`Error::Callback`] where `keep` returned an error, and none is issued; [`Error::Remote`] where this authority was
    /// revoked or the ledger could not store them; [`Error::Disconnected`], after which it is not known whether they are on
    /// the roll. That the election is closed, or that they are too many, is [`ActOutcome::Refused`].
    pub async fn issue(
        &self,
        count: u32,
        mut keep: impl FnMut(&[VoterNumber]) -> Result<(), String>,
    ) -> Result<ActOutcome, Error> {
        let (numbers, arriving) = relay();
        let mut request = resolved(&self.capability).issue_request();
        request.get().set_count(count);
        request.get().set_into(capnp_rpc::new_client(NumberSink { numbers }));
        let issued = self.wire.unless_broken(request.send().promise);
        let keep = |numbers: Vec<_>| keep(&numbers).map_err(Error::Callback);
        let answer = arriving.until_answered(issued, keep).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// Takes numbers off the roll, all of them or none. From `Registrar.revokeNumbers`.
    ///
    /// # Errors
    /// As [`ReturningOfficer::create`]. That one of them is not on the roll, or that voting has begun, is
    /// [`ActOutcome::Refused`].
    pub async fn revoke_numbers(&self, numbers: &[VoterNumber]) -> Result<ActOutcome, Error> {
        let mut request = self.capability.revoke_numbers_request();
        let mut list = request.get().init_numbers(numbers.len() as u32);
        for (index, number) in numbers.iter().enumerate() {
            list.set(index as u32, number.get());
        }
        let answer = self.wire.answer(request.send().promise).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// A new secret that opens this authority: what stands behind the `#` of a link. From `Savable.save`.
    ///
    /// # Errors
    /// [`Error::Remote`] where this authority was revoked, or too much is saved from it; [`Error::Disconnected`] and
    /// [`Error::NoAnswer`].
    pub async fn save(&self) -> Result<Token, Error> {
        save(&self.wire, self.capability.clone().cast_to()).await
    }
}

impl Auditor {
    /// How many have voted, of how many who may. From `Auditor.turnout`.
    ///
    /// # Errors
    /// [`Error::Remote`] where this authority was revoked; [`Error::Disconnected`] and [`Error::NoAnswer`].
    pub async fn turnout(&self) -> Result<(u64, u64), Error> {
        let answer = self.wire.answer(self.capability.turnout_request().send().promise).await?;
        let turnout = answer.get()?.get_turnout()?;
        Ok((turnout.get_ballots(), turnout.get_voters()))
    }

    /// Has the election read back from the disk, and its hash chain computed again. From
    /// `Auditor.checkLedger`.
    ///
    /// # Errors
    /// [`Error::Remote`] with what does not hold, or where this authority was revoked; [`Error::Disconnected`].
    pub async fn check_ledger(&self) -> Result<LedgerReport, Error> {
        let checked = self.capability.check_ledger_request().send().promise;
        let answer = self.wire.unless_broken(checked).await?;
        let report = answer.get()?.get_report()?;
        Ok(LedgerReport {
            entries: report.get_entries(),
            ballots: report.get_ballots(),
            numbers_used: report.get_numbers_used(),
            head: report.get_head()?.to_vec(),
            unscrubbed: report.get_unscrubbed(),
        })
    }

    /// Passes every counted ballot of a closed election to `take`, in the order of the receipts: the
    /// candidate, which is empty for a blank ballot, the nonce, and the receipt as the server has it. `take` returns nothing, or a
    /// [`Result`] whose error ends the call. From `Auditor.tallySheet`.
    ///
    /// # Errors
    /// [`Error::Callback`] where `take` returned an error; [`Error::Remote`] where this authority was revoked, or the ledger cannot
    /// be read; [`Error::Protocol`] where a line is none; [`Error::Disconnected`]. After each of them the sheet is not whole.
    /// That the election is not closed is [`ActOutcome::Refused`].
    pub async fn tally_sheet<F, T>(&self, mut take: F) -> Result<ActOutcome, Error>
    where
        F: FnMut(String, Nonce, String) -> T,
        T: CallbackResult,
    {
        let (lines, arriving) = relay();
        let mut request = resolved(&self.capability).tally_sheet_request();
        request.get().set_into(capnp_rpc::new_client(SheetSink { lines }));
        let told = self.wire.unless_broken(request.send().promise);
        let take = |lines: tally_sheet_sink::LinesParams| {
            for line in lines.get()?.get_lines()?.iter() {
                let nonce = Nonce::try_from(line.get_nonce()?);
                let nonce = nonce.map_err(|error| Error::Protocol(error.to_string()))?;
                let (candidate, receipt) = (line.get_candidate()?, line.get_commitment()?);
                let taken = take(candidate.to_string()?, nonce, receipt.to_string()?);
                taken.into_result().map_err(Error::Callback)?;
            }
            Ok(())
        };
        let answer = arriving.until_answered(told, take).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// A new secret that opens this authority: what stands behind the `#` of a link. From `Savable.save`.
    ///
    /// # Errors
    /// [`Error::Remote`] where this authority was revoked, or too much is saved from it; [`Error::Disconnected`] and
    /// [`Error::NoAnswer`].
    pub async fn save(&self) -> Result<Token, Error> {
        save(&self.wire, self.capability.clone().cast_to()).await
    }
}

/// Takes the lines of a sheet for the task that asked for them.
struct SheetSink {
    lines: Relay<tally_sheet_sink::LinesParams>,
}

impl tally_sheet_sink::Server for SheetSink {
    async fn lines(self: Rc<Self>, lines: tally_sheet_sink::LinesParams) -> capnp::Result<()> {
        self.lines.pass_on(lines).await
    }

    async fn done(
        self: Rc<Self>,
        _: tally_sheet_sink::DoneParams,
        _: tally_sheet_sink::DoneResults,
    ) -> capnp::Result<()> {
        Ok(())
    }
}

impl ActOutcome {
    fn read(outcome: act_outcome::Reader<'_>) -> Result<Self, Error> {
        match outcome.which()? {
            act_outcome::Done(()) => Ok(Self::Done),
            act_outcome::Refused(why) => Ok(Self::Refused(why?.to_string()?)),
            act_outcome::Unspecified(()) => Err(Error::Protocol("an outcome says nothing".into())),
        }
    }
}

async fn save(wire: &Wire, capability: savable::Client) -> Result<Token, Error> {
    let answer = wire.answer(capability.save_request().send().promise).await?;
    let token = Token::try_from(answer.get()?.get_token()?);
    token.map_err(|()| Error::Protocol("a token is not 32 bytes".into()))
}

fn write_spec(definition: &Definition, mut spec: election_spec::Builder<'_>) {
    spec.set_id(definition.id.as_str());
    spec.set_title(definition.title.as_str());
    spec.set_blank(definition.slate.blank().is_some());
    spec.set_publication(match definition.publication {
        Publication::Live => election_capnp::Publication::Live,
        Publication::Sealed => election_capnp::Publication::Sealed,
    });
    let seconds = |moment: Option<Timestamp>| moment.map_or(0, |moment| moment.0);
    spec.set_opens(seconds(definition.schedule.opens));
    spec.set_closes(seconds(definition.schedule.closes));
    let names = definition.slate.names();
    let mut list = spec.init_candidates(names.len() as u32);
    for (index, name) in names.iter().enumerate() {
        list.set(index as u32, name.as_str());
    }
}

/// Takes new numbers for the task that asked for them. None at the end of all.
struct NumberSink {
    numbers: Relay<Vec<VoterNumber>>,
}

impl voter_number_sink::Server for NumberSink {
    fn numbers(
        self: Rc<Self>,
        params: voter_number_sink::NumbersParams,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        let numbers = params.get().and_then(|params| params.get_numbers());
        let numbers = numbers.map(|numbers| numbers.iter().map(VoterNumber::from).collect());
        Promise::from_future(async move { self.numbers.pass_on(numbers?).await })
    }

    async fn done(
        self: Rc<Self>,
        _: voter_number_sink::DoneParams,
        _: voter_number_sink::DoneResults,
    ) -> capnp::Result<()> {
        self.numbers.pass_on(Vec::new()).await
    }
}
