//! Floods of what a server keeps for a client: each fills one table of the RPC layer, or the
//! output, and releases nothing.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Context;
use capnp::any_pointer;
use capnp::traits::ImbueMut;
use capnp_rpc::rpc_capnp::{call, cap_descriptor};
use capvote::schema::election_capnp::{directory, election, message_sink, result_observer};
use capvote::schema::lines_capnp::{line_counter, line_sink, remote_file};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use super::messages::{begin, message};

/// The first free question ID after the opening.
const FIRST_QUESTION: u32 = 3;

/// A capability of the client that is never called, because nothing is answered.
struct Silent;

impl message_sink::Server for Silent {}
impl result_observer::Server for Silent {}
impl remote_file::Server for Silent {}
impl line_sink::Server for Silent {}

/// What a connection asks for again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// Answers with a capability, never finished.
    Answers,
    /// Exceptions, never finished.
    Exceptions,
    /// The bootstrap capability, never finished.
    Bootstraps,
    /// All results of an election, never read.
    Results,
    /// The list of all elections, never read.
    Lists,
    /// Votes for an unknown candidate, whose answers list the slate, never read.
    Slates,
    /// The same, with sinks that never answer and a spare capability each.
    Sinks,
    /// The same, with promised sinks.
    Promises,
    /// Line counts, cancelled at once.
    Cancelled,
    /// Watches of the results.
    Watches,
}

impl Flood {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Answers,
        Self::Exceptions,
        Self::Bootstraps,
        Self::Results,
        Self::Lists,
        Self::Slates,
        Self::Sinks,
        Self::Promises,
        Self::Cancelled,
        Self::Watches,
    ];

    /// The most entries that a client without a link may leave: one more ends its connection, is
    /// refused, or is not read.
    pub fn entries_max(self) -> u32 {
        match self {
            Self::Promises => 900,
            Self::Watches => 60,
            _ => 1_900,
        }
    }

    /// Whether the client reads what it is sent.
    fn reads(self) -> bool {
        !matches!(self, Self::Results | Self::Lists | Self::Slates)
    }

    /// The messages of one connection.
    fn messages(self, entries: u32) -> capnp::Result<Vec<u8>> {
        let mut sent = opening()?;
        for question in (FIRST_QUESTION..).take(entries as usize) {
            sent.extend(self.entry(question)?);
        }
        Ok(sent)
    }

    fn entry(self, question: u32) -> capnp::Result<Vec<u8>> {
        match self {
            Self::Answers => ask_election(question, "board"),
            Self::Exceptions => ask_election(question, &"x".repeat(60)),
            Self::Bootstraps => message(|message| {
                message.init_bootstrap().set_question_id(question);
                Ok(())
            }),
            Self::Results => message(|message| {
                let mut call = begin::<election::Client>(message, question, 2);
                target(&mut call, 1);
                call.init_params().get_content().init_as::<election::results_params::Builder<'_>>();
                Ok(())
            }),
            Self::Lists => message(|message| {
                let mut call = begin::<directory::Client>(message, question, 0);
                call.reborrow().init_target().init_promised_answer().set_question_id(0);
                call.init_params()
                    .get_content()
                    .init_as::<directory::elections_params::Builder<'_>>();
                Ok(())
            }),
            Self::Slates => vote(question, 0, |_, _| {}),
            Self::Sinks => vote(question, 2, |mut capability, id| capability.set_sender_hosted(id)),
            Self::Promises => {
                vote(question, 1, |mut capability, id| capability.set_sender_promise(id))
            }
            Self::Cancelled => Ok([count(question)?, finish(question)?].concat()),
            Self::Watches => watch(question),
        }
    }
}

/// The calls that get the directory (question 0), its election (1) and its line counter (2).
fn opening() -> capnp::Result<Vec<u8>> {
    let bootstrap = Flood::Bootstraps.entry(0)?;
    let counter = message(|message| {
        let mut call = begin::<directory::Client>(message, 2, 2);
        call.reborrow().init_target().init_promised_answer().set_question_id(0);
        call.init_params().get_content().init_as::<directory::line_counter_params::Builder<'_>>();
        Ok(())
    })?;
    Ok([bootstrap, ask_election(1, "board")?, counter].concat())
}

fn ask_election(question: u32, id: &str) -> capnp::Result<Vec<u8>> {
    message(|message| {
        let mut call = begin::<directory::Client>(message, question, 1);
        call.reborrow().init_target().init_promised_answer().set_question_id(0);
        let content = call.init_params().get_content();
        content.init_as::<directory::election_params::Builder<'_>>().set_id(id);
        Ok(())
    })
}

/// Makes a call one on the capability in the answer to a question.
fn target(call: &mut call::Builder<'_>, question: u32) {
    let mut target = call.reborrow().init_target().init_promised_answer();
    target.set_question_id(question);
    target.init_transform(1).get(0).set_get_pointer_field(0);
}

/// A vote that passes so many capabilities.
fn vote(
    question: u32,
    capabilities: u32,
    describe: impl Fn(cap_descriptor::Builder<'_>, u32),
) -> capnp::Result<Vec<u8>> {
    message(|message| {
        let mut hooks = Vec::new();
        let mut call = begin::<election::Client>(message, question, 0);
        target(&mut call, 1);
        let mut params = call.init_params();
        let mut table = params.reborrow().init_cap_table(capabilities);
        for index in 0..capabilities {
            describe(table.reborrow().get(index), question * 2 + index);
        }
        let mut content: any_pointer::Builder<'_> = params.reborrow().get_content();
        content.imbue_mut(&mut hooks);
        let mut vote = content.init_as::<election::vote_params::Builder<'_>>();
        vote.set_candidate("nobody");
        vote.set_voter_number(1);
        if capabilities > 0 {
            vote.set_messages(capnp_rpc::new_client(Silent));
        }
        Ok(())
    })
}

fn watch(question: u32) -> capnp::Result<Vec<u8>> {
    message(|message| {
        let mut hooks = Vec::new();
        let mut call = begin::<election::Client>(message, question, 3);
        target(&mut call, 1);
        let mut params = call.init_params();
        params.reborrow().init_cap_table(1).get(0).set_sender_hosted(question);
        let mut content: any_pointer::Builder<'_> = params.reborrow().get_content();
        content.imbue_mut(&mut hooks);
        let mut watch = content.init_as::<election::watch_params::Builder<'_>>();
        watch.set_observer(capnp_rpc::new_client(Silent));
        Ok(())
    })
}

fn count(question: u32) -> capnp::Result<Vec<u8>> {
    message(|message| {
        let mut hooks = Vec::new();
        let mut call = begin::<line_counter::Client>(message, question, 0);
        target(&mut call, 2);
        let mut params = call.init_params();
        let mut table = params.reborrow().init_cap_table(2);
        table.reborrow().get(0).set_sender_hosted(question * 2);
        table.get(1).set_sender_hosted(question * 2 + 1);
        let mut content: any_pointer::Builder<'_> = params.reborrow().get_content();
        content.imbue_mut(&mut hooks);
        let mut count = content.init_as::<line_counter::count_lines_params::Builder<'_>>();
        count.set_file(capnp_rpc::new_client(Silent));
        count.set_lines(capnp_rpc::new_client(Silent));
        Ok(())
    })
}

fn finish(question: u32) -> capnp::Result<Vec<u8>> {
    message(|message| {
        let mut finish = message.init_finish();
        finish.set_question_id(question);
        finish.set_release_result_caps(true);
        Ok(())
    })
}

/// The connections of a flood. They stay open until this is dropped.
#[derive(Debug)]
pub struct Flooding {
    connections: Vec<JoinHandle<()>>,
    ended: Rc<Cell<usize>>,
    unsent: Rc<Cell<usize>>,
}

impl Flooding {
    /// Opens connections, each of which asks so many times, and releases nothing. `again` opens
    /// another for each that the server ends.
    ///
    /// # Errors
    /// Where it cannot connect.
    pub async fn start(
        address: SocketAddr,
        flood: Flood,
        connections: usize,
        entries: u32,
        again: bool,
    ) -> anyhow::Result<Self> {
        let sent: Rc<[u8]> = flood.messages(entries)?.into();
        let (ended, unsent) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(connections)));
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let first = TcpStream::connect(address).await.context("a flood cannot connect")?;
            let (sent, ended, unsent) = (sent.clone(), ended.clone(), unsent.clone());
            tasks.push(spawn_local(async move {
                let mut next = Some(first);
                while let Some(stream) = next {
                    keep(stream, &sent, flood.reads(), &unsent).await;
                    ended.set(ended.get() + 1);
                    next = if again { TcpStream::connect(address).await.ok() } else { None };
                }
            }));
        }
        Ok(Self { connections: tasks, ended, unsent })
    }

    /// The connections that the server has ended.
    pub fn ended(&self) -> usize {
        self.ended.get()
    }

    /// The connections whose messages the server has not all taken.
    pub fn unsent(&self) -> usize {
        self.unsent.get()
    }
}

impl Drop for Flooding {
    fn drop(&mut self) {
        self.connections.iter().for_each(JoinHandle::abort);
    }
}

/// Sends the bytes, and keeps the connection until the server ends it.
async fn keep(stream: TcpStream, sent: &[u8], reads: bool, unsent: &Cell<usize>) {
    let (mut reading, mut writing) = stream.into_split();
    let write = async {
        if writing.write_all(sent).await.is_ok() {
            unsent.set(unsent.get().saturating_sub(1));
            std::future::pending::<()>().await;
        }
    };
    let read = async {
        if !reads {
            return std::future::pending().await;
        }
        let mut buffer = vec![0; 1 << 16];
        while let Ok(1..) = reading.read(&mut buffer).await {}
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}
