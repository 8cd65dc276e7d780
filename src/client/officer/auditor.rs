//! The auditor of an election, and the sink for its tally sheet.

use std::rc::Rc;

use super::ActOutcome;
use crate::client::callback::{CallSender, callback};
use crate::client::connection::{Connection, resolved};
use crate::client::{CallbackResult, Error};
use crate::election::Nonce;
use crate::schema::election::read_turnout;
use crate::schema::officer_capnp::{auditor, tally_sheet_sink};
use crate::schema::values::read_text;

/// May read turnout and tally sheet of one election, and check its ledger. From
/// [`Restored::auditor`](super::Restored::auditor) and
/// [`Administration::auditor`](super::Administration::auditor).
#[derive(Clone)]
pub struct Auditor {
    pub(super) capability: auditor::Client,
    pub(super) connection: Connection,
}

/// The result of checking an election's part of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReport {
    /// The entries of the hash chain, all of them valid.
    pub entries: u64,
    /// The ballots stored.
    pub ballots: u64,
    /// The voter numbers that have voted: as many as there are ballots.
    pub numbers_used: u64,
    /// The head of the chain, 32 bytes. A server of version 0.1 sends none before the close.
    pub head: Vec<u8>,
    /// Whether the election is closed and the key of its ballots is not destroyed.
    pub unscrubbed: bool,
}

/// A counted ballot of a tally sheet. It cannot be linked to a voter number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedBallot {
    /// The candidate; empty for a blank ballot, and where a ballot can say more than one mark.
    pub candidate: String,
    /// Where a ballot can say more than one mark, one for each name of the slate; none of a blank
    /// ballot.
    pub marks: Vec<u16>,
    /// The nonce it was cast with.
    pub nonce: Nonce,
    /// The receipt as the server has it.
    pub receipt: String,
}

impl Auditor {
    pub(super) fn new(capability: auditor::Client, connection: Connection) -> Self {
        Self { capability, connection }
    }

    /// The ballots recorded, and the voters on the roll. From `Auditor.turnout`.
    ///
    /// # Errors
    /// [`Error::Remote`] if this authority was revoked; [`Error::Disconnected`] and
    /// [`Error::NoAnswer`].
    pub async fn turnout(&self) -> Result<(u64, u64), Error> {
        let request = self.capability.turnout_request();
        let answer = self.connection.answer(request.send().promise).await?;
        Ok(read_turnout(answer.get()?.get_turnout()?))
    }

    /// Has the server read the election back from the disk and recompute its hash chain. There is
    /// no time limit. From `Auditor.checkLedger`.
    ///
    /// # Errors
    /// [`Error::Remote`] if the check fails, with what is wrong, or if this authority was revoked;
    /// [`Error::Disconnected`].
    pub async fn check_ledger(&self) -> Result<LedgerReport, Error> {
        let checked = self.capability.check_ledger_request().send().promise;
        let answer = self.connection.unless_lost(checked).await?;
        let report = answer.get()?.get_report()?;
        Ok(LedgerReport {
            entries: report.get_entries(),
            ballots: report.get_ballots(),
            numbers_used: report.get_numbers_used(),
            head: report.get_head()?.to_vec(),
            unscrubbed: report.get_unscrubbed(),
        })
    }

    /// Passes every counted ballot of a closed election to `take`, in the order of the receipts.
    /// `take` returns nothing, or a [`Result`] whose error ends the call. From
    /// `Auditor.tallySheet`.
    ///
    /// Before the close this is [`ActOutcome::Refused`].
    ///
    /// # Errors
    /// The sheet is incomplete after each of them.
    /// - [`Error::Callback`]: `take` returned an error.
    /// - [`Error::Remote`]: this authority was revoked, or the ledger cannot be read.
    /// - [`Error::Protocol`]: a line is malformed.
    /// - [`Error::Disconnected`].
    pub async fn tally_sheet<F, T>(&self, mut take: F) -> Result<ActOutcome, Error>
    where
        F: FnMut(CountedBallot) -> T,
        T: CallbackResult,
    {
        let (lines, calls) = callback();
        let mut request = resolved(&self.capability).tally_sheet_request();
        request.get().set_into(capnp_rpc::new_client(SheetSink { lines }));
        let sent = self.connection.unless_lost(request.send().promise);
        let take = |lines: tally_sheet_sink::LinesParams| {
            for line in lines.get()?.get_lines()?.iter() {
                let nonce = Nonce::try_from(line.get_nonce()?);
                let nonce = nonce.map_err(|error| Error::Protocol(error.to_string()))?;
                let candidate = read_text(line.get_candidate()?)?;
                let marks = line.get_marks()?.iter().collect();
                let receipt = read_text(line.get_commitment()?)?;
                let ballot = CountedBallot { candidate, marks, nonce, receipt };
                take(ballot).into_result().map_err(Error::Callback)?;
            }
            Ok(())
        };
        let answer = calls.run_until(sent, take).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }
}

/// Passes the lines of a sheet on.
struct SheetSink {
    lines: CallSender<tally_sheet_sink::LinesParams>,
}

impl tally_sheet_sink::Server for SheetSink {
    async fn lines(self: Rc<Self>, lines: tally_sheet_sink::LinesParams) -> capnp::Result<()> {
        self.lines.call(lines).await
    }

    async fn done(
        self: Rc<Self>,
        _: tally_sheet_sink::DoneParams,
        _: tally_sheet_sink::DoneResults,
    ) -> capnp::Result<()> {
        Ok(())
    }
}
