//! The client against a server that lies.

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::{fs, thread};

use capnp::capability::FromClientHook;
use capvote::election::{ElectionId, Nonce, Receipt};
use capvote::net::connection;
use capvote::schema::election_capnp::{self as wire, directory, election};
use capvote::schema::lines_capnp::line_counter;
use capvote::schema::officer_capnp::auditor;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;

use crate::process::client;

/// A text that would clear the screen, set the title, and hide the rest of itself.
const ESCAPES: &str = "\u{1b}[2J\u{9b}2J\u{1b}]0;owned\u{7}\u{202E}\u{200B}\u{61C}\u{E0041}\r\n";

/// The ballots on its sheet, by its own account.
const TURNOUT: u64 = 3;

/// Answers with lies.
#[derive(Clone, Copy)]
enum Lie {
    /// All texts have characters that act on a terminal.
    Escapes,
    /// The line counter passes another line than the file's.
    OtherLine,
    /// The line counter counts more lines than it passes.
    OtherCount,
    /// The tally sheet does not end.
    EndlessSheet,
    /// The tally sheet has a ballot for someone who is no candidate.
    OffSlate,
    /// The receipt is for another election, or another candidate.
    ReceiptOf(&'static str, &'static str),
}

/// Serves lies at a port of the loopback address, until the test ends.
fn lying(lie: Lie) -> String {
    let (address, listening) = mpsc::channel();
    thread::spawn(move || {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let bootstrap = move |_| capnp_rpc::new_client::<directory::Client, _>(lie).client;
                spawn_local(connection::serve(stream, bootstrap, CancellationToken::new()));
            }
        });
    });
    let address: SocketAddr = listening.recv().unwrap();
    format!("capvote://{address}")
}

impl directory::Server for Lie {
    async fn election(
        self: Rc<Self>,
        _: directory::ElectionParams,
        mut results: directory::ElectionResults,
    ) -> capnp::Result<()> {
        results.get().set_election(capnp_rpc::new_client(*self));
        Ok(())
    }

    async fn elections(
        self: Rc<Self>,
        _: directory::ElectionsParams,
        _: directory::ElectionsResults,
    ) -> capnp::Result<()> {
        Err(capnp::Error::failed(ESCAPES.into()))
    }

    async fn line_counter(
        self: Rc<Self>,
        _: directory::LineCounterParams,
        mut results: directory::LineCounterResults,
    ) -> capnp::Result<()> {
        results.get().set_counter(capnp_rpc::new_client(*self));
        Ok(())
    }

    async fn restore(
        self: Rc<Self>,
        _: directory::RestoreParams,
        mut results: directory::RestoreResults,
    ) -> capnp::Result<()> {
        let auditor: auditor::Client = capnp_rpc::new_client(*self);
        results.get().init_capability().set_as_capability(auditor.into_client_hook());
        Ok(())
    }
}

impl election::Server for Lie {
    async fn info(
        self: Rc<Self>,
        _: election::InfoParams,
        mut results: election::InfoResults,
    ) -> capnp::Result<()> {
        let mut info = results.get().init_info();
        info.set_id("board");
        info.set_state(wire::ElectionState::Open);
        info.set_voters(TURNOUT);
        if matches!(*self, Self::Escapes) {
            info.set_title(ESCAPES);
        }
        let mut candidates = info.init_candidates(2);
        candidates.set(0, "Ada");
        candidates.set(1, if matches!(*self, Self::Escapes) { ESCAPES } else { "Grace" });
        Ok(())
    }

    async fn vote(
        self: Rc<Self>,
        params: election::VoteParams,
        mut results: election::VoteResults,
    ) -> capnp::Result<()> {
        let (params, outcome) = (params.get()?, results.get().init_outcome());
        if let Self::ReceiptOf(election, candidate) = *self {
            let id: ElectionId = election.parse().unwrap();
            let nonce = Nonce::try_from(params.get_nonce()?).unwrap();
            let mut receipt = outcome.init_recorded();
            receipt.set_commitment(Receipt::new(&id, candidate, &nonce).to_string().as_str());
            receipt.set_election(election);
            receipt.set_candidate(candidate);
            receipt.set_nonce(nonce.as_bytes());
            return Ok(());
        }
        let mut request = params.get_messages()?.message_request();
        request.get().set_text(ESCAPES);
        request.send().promise.await?;
        outcome.init_unknown_candidate(1).set(0, ESCAPES);
        Ok(())
    }
}

impl line_counter::Server for Lie {
    async fn count_lines(
        self: Rc<Self>,
        params: line_counter::CountLinesParams,
        mut results: line_counter::CountLinesResults,
    ) -> capnp::Result<()> {
        let mut offset = 0;
        loop {
            let mut read = params.get()?.get_file()?.read_request();
            read.get().set_offset(offset);
            read.get().set_length(100);
            let answer = read.send().promise.await?;
            let piece = answer.get()?.get_data()?;
            if piece.is_empty() {
                break;
            }
            offset += piece.len() as u64;
            let mut lines = params.get()?.get_lines()?.lines_request();
            let other = matches!(*self, Self::OtherLine);
            lines.get().init_lines(1).set(0, if other { b"rm -rf /\n" } else { piece });
            lines.send().await?;
        }
        params.get()?.get_lines()?.done_request().send().promise.await?;
        results.get().set_count(2);
        Ok(())
    }
}

impl capvote::schema::officer_capnp::savable::Server for Lie {}

impl auditor::Server for Lie {
    async fn turnout(
        self: Rc<Self>,
        _: auditor::TurnoutParams,
        mut results: auditor::TurnoutResults,
    ) -> capnp::Result<()> {
        let mut turnout = results.get().init_turnout();
        turnout.set_ballots(TURNOUT);
        turnout.set_voters(TURNOUT);
        Ok(())
    }

    async fn tally_sheet(
        self: Rc<Self>,
        params: auditor::TallySheetParams,
        mut results: auditor::TallySheetResults,
    ) -> capnp::Result<()> {
        let candidate = if matches!(*self, Self::OffSlate) { "Eve" } else { "Ada" };
        let nonce = Nonce::from([7; 16]);
        let receipt = Receipt::new(&"board".parse().unwrap(), candidate, &nonce).to_string();
        loop {
            let mut lines = params.get()?.get_into()?.lines_request();
            let mut lines_of_call = lines.get().init_lines(1);
            let mut line = lines_of_call.reborrow().get(0);
            line.set_candidate(candidate);
            line.set_nonce(nonce.as_bytes());
            line.set_commitment(receipt.as_str());
            lines.send().await?;
            if matches!(*self, Self::OffSlate) {
                break;
            }
        }
        results.get().init_outcome().set_done(());
        Ok(())
    }
}

#[test]
fn no_text_of_a_server_acts_on_the_terminal() {
    let link = lying(Lie::Escapes);
    let vote = ["vote", "Ada", "--voter-number", "1"];
    for command in [&["info"][..], &["elections"], &vote, &["result"]] {
        for json in [&[][..], &["--json"]] {
            let ran = client(&link, &[command, json].concat());
            let shown = [&ran.stdout[..], &ran.stderr[..]].concat().replace('\n', " ");
            assert!(!shown.is_empty());
            assert_eq!(capvote::election::printable(&shown), shown, "{command:?}");
        }
    }
}

#[test]
fn only_the_lines_of_the_file_are_printed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("afile.txt");
    fs::write(&file, "one\n").unwrap();
    let file = file.to_str().unwrap();
    let other = client(&lying(Lie::OtherLine), &["count-lines", file]);
    other.failed(1, "line 1 is not that of the file");
    let count = client(&lying(Lie::OtherCount), &["count-lines", file]);
    assert_eq!(count.code, Some(1));
    assert!(count.stderr.contains("it counts 2 lines, after 1 lines"), "{}", count.stderr);
    client(&lying(Lie::OtherCount), &["count-lines", file, "--quiet"]).failed(1, "it counts 2");
}

#[test]
fn a_sheet_has_as_many_ballots_as_the_turnout_and_only_candidates() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = folder.path().join("sheet.csv");
    let token = "A".repeat(43);
    for lie in [Lie::EndlessSheet, Lie::OffSlate] {
        let link = format!("{}/board#{token}", lying(lie));
        client(&link, &["sheet", "--output", sheet.to_str().unwrap()])
            .failed(1, "it sends another sheet than that of election board");
        assert!(!sheet.exists());
    }
}

#[test]
fn a_receipt_for_another_vote_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (election, candidate) in [("trash", "Ada"), ("board", "Grace")] {
        let link = format!("{}/board", lying(Lie::ReceiptOf(election, candidate)));
        let kept = folder.path().join(election);
        let kept = kept.to_str().unwrap();
        let vote = ["vote", "Ada", "--voter-number", "1", "--receipt", kept];
        let ran = client(&link, &vote);
        assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{}", ran.stderr);
        assert!(!read(kept).contains("\"receipt\""), "{}", read(kept));
    }
}

/// The text of a receipt file; empty if there is none.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(path)).unwrap_or_default()
}
