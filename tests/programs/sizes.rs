//! The sizes of the TLS records between the real programs: the same for every choice.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::process::{Server, client, numbers};

/// The type of a TLS record that carries data, or one of the encrypted messages of the handshake.
const DATA: u8 = 23;

/// The lengths of the records with data, each with whether the server sent it, in the order in
/// which they passed.
type Records = Arc<Mutex<Vec<(bool, usize)>>>;

/// Forwards whole records one way, and notes them, until the sender ends.
fn forward(mut from: TcpStream, mut to: TcpStream, of_server: bool, records: &Records) {
    let mut header = [0; 5];
    while from.read_exact(&mut header).is_ok() {
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        let mut record = vec![0; length];
        if from.read_exact(&mut record).is_err() {
            break;
        }
        if header[0] == DATA {
            records.lock().unwrap().push((of_server, length));
        }
        if to.write_all(&[&header[..], &record].concat()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// What a record adds to the bytes in it. How many records there are depends on the machine's load.
const RECORD_BYTES: usize = 17;

/// Passes everything of one connection on.
fn pass(relay: &TcpListener, address: &str) {
    let (here, _) = relay.accept().unwrap();
    let there = TcpStream::connect(address).unwrap();
    let (from, to) = (here.try_clone().unwrap(), there.try_clone().unwrap());
    let nowhere = Records::default();
    let back = nowhere.clone();
    let back = thread::spawn(move || forward(there, here, true, &back));
    forward(from, to, false, &nowhere);
    back.join().unwrap();
}

/// Votes through a relay. Returns the bytes of data to the server and back, once the handshake is
/// done: that of the server has a signature, whose length varies.
fn tapped_vote(address: &str, certificate: &str, words: &[&str]) -> (usize, usize) {
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = format!("capvotes://{}?{certificate}", relay.local_addr().unwrap());
    let records = Records::default();
    let tap = thread::spawn({
        let (records, address) = (records.clone(), address.to_string());
        move || {
            // The first connection asks what a ballot can say, which does not depend on the choice.
            pass(&relay, &address);
            let (here, _) = relay.accept().unwrap();
            let there = TcpStream::connect(address).unwrap();
            let (from, to) = (here.try_clone().unwrap(), there.try_clone().unwrap());
            let both = records.clone();
            let back = thread::spawn(move || forward(there, here, true, &both));
            forward(from, to, false, &records);
            back.join().unwrap();
        }
    });
    client(&link, &[&["vote"], words].concat()).done();
    tap.join().unwrap();
    let records = records.lock().unwrap();
    // The client's first record of this type ends the handshake.
    let begun = records.iter().position(|(of_server, _)| !of_server).unwrap();
    let sum = |side: bool| {
        let records = records[begun..].iter().filter(|(of_server, _)| *of_server == side);
        records.map(|(_, length)| length - RECORD_BYTES).sum()
    };
    (sum(false), sum(true))
}

#[test]
fn the_sizes_of_an_encrypted_vote_do_not_tell_the_choice() {
    const CHOICES: [&str; 4] = ["Bo Li", "Ada Lovelace", "Edsger Wybe Dijkstra", ""];
    let longest = "x".repeat(256);
    let data = tempfile::tempdir().unwrap();
    let server = Server::listen("capvotes://127.0.0.1:0", data.path(), &[]);
    let officer = |words: &[&str]| crate::process::officer(data.path(), words).done().to_string();
    let mut create = vec!["create", "board", "--blank", "--candidate", &longest];
    CHOICES[..3].iter().for_each(|name| create.extend(["--candidate", name]));
    officer(&create);
    let issued = data.path().join("board.numbers.csv");
    officer(&["issue", "--count", "20", "--output", issued.to_str().unwrap()]);
    officer(&["open"]);
    let numbers: Vec<_> = numbers(data.path()).iter().map(ToString::to_string).collect();
    let (address, certificate) =
        server.link.strip_prefix("capvotes://").unwrap().split_once('?').unwrap();

    let mut found = BTreeMap::<_, Vec<&str>>::new();
    let votes = CHOICES.into_iter().chain([&longest[..]]).cycle().take(20);
    for (choice, number) in votes.zip(&numbers) {
        let choice_words = if choice.is_empty() { ["--blank"].as_slice() } else { &[choice] };
        let words = [choice_words, &["--voter-number", number]].concat();
        let sizes = tapped_vote(address, certificate, &words);
        found.entry(sizes).or_default().push(choice);
    }
    assert_eq!(found.len(), 1, "{found:#?}");
}
