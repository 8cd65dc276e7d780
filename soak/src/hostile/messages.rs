//! Messages of hostile clients as bytes, built once and sent many times.

use capnp::any_pointer;
use capnp::message::Builder;
use capnp::serialize;
use capnp::traits::{HasTypeId, ImbueMut};
use capnp_rpc::rpc_capnp::{call, message};
use capvote::schema::election_capnp::{directory, election, message_sink};

/// The first free question ID after [`opening`].
pub(super) const FIRST_QUESTION: u32 = 2;

/// Placeholders in a built message, found by value and overwritten in each copy.
const QUESTION: u32 = 0x5eed_c0de;
const NUMBER: u64 = 0x0ddb_a11c_afe5_c0de;

/// A vote message, copied with other question IDs and voter numbers.
pub(super) struct Vote {
    bytes: Vec<u8>,
    question_at: usize,
    number_at: usize,
}

/// A sink that is never called, because the crowd does not read from the server.
struct Sink;

impl message_sink::Server for Sink {}

pub(super) fn message(
    build: impl FnOnce(message::Builder<'_>) -> capnp::Result<()>,
) -> capnp::Result<Vec<u8>> {
    let mut message = Builder::new_default();
    build(message.init_root())?;
    Ok(serialize::write_message_to_words(&message))
}

/// The calls that get the directory (question 0) and its election (question 1).
pub(super) fn opening() -> capnp::Result<Vec<u8>> {
    let bootstrap = message(|message| {
        message.init_bootstrap().set_question_id(0);
        Ok(())
    })?;
    let election = message(|message| {
        let mut call = begin::<directory::Client>(message, 1, 1);
        call.reborrow().init_target().init_promised_answer().set_question_id(0);
        let mut election =
            call.init_params().get_content().init_as::<directory::election_params::Builder<'_>>();
        election.set_id("board");
        Ok(())
    })?;
    Ok([bootstrap, election].concat())
}

pub(super) fn begin<C: HasTypeId>(
    message: message::Builder<'_>,
    question: u32,
    method: u16,
) -> call::Builder<'_> {
    let mut call = message.init_call();
    call.set_question_id(question);
    call.set_interface_id(C::TYPE_ID);
    call.set_method_id(method);
    call
}

impl Vote {
    /// A vote in the election that [`opening`] asks for, with or without a sink.
    pub(super) fn new(sink: bool) -> capnp::Result<Self> {
        let bytes = message(|message| {
            let mut capabilities = Vec::new();
            let mut call = begin::<election::Client>(message, QUESTION, 0);
            let mut target = call.reborrow().init_target().init_promised_answer();
            target.set_question_id(1);
            target.init_transform(1).get(0).set_get_pointer_field(0);
            let mut params = call.init_params();
            if sink {
                params.reborrow().init_cap_table(1).get(0).set_sender_hosted(0);
            }
            let mut content: any_pointer::Builder<'_> = params.reborrow().get_content();
            content.imbue_mut(&mut capabilities);
            let mut vote = content.init_as::<election::vote_params::Builder<'_>>();
            vote.set_candidate("Ada");
            vote.set_voter_number(NUMBER);
            // A constant nonce makes each repeated vote a retry, which the server has to look up.
            vote.set_nonce(&[7; 16]);
            if sink {
                vote.set_messages(capnp_rpc::new_client(Sink));
            }
            Ok(())
        })?;
        let found = |pattern: &[u8]| bytes.windows(pattern.len()).position(|part| part == pattern);
        let missing = || capnp::Error::failed("a placeholder is missing in the message".into());
        let question_at = found(&QUESTION.to_le_bytes()).ok_or_else(missing)?;
        let number_at = found(&NUMBER.to_le_bytes()).ok_or_else(missing)?;
        Ok(Self { bytes, question_at, number_at })
    }

    /// Appends the vote to `to`.
    pub(super) fn append(&self, question: u32, number: u64, to: &mut Vec<u8>) {
        let begin = to.len();
        to.extend_from_slice(&self.bytes);
        let mut put =
            |at: usize, value: &[u8]| to[begin + at..][..value.len()].copy_from_slice(value);
        put(self.question_at, &question.to_le_bytes());
        put(self.number_at, &number.to_le_bytes());
    }
}
