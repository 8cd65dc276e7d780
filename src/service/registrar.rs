//! `Registrar`: the roll of one election.

use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use tokio::time::timeout;

use super::authority::{Authority, savable};
use super::convert::write_act;
use super::draw::{Draw, no_random_numbers};
use super::long_work;
use crate::election::{ElectionId, VoterNumber};
use crate::ledger::Act;
use crate::net::fault;
use crate::net::transport::Caller;
use crate::schema::officer_capnp::registrar::{
    IssueParams, IssueResults, RevokeNumbersParams, RevokeNumbersResults, Server,
};
use crate::schema::officer_capnp::voter_number_sink;

/// Voter numbers issued in one call. More are refused.
pub const ISSUE_NUMBERS_MAX: u32 = 10_000_000;

/// Voter numbers revoked in one call. More are refused: votes wait while they are looked up.
pub const REVOKE_NUMBERS_MAX: usize = 100_000;

/// The time for a sink to take a batch of numbers, and to store all of them. If it takes longer,
/// none is issued.
pub const NUMBERS_WAIT_MAX: Duration = Duration::from_secs(60);

/// Voter numbers in one batch.
const BATCH_NUMBERS: usize = 8_192;

pub(super) struct Registrar {
    authority: Rc<Authority>,
    id: ElectionId,
}

savable!(Registrar);

impl Registrar {
    pub(super) fn new(authority: Rc<Authority>, id: ElectionId) -> Self {
        Self { authority, id }
    }
}

impl Server for Registrar {
    async fn issue(
        self: Rc<Self>,
        params: IssueParams,
        mut results: IssueResults,
    ) -> capnp::Result<()> {
        let (count, sink) = {
            let params = params.get()?;
            (params.get_count(), params.get_into()?)
        };
        if count > ISSUE_NUMBERS_MAX {
            let why = format!("at most {ISSUE_NUMBERS_MAX} numbers are issued in one call");
            results.get().init_outcome().set_refused(why.as_str());
            return Ok(());
        }
        let _own = self.authority.session()?.long_work_permit().await;
        let draw = Draw::new(count as usize).map_err(no_random_numbers)?;
        let caller = Caller::of(|| params.get().is_ok());
        let sent = send_numbers(&sink, &draw);
        let sent = Caller::unless_cancelled(caller.as_ref(), sent).await;
        sent.map_err(fault::passed_on)?;
        // After the sink has stored them: no issued number is lost. Only now are all in memory.
        let turn = long_work::issue_turn(&self.id, count).await;
        let (numbers, _turn) = long_work::run(move || (draw.numbers().collect(), turn)).await?;
        // Checks the authority again.
        let issued = self.authority.act(vec![Act::Issue(self.id.clone(), numbers)]).await?;
        if write_act(issued, results.get().init_outcome())? {
            tracing::info!(election = %self.id, count, "voter numbers were issued");
        }
        Ok(())
    }

    async fn revoke_numbers(
        self: Rc<Self>,
        params: RevokeNumbersParams,
        mut results: RevokeNumbersResults,
    ) -> capnp::Result<()> {
        let numbers = params.get()?.get_numbers()?;
        if numbers.len() as usize > REVOKE_NUMBERS_MAX {
            let why = format!("at most {REVOKE_NUMBERS_MAX} numbers are revoked in one call");
            results.get().init_outcome().set_refused(why.as_str());
            return Ok(());
        }
        let numbers: Vec<_> = numbers.iter().map(VoterNumber::from).collect();
        let count = numbers.len();
        // Frees a long list before this waits for the ledger.
        drop(params);
        let revoked = self.authority.act(vec![Act::Revoke(self.id.clone(), numbers)]).await?;
        if write_act(revoked, results.get().init_outcome())? {
            tracing::info!(election = %self.id, count, "voter numbers were revoked");
        }
        Ok(())
    }
}

/// The answer of a sink, within [`NUMBERS_WAIT_MAX`].
async fn in_time<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Err(Error::failed("the sink took too long: no numbers were issued".into()));
    timeout(NUMBERS_WAIT_MAX, answer).await.unwrap_or_else(late)
}

/// Sends numbers to a sink, and returns when it has stored all of them.
async fn send_numbers(sink: &voter_number_sink::Client, draw: &Draw) -> Result<(), Error> {
    let mut numbers = draw.numbers();
    loop {
        let batch: Vec<_> = numbers.by_ref().take(BATCH_NUMBERS).collect();
        if batch.is_empty() {
            break;
        }
        let mut request = sink.numbers_request();
        let mut list = request.get().init_numbers(batch.len() as u32);
        for (index, number) in batch.iter().enumerate() {
            list.set(index as u32, number.get());
        }
        in_time(request.send()).await?;
    }
    in_time(sink.done_request().send().promise).await?;
    Ok(())
}
