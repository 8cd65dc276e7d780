//! The seed inputs: a recorded session of a real client and a real server, and files as the
//! programs write them.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use capvote::client::Client;
use capvote::election::{Nonce, Rules, SheetHeader, SheetLine, TallySheet};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::task::spawn_local;

use crate::wire::WAIT;
use crate::{wire_client, world};

pub(crate) fn write(corpus: &Path) {
    let (client, server) = session();
    // The first byte of an input says how the bytes behind it are split.
    let split = |how: u8, bytes: &[u8]| [&[how], bytes].concat();
    let in_pieces = WAIT | 7;
    let http = b"GET / HTTP/1.1\r\n\r\n";
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for (target, name, bytes) in [
        ("wire", "seed-session", split(0, &client)),
        ("wire", "seed-session-in-pieces", split(in_pieces, &client)),
        ("wire", "seed-http", split(0, http)),
        ("wire", "seed-tls", split(0, tls)),
        ("wire_client", "seed-session", split(0, &server)),
        ("wire_client", "seed-session-in-pieces", split(in_pieces, &server)),
        ("wire_client", "seed-session-with-lines", split(wire_client::LINES, &server)),
        ("wire_calls", "seed-rising", (0..=255).collect()),
        ("wire_calls", "seed-falling", (0..=255).rev().collect()),
        (
            "wire_calls",
            "seed-mixed",
            (0..512_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
        ),
        ("frames", "seed-session", framed(&client, 100_000, 0)),
        ("frames", "seed-fragments", framed(&client[..300], 1, 0)),
        ("frames", "seed-pings", framed(&client[..300], 50, 7)),
        ("frames", "seed-text", [&[9, 9, 0][..], b"\x81\x84\0\0\0\0text"].concat()),
        ("frames", "seed-top-bit", [&[0, 0, 20][..], b"\x82\xff", &[0xff; 12]].concat()),
        ("link", "seed-page", b"https://vote.example.org/board#1307-2295-4406-8119-0052".to_vec()),
        ("link", "seed-officer", b"https://[::1]:8443/officer?election=board#c2VjcmV0".to_vec()),
        ("link", "seed-websocket", b"wss://vote.example.org/officer".to_vec()),
        ("link", "seed-tcp", b"capvote://127.0.0.1:12358".to_vec()),
        ("link", "seed-ipv6", b"capvote://[::1]:4000/board-2026".to_vec()),
        (
            "link",
            "seed-tls",
            format!("capvotes://vote.example.org:443?cert={}#c2VjcmV0", "A".repeat(43)).into(),
        ),
        (
            "link",
            "seed-unix",
            b"capvote+unix:///run/with%20space%3F.sock?election=board#c2VjcmV0".to_vec(),
        ),
        ("roll", "seed-people", "name,town\n\"Doe, Ann\",Paris\n李四,\"a\"\"b\"\n".into()),
        (
            "roll",
            "seed-numbers",
            b"voter_number\n0000-0000-0000-0000-0001\n1234-5678-9012-3456-7890\n".to_vec(),
        ),
        ("sheet", "seed-csv", sheet(5).to_csv().into()),
        ("sheet", "seed-json", sheet(2).to_json().into()),
        ("blt", "seed-ranks", BALLOTS.into()),
        ("ledger", "seed-cut", vec![0, 0, 0x7f, 0, 0]),
        ("ledger", "seed-edited", (1..=64).collect()),
    ] {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), bytes).expect("a file");
    }
}

/// An input for frames: these bytes as one message of fragments, with so many pings before each.
fn framed(bytes: &[u8], fragment: usize, pings: usize) -> Vec<u8> {
    let mask = [1, 0x80, 0, 0xff];
    let mut input = vec![99, 99, 10];
    let mut first = 0x02;
    for piece in bytes.chunks(fragment) {
        for _ in 0..pings {
            input.extend([0x89, 0x82, 0, 0, 0, 0, b'h', b'i']);
        }
        input.push(first);
        match u16::try_from(piece.len()) {
            Ok(short @ 0..126) => input.push(0x80 | short as u8),
            Ok(middle) => {
                input.push(0x80 | 126);
                input.extend(middle.to_be_bytes());
            }
            Err(_) => {
                input.push(0x80 | 127);
                input.extend((piece.len() as u64).to_be_bytes());
            }
        }
        input.extend(mask);
        input.extend(piece.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        first = 0x00;
    }
    input.extend(b"\x80\x80\0\0\0\0\x88\x80\0\0\0\0");
    input
}

/// A file of ballots with all that the format has.
const BALLOTS: &str = "4 2 # names, seats\n-2\n3 1 3=4 0\n1 4 3 1 0\n2 0\n0\n\"Ada\"\n\
                       \"B \"\"b\"\"\" \"Cy\"\nDora\n\"A board\"\n";

fn sheet(ballots: u8) -> TallySheet {
    let election = "board".parse().expect("an id");
    let names = ["Ada", "Grace \"Amazing\" Hopper", "", "李四"];
    let line =
        |n: u8| SheetLine::new(&election, names[usize::from(n % 4)].into(), Nonce::from([n; 16]));
    let mut lines: Vec<_> = (0..ballots).map(line).collect();
    lines.sort_by_key(|line| line.receipt);
    let candidates = names.map(String::from).to_vec();
    let header = SheetHeader { title: "The board".into(), candidates, voters: 100, rules: Rules::default() };
    TallySheet { election: Some(election), lines, header: Some(header) }
}

/// A session of a client and a server: the bytes of the client, and those of the server.
fn session() -> (Vec<u8>, Vec<u8>) {
    let sent: [Rc<RefCell<Vec<u8>>>; 2] = Default::default();
    world::with(false, async |world| {
        let (here, between) = world::stream();
        let (stream, _) = world.connect();
        let ((client_reads, client_writes), (server_reads, server_writes)) =
            (split(between), split(stream));
        spawn_local(forward(client_reads, server_writes, sent[0].clone()));
        spawn_local(forward(server_reads, client_writes, sent[1].clone()));
        wire_client::call_everything(Client::over(here), true).await;
    });
    sent.map(|sent| sent.take()).into()
}

async fn forward(
    mut reads: ReadHalf<DuplexStream>,
    mut writes: WriteHalf<DuplexStream>,
    sent: Rc<RefCell<Vec<u8>>>,
) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = reads.read(&mut buffer).await {
        sent.borrow_mut().extend(&buffer[..length]);
        let _ = writes.write_all(&buffer[..length]).await;
    }
    let _ = writes.shutdown().await;
}
