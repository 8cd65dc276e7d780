//! Messages of a client, sent to a server: well-formed, of every kind, and mostly meaningful.
//!
//! An input is a list of choices. If its first byte is 255, one message is repeated thousands of
//! times. Questions, capabilities and promises get small IDs, so messages refer to each other.

use arbitrary::{Result, Unstructured};
use capnp::capability::FromClientHook;
use capnp::message::Builder;
use capnp::traits::{HasTypeId, ImbueMut};
use capnp::{any_pointer, serialize};
use capnp_rpc::rpc_capnp::{
    cap_descriptor, disembargo, message, message_target, payload, promised_answer, return_,
};
use capvote::schema::election_capnp as election;
use capvote::schema::lines_capnp as lines;
use capvote::schema::officer_capnp as officer;

use crate::world::{self, Peer, TOKEN};

/// Messages of one input, not counting repetitions.
const MESSAGES_MAX: usize = 48;

/// How often some messages are repeated, with higher IDs each time. `REPEATS` exceeds every bound
/// on chains; `MANY_REPEATS` is for few inputs, because it takes long.
const FEW_REPEATS: u32 = 4;
const REPEATS: u32 = 80;
const MANY_REPEATS: u32 = 3_000;

pub(crate) fn run(input: &[u8]) {
    let Some((&how, choices)) = input.split_first() else { return };
    let mut choices = Unstructured::new(choices);
    world::with(true, async |world| {
        let (stream, served) = world.connect();
        let mut peer = Peer::new(stream);
        let mut repeats = if how == 255 { MANY_REPEATS } else { REPEATS };
        for _ in 0..MESSAGES_MAX {
            if choices.is_empty() {
                break;
            }
            // The input ends when its choices do not suffice for a message.
            let Ok(bytes) = messages(&mut choices, &mut repeats) else { break };
            peer.send(&bytes).await;
            match choices.arbitrary::<u8>() {
                Ok(0..128) => tokio::task::yield_now().await,
                Ok(128..240) => world::turns().await,
                _ => world.settle().await,
            }
        }
        world::turns().await;
        peer.leave(world).await;
        world.ended("the connection", || served.is_finished()).await;
        served.await.expect("the server does not panic");
    });
}

/// One message, or the same message up to `repeats` times with higher IDs.
fn messages(choices: &mut Unstructured<'_>, repeats: &mut u32) -> Result<Vec<u8>> {
    let times = match choices.arbitrary::<u8>()? {
        0..4 => std::mem::replace(repeats, 1),
        4 | 5 => REPEATS,
        6..24 => FEW_REPEATS,
        _ => 1,
    };
    let mut bytes = Vec::new();
    for step in 0..times {
        // Each repetition reads the same choices. They are consumed after the last.
        let mut same = Unstructured::new(choices.peek_bytes(choices.len()).unwrap_or_default());
        let mut message = Builder::new_default();
        one(&mut same, message.init_root(), step)?;
        serialize::write_message(&mut bytes, &message).expect("writing to a Vec cannot fail");
        if step + 1 == times {
            choices.bytes(choices.len() - same.len())?;
        }
    }
    Ok(bytes)
}

/// A small number that grows with the step, and rarely any number.
fn number(choices: &mut Unstructured<'_>, step: u32) -> Result<u32> {
    Ok(match choices.arbitrary::<u8>()? {
        255 => choices.arbitrary()?,
        small => (u32::from(small) % 12).wrapping_add(step),
    })
}

fn one(choices: &mut Unstructured<'_>, message: message::Builder<'_>, step: u32) -> Result<()> {
    match choices.int_in_range(0..=17)? {
        0 | 1 => message.init_bootstrap().set_question_id(number(choices, step)?),
        2..=7 => call(choices, message, step)?,
        8 | 9 => answer(choices, message.init_return(), step)?,
        10 => {
            let mut finish = message.init_finish();
            finish.set_question_id(number(choices, step)?);
            finish.set_release_result_caps(choices.arbitrary()?);
        }
        11 => {
            let mut resolve = message.init_resolve();
            resolve.set_promise_id(number(choices, step)?);
            if choices.ratio(1, 8)? {
                resolve.init_exception().set_reason("no");
            } else {
                descriptor(choices, resolve.init_cap(), step)?;
            }
        }
        12 => {
            let mut release = message.init_release();
            release.set_id(number(choices, step)?);
            release.set_reference_count(number(choices, 0)?);
        }
        13 => embargo(choices, message.init_disembargo(), step)?,
        14 => message.init_abort().set_reason("enough"),
        15 => {
            let mut provide = message.init_provide();
            provide.set_question_id(number(choices, step)?);
            target(choices, provide.init_target(), step)?;
        }
        16 => {
            let mut join = message.init_join();
            join.set_question_id(number(choices, step)?);
            target(choices, join.init_target(), step)?;
        }
        _ => {
            let unimplemented = message.init_unimplemented();
            match choices.int_in_range(0..=2)? {
                0 => descriptor(choices, unimplemented.init_resolve().init_cap(), step)?,
                1 => answer(choices, unimplemented.init_return(), step)?,
                _ => drop(unimplemented.init_accept()),
            }
        }
    }
    Ok(())
}

fn call(choices: &mut Unstructured<'_>, message: message::Builder<'_>, step: u32) -> Result<()> {
    let mut call = message.init_call();
    call.set_question_id(number(choices, step)?);
    target(choices, call.reborrow().init_target(), step)?;
    match choices.int_in_range(0..=31)? {
        0 => call.reborrow().init_send_results_to().set_yourself(()),
        1 => drop(call.reborrow().init_send_results_to().init_third_party()),
        _ => {}
    }
    call.set_no_promise_pipelining(choices.ratio(1, 16)?);
    call.set_only_promise_pipeline(choices.ratio(1, 16)?);
    let method = *choices.choose(&METHODS)?;
    let (interface, ordinal) =
        if choices.ratio(1, 16)? { (choices.arbitrary()?, choices.arbitrary()?) } else { method };
    call.set_interface_id(interface);
    call.set_method_id(ordinal);
    // Gives the indexes of the capabilities; what they are is in the message's own table.
    let mut table = Vec::new();
    let mut params = call.init_params();
    capabilities(choices, params.reborrow(), step)?;
    let mut params = params.reborrow().get_content();
    params.imbue_mut(&mut table);
    content(choices, params, method, step)
}

const DIRECTORY: u64 = election::directory::Client::TYPE_ID;
const ELECTION: u64 = election::election::Client::TYPE_ID;
const COUNTER: u64 = lines::line_counter::Client::TYPE_ID;
const SAVABLE: u64 = officer::savable::Client::TYPE_ID;
const OFFICER: u64 = officer::returning_officer::Client::TYPE_ID;
const ADMINISTRATION: u64 = officer::administration::Client::TYPE_ID;
const REGISTRAR: u64 = officer::registrar::Client::TYPE_ID;
const AUDITOR: u64 = officer::auditor::Client::TYPE_ID;

/// Every method of the server: interface ID and method ordinal.
const METHODS: [(u64, u16); 24] = [
    (DIRECTORY, 0),
    (DIRECTORY, 1),
    (DIRECTORY, 2),
    (DIRECTORY, 3),
    (ELECTION, 0),
    (ELECTION, 1),
    (ELECTION, 2),
    (ELECTION, 3),
    (ELECTION, 4),
    (COUNTER, 0),
    (SAVABLE, 0),
    (SAVABLE, 1),
    (OFFICER, 0),
    (OFFICER, 1),
    (ADMINISTRATION, 0),
    (ADMINISTRATION, 1),
    (ADMINISTRATION, 2),
    (ADMINISTRATION, 3),
    (ADMINISTRATION, 4),
    (REGISTRAR, 0),
    (REGISTRAR, 1),
    (AUDITOR, 0),
    (AUDITOR, 1),
    (AUDITOR, 2),
];

/// Parameters for the method, and sometimes of another type.
fn content(
    choices: &mut Unstructured<'_>,
    content: any_pointer::Builder<'_>,
    method: (u64, u16),
    step: u32,
) -> Result<()> {
    use election::{directory as d, election as e};
    use officer::{auditor as a, registrar as r, returning_officer as o};

    let texts = ["board", "", "Ada", "Grace", "nobody", "a-1", "\u{FFFD}"];
    let text = *choices.choose(&texts)?;
    if choices.ratio(1, 16)? {
        match choices.int_in_range(0..=2)? {
            0 => content.initn_as::<capnp::data::Builder<'_>>(8).copy_from_slice(&[0xff; 8]),
            1 => drop(content.initn_as::<capnp::text_list::Builder<'_>>(3)),
            _ => {}
        }
        return Ok(());
    }
    match method {
        (DIRECTORY, 1) => content.init_as::<d::election_params::Builder<'_>>().set_id(text),
        (DIRECTORY, 3) => {
            let token = if choices.ratio(1, 8)? { [8; TOKEN.len()] } else { TOKEN };
            content.init_as::<d::restore_params::Builder<'_>>().set_token(&token);
        }
        (ELECTION, 0) => {
            let mut vote = content.init_as::<e::vote_params::Builder<'_>>();
            vote.set_candidate(text);
            vote.set_voter_number(u64::from(number(choices, step)?) + 1);
            vote.set_nonce(&[3; 16][..*choices.choose(&[0, 16, 16, 16, 15])?]);
            if choices.ratio(3, 4)? {
                vote.set_messages(anything());
            }
        }
        (ELECTION, 1) => content.init_as::<e::result_params::Builder<'_>>().set_candidate(text),
        (ELECTION, 3) => content.init_as::<e::watch_params::Builder<'_>>().set_observer(anything()),
        (COUNTER, 0) => {
            let params = content.init_as::<lines::line_counter::count_lines_params::Builder<'_>>();
            let mut params = params;
            params.set_file(anything());
            params.set_lines(anything());
        }
        (OFFICER, 0) => {
            let mut spec = content.init_as::<o::create_params::Builder<'_>>().init_spec();
            spec.set_id(text);
            spec.set_title(text);
            let mut candidates = spec.reborrow().init_candidates(2);
            candidates.set(0, text);
            candidates.set(1, "Grace");
            spec.set_blank(choices.arbitrary()?);
            spec.set_closes(choices.arbitrary()?);
        }
        (OFFICER, 1) => content.init_as::<o::administer_params::Builder<'_>>().set_id(text),
        (REGISTRAR, 0) => {
            let mut params = content.init_as::<r::issue_params::Builder<'_>>();
            params.set_count(number(choices, 0)? % 1_000);
            params.set_into(anything());
        }
        (REGISTRAR, 1) => {
            let params = content.init_as::<r::revoke_numbers_params::Builder<'_>>();
            params.init_numbers(1).set(0, u64::from(number(choices, step)?));
        }
        (AUDITOR, 1) => {
            content.init_as::<a::tally_sheet_params::Builder<'_>>().set_into(anything())
        }
        _ => {}
    }
    Ok(())
}

struct Anything;

impl election::handle::Server for Anything {}

/// A capability that claims to be of interface `C`.
fn anything<C: FromClientHook>() -> C {
    let handle: election::handle::Client = capnp_rpc::new_client(Anything);
    FromClientHook::new(handle.client.hook)
}

fn target(
    choices: &mut Unstructured<'_>,
    mut target: message_target::Builder<'_>,
    step: u32,
) -> Result<()> {
    if choices.ratio(1, 3)? {
        target.set_imported_cap(number(choices, step)?);
        Ok(())
    } else {
        promised(choices, target.init_promised_answer(), step)
    }
}

fn promised(
    choices: &mut Unstructured<'_>,
    mut promised: promised_answer::Builder<'_>,
    step: u32,
) -> Result<()> {
    promised.set_question_id(number(choices, step)?);
    let length = *choices.choose(&[0, 1, 1, 1, 2])?;
    let mut transform = promised.init_transform(length);
    for index in 0..length {
        let mut operation = transform.reborrow().get(index);
        match choices.int_in_range(0..=4)? {
            0 => operation.set_noop(()),
            1 => operation.set_get_pointer_field(choices.arbitrary()?),
            2 => operation.set_get_pointer_field(1),
            _ => operation.set_get_pointer_field(0),
        }
    }
    Ok(())
}

fn capabilities(
    choices: &mut Unstructured<'_>,
    payload: payload::Builder<'_>,
    step: u32,
) -> Result<()> {
    let count = *choices.choose(&[0, 1, 2, 2, 3, 65])?;
    let mut table = payload.init_cap_table(count);
    for index in 0..count {
        descriptor(choices, table.reborrow().get(index), step)?;
    }
    Ok(())
}

fn descriptor(
    choices: &mut Unstructured<'_>,
    mut descriptor: cap_descriptor::Builder<'_>,
    step: u32,
) -> Result<()> {
    match choices.int_in_range(0..=9)? {
        0 => descriptor.set_none(()),
        1..=3 => descriptor.set_sender_hosted(number(choices, step)?),
        4..=6 => descriptor.set_sender_promise(number(choices, step)?),
        7 => descriptor.set_receiver_hosted(number(choices, step)?),
        8 => promised(choices, descriptor.init_receiver_answer(), step)?,
        _ => descriptor.init_third_party_hosted().set_vine_id(number(choices, step)?),
    }
    Ok(())
}

/// An answer to a call from the server.
fn answer(
    choices: &mut Unstructured<'_>,
    mut answer: return_::Builder<'_>,
    step: u32,
) -> Result<()> {
    answer.set_answer_id(number(choices, step)?);
    answer.set_release_param_caps(choices.arbitrary()?);
    answer.set_no_finish_needed(choices.arbitrary()?);
    match choices.int_in_range(0..=9)? {
        0 => answer.init_exception().set_reason("no"),
        1 => answer.set_canceled(()),
        2 => answer.set_results_sent_elsewhere(()),
        3 => answer.set_take_from_other_question(number(choices, step)?),
        4 => drop(answer.init_accept_from_third_party()),
        5 => drop(answer.init_results()),
        _ => {
            let mut results = answer.init_results();
            capabilities(choices, results.reborrow(), step)?;
            let text = *choices.choose(&[&b""[..], b"a line\nand another\n", &[0xff; 300]])?;
            let data = results.get_content();
            let mut read = data.init_as::<lines::remote_file::read_results::Builder<'_>>();
            read.set_data(text);
        }
    }
    Ok(())
}

fn embargo(
    choices: &mut Unstructured<'_>,
    mut message: disembargo::Builder<'_>,
    step: u32,
) -> Result<()> {
    target(choices, message.reborrow().init_target(), step)?;
    let mut context = message.init_context();
    match choices.int_in_range(0..=3)? {
        0 => context.set_sender_loopback(number(choices, step)?),
        1 => context.set_receiver_loopback(number(choices, step)?),
        2 => context.set_accept(()),
        _ => context.set_provide(number(choices, step)?),
    }
    Ok(())
}
