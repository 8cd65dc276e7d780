//! `Auditor`: turnout, tally sheet and ledger check of one election.

use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;

use capnp::Error;

use super::authority::{Authority, savable};
use super::convert::exception;
use super::long_work::{self, Permit};
use super::session::standing_in;
use crate::election::{Ballot, ElectionId, ElectionState, Nonce, Receipt, Standing};
use crate::ledger::{Answer, Ledger, SheetCursor};
use crate::net::fault;
use crate::net::transport::Caller;
use crate::schema::election::write_turnout;
use crate::schema::officer_capnp::auditor::{
    CheckLedgerParams, CheckLedgerResults, Server, TallySheetParams, TallySheetResults,
    TurnoutParams, TurnoutResults,
};
use crate::schema::officer_capnp::tally_sheet_sink;
use crate::schema::values::{length, write_marks};

/// Lines of a tally sheet in one batch, and the marks on them: of a long slate, fewer lines.
const BATCH_LINES: usize = 1_024;
const BATCH_MARKS: usize = 256 * 1_024;

pub(super) struct Auditor {
    authority: Rc<Authority>,
    id: ElectionId,
}

savable!(Auditor);

impl Auditor {
    pub(super) fn new(authority: Rc<Authority>, id: ElectionId) -> Self {
        Self { authority, id }
    }

    fn standing(&self) -> Result<Arc<Standing>, Error> {
        self.authority.session()?.standing(&self.id)
    }

    /// The election, if it is closed, in the newest snapshot or in a fresh one.
    async fn closed(&self) -> Result<Option<Arc<Standing>>, Error> {
        let closed = |standing: &Arc<Standing>| standing.state == ElectionState::Closed;
        let session = self.authority.session()?;
        let standing = session.look_up(|snapshot| standing_in(snapshot, &self.id), closed).await?;
        Ok(Some(standing).filter(closed))
    }

    /// Reads the ledger. A connection has one such read at a time; `permit` bounds those of all
    /// connections.
    async fn read<T: 'static>(
        &self,
        permit: impl Future<Output = Permit>,
        read: impl FnOnce(&dyn Ledger) -> Answer<T>,
    ) -> Result<T, Error> {
        let own = self.authority.session()?.long_work_permit().await;
        let permit = permit.await;
        // This authority may have been revoked meanwhile.
        let read = read(&*self.authority.session()?.ledger);
        // If the call is cancelled, the read still runs to its end, and keeps its permits until
        // then.
        let read = tokio::task::spawn_local(async move {
            let _permits = (own, permit);
            read.await
        });
        read.await.map_err(long_work::failed)?.map_err(exception)
    }
}

impl Server for Auditor {
    async fn turnout(
        self: Rc<Self>,
        _: TurnoutParams,
        mut results: TurnoutResults,
    ) -> capnp::Result<()> {
        write_turnout(&*self.standing()?, results.get().init_turnout());
        Ok(())
    }

    async fn tally_sheet(
        self: Rc<Self>,
        params: TallySheetParams,
        mut results: TallySheetResults,
    ) -> capnp::Result<()> {
        let sink = params.get()?.get_into()?;
        let caller = Caller::of(|| params.get().is_ok());
        let Some(standing) = self.closed().await? else {
            let why = "there is no tally sheet before the election is closed";
            results.get().init_outcome().set_refused(why);
            return Ok(());
        };
        let mut cursor = SheetCursor::default();
        let batch = BATCH_LINES.min(BATCH_MARKS / standing.definition.slate.names().len());
        loop {
            let sheet = |ledger: &dyn Ledger| ledger.sheet(self.id.clone(), cursor, batch);
            let (lines, next) = self.read(ready(None), sheet).await?;
            if lines.is_empty() {
                break;
            }
            cursor = next;
            let sent = send_lines(&sink, &standing, &lines);
            let sent = Caller::unless_cancelled(caller.as_ref(), sent).await;
            sent.map_err(fault::passed_on)?;
        }
        let done = sink.done_request().send().promise;
        Caller::unless_cancelled(caller.as_ref(), done).await.map_err(fault::passed_on)?;
        results.get().init_outcome().set_done(());
        Ok(())
    }

    async fn check_ledger(
        self: Rc<Self>,
        params: CheckLedgerParams,
        mut results: CheckLedgerResults,
    ) -> capnp::Result<()> {
        let check = |ledger: &dyn Ledger| ledger.check(self.id.clone());
        let caller = Caller::of(|| params.get().is_ok());
        let read = self.read(long_work::check_permit(), check);
        let report = Caller::unless_cancelled(caller.as_ref(), read).await?;
        let mut builder = results.get().init_report();
        builder.set_entries(report.entries);
        builder.set_ballots(report.ballots);
        builder.set_numbers_used(report.numbers_used);
        builder.set_unscrubbed(report.unscrubbed);
        builder.set_head(&report.head);
        Ok(())
    }
}

async fn send_lines(
    sink: &tally_sheet_sink::Client,
    standing: &Standing,
    lines: &[(Ballot, Nonce)],
) -> Result<(), Error> {
    let definition = &standing.definition;
    let mut request = sink.lines_request();
    let mut list = request.get().init_lines(lines.len() as u32);
    for (index, (ballot, nonce)) in lines.iter().enumerate() {
        let mut line = list.reborrow().get(index as u32);
        match ballot.choice() {
            Some(choice) => line.set_candidate(definition.slate.name(choice).unwrap_or_default()),
            None => {
                let marks = ballot.as_marks(&definition.slate);
                write_marks(&marks, line.reborrow().init_marks(length(marks.len())));
            }
        }
        line.set_nonce(nonce.as_bytes());
        line.set_commitment(Receipt::of(definition, ballot, nonce).to_string().as_str());
    }
    request.send().await
}
