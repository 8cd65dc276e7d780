//! The registrar of an election, and the sink for new voter numbers.

use std::rc::Rc;

use capnp::capability::Promise;

use super::ActOutcome;
use crate::client::Error;
use crate::client::callback::{CallSender, callback};
use crate::client::connection::{Connection, resolved};
use crate::election::VoterNumber;
use crate::schema::officer_capnp::{registrar, voter_number_sink};

/// May put voter numbers on the roll of one election. From
/// [`Restored::registrar`](super::Restored::registrar) and
/// [`Administration::registrar`](super::Administration::registrar).
#[derive(Clone)]
pub struct Registrar {
    pub(super) capability: registrar::Client,
    pub(super) connection: Connection,
}

impl Registrar {
    pub(super) fn new(capability: registrar::Client, connection: Connection) -> Self {
        Self { capability, connection }
    }

    /// Issues `count` voter numbers, and passes them to `keep`, many at a time. When this returns
    /// `Done`, they are on the roll; the server does not return them again. From `Registrar.issue`.
    ///
    /// `keep` has to put them on stable storage. It is called once more with an empty slice at the
    /// end; if it returns an error, no number is issued.
    ///
    /// Too many numbers, or a closed election, is [`ActOutcome::Refused`].
    ///
    /// # Errors
    /// - [`Error::Callback`]: `keep` returned an error, and no number was issued.
    /// - [`Error::Protocol`]: the server passed more numbers, or fewer.
    /// - [`Error::Remote`]: this authority was revoked, or the ledger could not store the numbers.
    /// - [`Error::Disconnected`]: it is not known whether they are on the roll.
    pub async fn issue(
        &self,
        count: u32,
        mut keep: impl FnMut(&[VoterNumber]) -> Result<(), String>,
    ) -> Result<ActOutcome, Error> {
        let (numbers, calls) = callback();
        let mut request = resolved(&self.capability).issue_request();
        request.get().set_count(count);
        request.get().set_into(capnp_rpc::new_client(NumberSink { numbers }));
        let issued = self.connection.unless_lost(request.send().promise);
        let mut missing = count as usize;
        let keep = |numbers: Vec<_>| {
            // The end, which an empty list stands for, is not to come before the last number.
            let wrong = if numbers.is_empty() { missing > 0 } else { numbers.len() > missing };
            if wrong {
                let why =
                    format!("it does not issue the {count} voter numbers that were asked for");
                return Err(Error::Protocol(why));
            }
            missing -= numbers.len();
            keep(&numbers).map_err(Error::Callback)
        };
        let answer = calls.run_until(issued, keep).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }

    /// Takes numbers off the roll, all of them or none. From `Registrar.revokeNumbers`.
    ///
    /// A number that is not on the roll, or an election whose voting has begun, is
    /// [`ActOutcome::Refused`].
    ///
    /// # Errors
    /// As [`ReturningOfficer::create`](super::ReturningOfficer::create).
    pub async fn revoke_numbers(&self, numbers: &[VoterNumber]) -> Result<ActOutcome, Error> {
        let mut request = self.capability.revoke_numbers_request();
        let mut list = request.get().init_numbers(numbers.len() as u32);
        for (index, number) in numbers.iter().enumerate() {
            list.set(index as u32, number.get());
        }
        let answer = self.connection.answer(request.send().promise).await?;
        ActOutcome::read(answer.get()?.get_outcome()?)
    }
}

/// Passes new numbers on, and an empty list at the end.
struct NumberSink {
    numbers: CallSender<Vec<VoterNumber>>,
}

impl voter_number_sink::Server for NumberSink {
    fn numbers(
        self: Rc<Self>,
        params: voter_number_sink::NumbersParams,
    ) -> impl Future<Output = capnp::Result<()>> + 'static {
        let numbers = params.get().and_then(|params| params.get_numbers());
        let numbers = numbers.map(|numbers| numbers.iter().map(VoterNumber::from).collect());
        Promise::from_future(async move { self.numbers.call(numbers?).await })
    }

    async fn done(
        self: Rc<Self>,
        _: voter_number_sink::DoneParams,
        _: voter_number_sink::DoneResults,
    ) -> capnp::Result<()> {
        self.numbers.call(Vec::new()).await
    }
}
