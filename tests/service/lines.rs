//! Counting lines: any bytes, any reader, any callback, and each kind of failure.

use std::cell::Cell;
use std::io::{self, Cursor, Read};
use std::rc::Rc;
use std::time::Duration;

use capvote::client::{Client, Error};
use capvote::net::bdp::WINDOW_BYTES_MAX;
use capvote::schema::lines_capnp::{line_sink, remote_file};
use capvote::service::{COUNTS_MAX, LINE_BYTES_MAX};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::{Instant, pause, sleep_until};

use crate::harness::{all, board, soon};

/// Counts `file`, checks that the lines passed to the callback make up the file, and returns the
/// count.
async fn count(client: &Client, file: &[u8], reader: impl Read + Send + 'static) -> u64 {
    let mut lines = 0;
    let mut received = Vec::new();
    let counter = client.line_counter();
    let counted = counter.count_lines(reader, |line| {
        assert!(!line.is_empty() && line.iter().filter(|&&byte| byte == b'\n').count() <= 1);
        lines += 1;
        received.extend_from_slice(line);
    });
    let counted = soon(counted).await.unwrap();
    assert_eq!(counted, lines);
    assert!(received == file, "the lines do not make up the file");
    counted
}

fn error<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Remote(reason) | Error::Overloaded(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "local")]
async fn a_line_ends_with_a_newline_or_with_the_file() {
    let client = board().await.connect();
    let long = [vec![b'x'; 5 << 20], b"\n".to_vec(), vec![b'y'; 100]].concat();
    let chunk = vec![b'z'; 256 * 1024];
    let table: [(&[u8], u64); 12] = [
        (b"", 0),
        (b"\n", 1),
        (b"one", 1),
        (b"one\n", 1),
        (b"one\ntwo", 2),
        (b"one\r\ntwo\r\n", 2),
        (b"\n\n\n", 3),
        (b"\0\0\n\0", 2),
        (b"\xff\xfe\n\xc3\x28\n", 2),
        (b"caf\xc3\xa9\ncaf\xc3", 2),
        (&long, 2),
        (&chunk, 1),
    ];
    for (file, lines) in table {
        assert_eq!(count(&client, file, Cursor::new(file.to_vec())).await, lines);
    }
}

#[tokio::test(flavor = "local")]
async fn the_lines_of_a_hundred_megabytes_come_back_unchanged() {
    let client = board().await.connect();
    let mut file = Vec::with_capacity(100 << 20);
    let mut number = 0_u64;
    while file.len() < 100 << 20 {
        number += 1;
        let length = (number.wrapping_mul(0x9E37_79B9) % 160) as usize;
        file.extend(std::iter::repeat_n(number as u8 | 0x80, length));
        file.push(b'\n');
    }
    assert_eq!(count(&client, &file, Cursor::new(file.clone())).await, number);
}

#[tokio::test(flavor = "local")]
async fn a_file_is_counted_as_by_a_local_call_with_a_borrowing_callback() {
    let client = board().await.connect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    let local = std::fs::read_to_string(path).unwrap();
    let mut longest = 0;
    let file = std::fs::File::open(path).unwrap();
    let counter = client.line_counter();
    let counted = counter.count_lines(file, |line| longest = longest.max(line.len()));
    assert_eq!(soon(counted).await.unwrap(), local.lines().count() as u64);
    assert_eq!(longest, local.lines().map(str::len).max().unwrap() + 1);
}

/// A reader that returns one piece per read, and then what the function returns.
struct Pieces<F>(std::vec::IntoIter<Vec<u8>>, F);

impl<F: FnMut() -> io::Result<usize>> Read for Pieces<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.next() {
            None => (self.1)(),
            Some(piece) => {
                buffer[..piece.len()].copy_from_slice(&piece);
                Ok(piece.len())
            }
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_reader_may_return_short_reads() {
    let client = board().await.connect();
    let file = b"one\ntwo\nthree\n".repeat(500);
    let pieces: Vec<_> = file.chunks(7).map(<[u8]>::to_vec).collect();
    assert_eq!(count(&client, &file, Pieces(pieces.into_iter(), || Ok(0))).await, 1_500);
}

#[tokio::test(flavor = "local")]
async fn the_lines_of_a_pipe_come_back_as_they_are_written() {
    let client = board().await.connect();
    let (reader, mut writer) = io::pipe().unwrap();
    let (seen, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let counter = client.line_counter();
    let counted = tokio::task::spawn_local(async move {
        counter.count_lines(reader, |line| seen.send(line.to_vec()).unwrap()).await
    });
    for line in [&b"first\n"[..], b"second\n", b"third\n"] {
        io::Write::write_all(&mut writer, line).unwrap();
        // The next line is written only after this one has come back.
        assert_eq!(soon(lines.recv()).await.unwrap(), line);
    }
    drop(writer);
    assert_eq!(soon(counted).await.unwrap().unwrap(), 3);
}

#[tokio::test(flavor = "local")]
async fn an_error_of_the_file_ends_the_count_with_its_text() {
    let client = board().await.connect();
    for before in [vec![], vec![b"a\nb\nc".to_vec()], vec![vec![b'\n'; 10_000]; 100]] {
        let file = Pieces(before.into_iter(), || Err(io::Error::other("disk on fire")));
        let counter = client.line_counter();
        let counted = counter.count_lines(file, |_| {});
        assert_eq!(error(soon(counted).await), "cannot read the file: disk on fire");
    }
    let file = Pieces(vec![b"a\n".to_vec()].into_iter(), || panic!("on purpose"));
    let counter = client.line_counter();
    let counted = counter.count_lines(file, |_| {});
    assert!(error(soon(counted).await).contains("panicked"));
}

#[tokio::test(flavor = "local")]
async fn an_error_of_the_callback_on_line_three_ends_the_count() {
    let client = board().await.connect();
    for lines in [3, 10, 1_000_000] {
        let mut called = 0;
        let file = Cursor::new(b"line\n".repeat(lines));
        let counter = client.line_counter();
        let counted = counter.count_lines(file, |_| {
            called += 1;
            if called == 3 { Err("I have seen enough") } else { Ok(()) }
        });
        let error = soon(counted).await.unwrap_err();
        assert!(matches!(&error, Error::Callback(why) if why == "I have seen enough"), "{error:?}");
        assert_eq!(called, 3);
    }
    // Also while the read of a pipe without further data is in progress.
    let (reader, mut writer) = io::pipe().unwrap();
    io::Write::write_all(&mut writer, b"a\nb\nc\nd\n").unwrap();
    let counter = client.line_counter();
    let counted =
        counter.count_lines(reader, |line| if line == b"c\n" { Err("c") } else { Ok(()) });
    assert_eq!(soon(counted).await.unwrap_err().to_string(), "c");
    drop(writer);
    // The connection still works.
    assert_eq!(count(&client, b"a\nb\n", Cursor::new(b"a\nb\n")).await, 2);
}

#[tokio::test(flavor = "local")]
async fn the_error_for_an_overlong_line_says_where_it_is() {
    let client = board().await.connect();
    let fits = [vec![b'x'; LINE_BYTES_MAX - 1], b"\n".to_vec()].concat();
    assert_eq!(count(&client, &fits, Cursor::new(fits.clone())).await, 1);
    for end in [&b"\n"[..], b"", b"yyyy\n"] {
        let file = [b"first\n", &vec![b'x'; LINE_BYTES_MAX][..], end].concat();
        let expected_ok = end.is_empty();
        let counted = soon(client.line_counter().count_lines(Cursor::new(file), |_| {})).await;
        if expected_ok {
            assert_eq!(counted.unwrap(), 2);
        } else {
            assert_eq!(
                error(counted),
                "line 2, which begins at byte 6, is longer than 16777216 bytes"
            );
        }
    }
}

#[tokio::test(flavor = "local")]
async fn concurrent_counts_do_not_mix() {
    let harness = board().await;
    let counts = all((0..20_u8).map(|n| {
        let client = harness.connect();
        async move {
            let file = [vec![b'a' + n; 100], b"\n".to_vec()].concat().repeat(1_000);
            count(&client, &file, Cursor::new(file.clone())).await
        }
    }))
    .await;
    assert_eq!(counts, [1_000; 20]);
}

#[tokio::test(flavor = "local")]
async fn concurrent_counts_of_a_connection_are_bounded() {
    let client = board().await.connect();
    let mut pipes = Vec::new();
    let mut counts = Vec::new();
    for _ in 0..COUNTS_MAX {
        let (reader, mut writer) = io::pipe().unwrap();
        io::Write::write_all(&mut writer, b"a\n").unwrap();
        let counter = client.line_counter();
        let (seen, first) = tokio::sync::oneshot::channel();
        let mut seen = Some(seen);
        counts.push(tokio::task::spawn_local(async move {
            let first = move |_: &[u8]| seen.take().map(|seen| seen.send(())).map_or((), drop);
            counter.count_lines(reader, first).await
        }));
        soon(first).await.unwrap();
        pipes.push(writer);
    }
    let counter = client.line_counter();
    let refused = soon(counter.count_lines(Cursor::new(b"a\n"), |_| {})).await;
    assert!(error(refused).contains("at most 8 counts"));
    drop(pipes);
    for count in counts {
        assert_eq!(soon(count).await.unwrap().unwrap(), 1);
    }
    assert_eq!(count(&client, b"a\n", Cursor::new(b"a\n")).await, 1);
}

#[tokio::test(flavor = "local")]
async fn a_cancelled_count_does_not_harm_the_connection() {
    let client = board().await.connect();
    let (reader, writer) = io::pipe().unwrap();
    let counter = client.line_counter();
    let counted =
        tokio::task::spawn_local(async move { counter.count_lines(reader, |_| {}).await });
    tokio::task::yield_now().await;
    counted.abort();
    assert!(counted.await.unwrap_err().is_cancelled());
    drop(writer);
    assert_eq!(count(&client, b"a\n", Cursor::new(b"a\n")).await, 1);
}

/// A file that answers every read with the same bytes.
struct Constant(Vec<u8>);

impl remote_file::Server for Constant {
    async fn read(
        self: Rc<Self>,
        _: remote_file::ReadParams,
        mut results: remote_file::ReadResults,
    ) -> capnp::Result<()> {
        results.get().set_data(&self.0);
        Ok(())
    }
}

/// A sink that implements no method.
struct Unimplemented;

impl line_sink::Server for Unimplemented {}

#[tokio::test(flavor = "local")]
async fn a_file_or_sink_that_breaks_the_contract_is_an_error() {
    let client = board().await.connect();
    let table: [(Vec<u8>, &str); 2] = [
        (vec![0; 256 * 1024 + 1], "with more than 262144 bytes"),
        (b"a\n".to_vec(), "not implemented"),
    ];
    for (answer, reason) in table {
        let counter = client.line_counter();
        let mut request = counter.capability().count_lines_request();
        request.get().set_file(capnp_rpc::new_client(Constant(answer)));
        request.get().set_lines(capnp_rpc::new_client(Unimplemented));
        let error = soon(request.send().promise).await.err().unwrap();
        assert!(error.extra.contains(reason), "{error}");
    }
    let counter = client.line_counter();
    let error =
        soon(counter.capability().count_lines_request().send().promise).await.err().unwrap();
    assert!(error.extra.contains("null"), "{error}");
}

/// A path with unlimited bandwidth and this round-trip time.
fn delayed(near: DuplexStream, rtt: Duration) -> DuplexStream {
    let (here, there) = tokio::io::duplex(1 << 20);
    let (near_reads, near_writes) = tokio::io::split(near);
    let (there_reads, there_writes) = tokio::io::split(there);
    for (mut from, mut to) in [
        (
            Box::new(near_reads) as Box<dyn AsyncRead + Unpin>,
            Box::new(there_writes) as Box<dyn AsyncWrite + Unpin>,
        ),
        (Box::new(there_reads), Box::new(near_writes)),
    ] {
        let (sender, mut in_flight) = mpsc::unbounded_channel();
        spawn_local(async move {
            let mut buffer = vec![0; 256 * 1024];
            while let Ok(read @ 1..) = from.read(&mut buffer).await {
                let arrival = Instant::now() + rtt / 2;
                sender.send((arrival, buffer[..read].to_vec())).unwrap();
            }
        });
        spawn_local(async move {
            while let Some((arrival, bytes)) = in_flight.recv().await {
                sleep_until(arrival).await;
                to.write_all(&bytes).await.unwrap();
            }
        });
    }
    here
}

/// A file of `.0` bytes, in lines of 64.
struct Lines(u64);

impl remote_file::Server for Lines {
    async fn read(
        self: Rc<Self>,
        params: remote_file::ReadParams,
        mut results: remote_file::ReadResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        let length = self.0.saturating_sub(params.get_offset()).min(params.get_length().into());
        let line = [&[b'x'; 63][..], b"\n"].concat();
        results.get().set_data(&line.repeat(length as usize / 64));
        Ok(())
    }
}

/// Counts its lines.
#[derive(Default)]
struct LineCount(Cell<u64>);

impl line_sink::Server for LineCount {
    async fn lines(self: Rc<Self>, params: line_sink::LinesParams) -> capnp::Result<()> {
        self.0.update(|count| count + u64::from(params.get().unwrap().get_lines().unwrap().len()));
        Ok(())
    }

    async fn done(
        self: Rc<Self>,
        _: line_sink::DoneParams,
        _: line_sink::DoneResults,
    ) -> capnp::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "local")]
async fn the_window_is_kept_full_over_a_round_trip_of_a_hundred_milliseconds() {
    const BYTES: u64 = 256 << 20;
    let server = board().await;
    let rtt = Duration::from_millis(100);
    let client = Client::over(delayed(server.stream(), rtt));
    client.elections().await.unwrap();
    // Only the path takes time: the paused clock advances when every task waits.
    pause();
    let begun = Instant::now();
    let lines = Rc::new(LineCount::default());
    let counter = client.line_counter();
    let mut request = counter.capability().count_lines_request();
    request.get().set_file(capnp_rpc::new_client(Lines(BYTES)));
    request.get().set_lines(capnp_rpc::new_client_from_rc(lines.clone()));
    let count = request.send().promise.await.unwrap().get().unwrap().get_count();
    assert_eq!((count, lines.0.get()), (BYTES / 64, BYTES / 64));
    // Only the window limits this path. Opening it fully takes a few round trips, and the last
    // lines one.
    let round_trips = begun.elapsed().as_secs_f64() / rtt.as_secs_f64();
    let full = BYTES as f64 / WINDOW_BYTES_MAX as f64;
    assert!(
        (full..full + 15.0).contains(&round_trips),
        "{round_trips} round trips, at least {full}"
    );
}
