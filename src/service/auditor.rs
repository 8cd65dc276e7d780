//! `Auditor`: looking into one election.

use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;

use capnp::Error;

use super::authority::{Authority, savable};
use super::long_work::{self, Permit};
use crate::election::{ElectionId, ElectionState, Receipt, Standing};
use crate::ledger::{Answer, Ledger, SheetCursor};
use crate::net::fault;
use crate::schema::election::write_turnout;
use crate::schema::officer_capnp::auditor::{
    CheckLedgerParams, CheckLedgerResults, Server, TallySheetParams, TallySheetResults,
    TurnoutParams, TurnoutResults,
};
use crate::schema::officer_capnp::tally_sheet_sink;

/// The lines of a sheet handed over at a time.
const BATCH_LINES: usize = 1_024;

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
        let standing = self.authority.session()?.standing(&self.id);
        standing.ok_or_else(|| Error::failed(format!("there is no election {}", self.id)))
    }

    /// The election, if it is closed. Before "no", the ledger is asked.
    async fn closed(&self) -> Result<Option<Arc<Standing>>, Error> {
        let closed = |standing: &Arc<Standing>| standing.state == ElectionState::Closed;
        let seen = Some(self.standing()?).filter(closed);
        if seen.is_some() {
            return Ok(seen);
        }
        self.authority.session()?.refresh().await?;
        Ok(Some(self.standing()?).filter(closed))
    }

    /// Reads the ledger. A connection has one such read at a time; `permit` bounds those of the
    /// server.
    async fn read<T: 'static>(
        &self,
        permit: impl Future<Output = Permit>,
        read: impl FnOnce(&dyn Ledger) -> Answer<T>,
    ) -> Result<T, Error> {
        let own = self.authority.session()?.may_work_long().await;
        let permit = permit.await;
        // It may have been revoked meanwhile.
        let read = read(&*self.authority.session()?.ledger);
        // A read that has begun goes on to its end, and keeps its permits, even if the call is
        // cancelled.
        let read = tokio::task::spawn_local(async move {
            let _permits = (own, permit);
            read.await
        });
        let failed = |_| Error::failed("the server could not do it; its log tells why".into());
        read.await.map_err(failed)?.map_err(|error| Error::failed(error.to_string()))
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
        let Some(standing) = self.closed().await? else {
            let why = "there is no tally sheet before the election is closed";
            results.get().init_outcome().set_refused(why);
            return Ok(());
        };
        let mut cursor = SheetCursor::default();
        loop {
            let sheet = |ledger: &dyn Ledger| ledger.sheet(self.id.clone(), cursor, BATCH_LINES);
            let (lines, next) = self.read(ready(None), sheet).await?;
            if lines.is_empty() {
                break;
            }
            cursor = next;
            hand_over(&sink, &standing, &lines).await.map_err(fault::passed_on)?;
        }
        sink.done_request().send().promise.await.map_err(fault::passed_on)?;
        results.get().init_outcome().set_done(());
        Ok(())
    }

    async fn check_ledger(
        self: Rc<Self>,
        _: CheckLedgerParams,
        mut results: CheckLedgerResults,
    ) -> capnp::Result<()> {
        let check = |ledger: &dyn Ledger| ledger.check(self.id.clone());
        let report = self.read(long_work::may_check(), check).await?;
        let mut builder = results.get().init_report();
        builder.set_entries(report.entries);
        builder.set_ballots(report.ballots);
        builder.set_numbers_used(report.numbers_used);
        builder.set_unscrubbed(report.unscrubbed);
        if let Some(head) = report.head {
            builder.set_head(&head);
        }
        Ok(())
    }
}

async fn hand_over(
    sink: &tally_sheet_sink::Client,
    standing: &Standing,
    lines: &[(crate::election::Choice, crate::election::Nonce)],
) -> Result<(), Error> {
    let definition = &standing.definition;
    let mut request = sink.lines_request();
    let mut list = request.get().init_lines(lines.len() as u32);
    for (index, (choice, nonce)) in lines.iter().enumerate() {
        let candidate = definition.slate.name(*choice).unwrap_or_default();
        let mut line = list.reborrow().get(index as u32);
        line.set_candidate(candidate);
        line.set_nonce(nonce.as_bytes());
        let receipt = Receipt::new(&definition.id, candidate, nonce).to_string();
        line.set_commitment(receipt.as_str());
    }
    request.send().await
}
