//! What a client may leave in the tables of its connection.

use std::io::Cursor;
use std::rc::Rc;

use capvote::client::Client;
use capvote::net::transport::{ANONYMOUS_QUESTIONS_MAX, UNFINISHED_QUESTIONS_MAX};
use capvote::schema::lines_capnp::{line_sink, remote_file};
use tokio::sync::mpsc;

use crate::harness::{board, soon};

/// Answers no call.
struct Hung(mpsc::UnboundedSender<()>);

impl remote_file::Server for Hung {
    async fn read(
        self: Rc<Self>,
        _: remote_file::ReadParams,
        _: remote_file::ReadResults,
    ) -> capnp::Result<()> {
        let _ = self.0.send(());
        std::future::pending().await
    }
}

impl line_sink::Server for Hung {}

#[tokio::test(flavor = "local")]
async fn cancelled_counts_leave_no_question_behind() {
    let client = board().await.connect();
    let counter = client.directory().line_counter_request().send().pipeline.get_counter();
    let (reads, mut read) = mpsc::unbounded_channel();
    let file: remote_file::Client = capnp_rpc::new_client(Hung(reads.clone()));
    let sink: line_sink::Client = capnp_rpc::new_client(Hung(reads));
    for _ in 0..=UNFINISHED_QUESTIONS_MAX {
        let mut request = counter.count_lines_request();
        request.get().set_file(file.clone());
        request.get().set_lines(sink.clone());
        let counted = request.send().promise;
        tokio::select! {
            // A count that was refused would not read.
            _ = soon(read.recv()) => {}
            _ = counted => panic!("the count ended"),
        }
    }
    let counter = client.line_counter();
    let counted = counter.count_lines(Cursor::new(b"one\ntwo"), |_| {});
    assert_eq!(soon(counted).await.unwrap(), 2);
}

/// Asks for an election more often than a client without a link may leave unfinished, and returns
/// how many times it was answered.
async fn asked_at_once(client: &Client) -> usize {
    let asked: Vec<_> = (0..2 * ANONYMOUS_QUESTIONS_MAX)
        .map(|_| client.directory().election_request().send().promise)
        .collect();
    let mut answered = 0;
    for answer in asked {
        answered += usize::from(soon(answer).await.is_ok());
    }
    answered
}

#[tokio::test(flavor = "local")]
async fn a_link_raises_the_limit_of_unfinished_questions() {
    let server = board().await;
    let most = 2 * ANONYMOUS_QUESTIONS_MAX;
    assert!(asked_at_once(&server.connect()).await < most);
    let client = server.connect();
    let officer = client.restore(server.officer().await.as_bytes()).returning_officer();
    soon(officer.administer("board").open()).await.unwrap();
    assert_eq!(asked_at_once(&client).await, most);
}
