//! `Auditor`: looking into one election.

use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;

use capnp::Error;

use super::authority::{Authority, savable};
use super::long_work::{self, Place};
use crate::election::{ElectionId, ElectionState, Receipt, Standing};
use crate::ledger::{LedgerError, LedgerReader, SheetPart, SheetPlace};
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
        let standing = self.authority.session()?.clerk.standing(&self.id);
        standing.ok_or_else(|| Error::failed(format!("there is no election {}", self.id)))
    }

    /// What reading the ledger comes to. This connection has no other long work meanwhile.
    async fn read<T: Send + 'static>(
        &self,
        place: impl Future<Output = Place>,
        read: impl FnOnce(&dyn LedgerReader, &ElectionId) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Error> {
        let mine = self.authority.session()?.may_work_long().await;
        let place = place.await;
        // It may have been revoked meanwhile.
        let reader = self.authority.session()?.clerk.reader();
        let id = self.id.clone();
        let read = move || {
            let _mine_and_place = (mine, place);
            read(&*reader, &id)
        };
        let read = long_work::run(read).await?;
        read.map_err(|error| Error::failed(error.to_string()))
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
        let standing = self.standing()?;
        if standing.state != ElectionState::Closed {
            let why = "there is no tally sheet before the election is closed";
            results.get().init_outcome().set_refused(why);
            return Ok(());
        }
        let mut place = SheetPlace::default();
        loop {
            let (lines, behind): SheetPart = self
                .read(ready(None), move |reader, id| reader.sheet(id, place, BATCH_LINES))
                .await?;
            if lines.is_empty() {
                break;
            }
            place = behind;
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
        let report = self.read(long_work::may_check(), |reader, id| reader.check(id)).await?;
        let mut builder = results.get().init_report();
        builder.set_entries(report.entries);
        builder.set_ballots(report.ballots);
        builder.set_numbers_used(report.numbers_used);
        builder.set_unscrubbed(report.unscrubbed);
        if report.closed {
            builder.set_head(&report.head);
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
