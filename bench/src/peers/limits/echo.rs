//! The limit of the machine: a server that echoes bytes over loopback TCP, with one blocking thread
//! per connection. Every RPC system does at least this.
//!
//! Measured with open connections. Lines: a file's bytes echoed, in both directions at once; its
//! lines are counted before. Votes: messages of 256 bytes echoed.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow, bail, ensure};

use crate::peers::{Measured, Serving, Work, numbers, ready, unsupported};

/// Size of one read.
const BUFFER_BYTES: usize = 256 * 1024;

/// Size of a message in place of a vote.
const MESSAGE_BYTES: usize = 256;

/// The most messages in flight on a connection. More than the socket buffers hold would deadlock:
/// both sides would write and neither read.
const IN_FLIGHT_MAX: u64 = (BUFFER_BYTES / MESSAGE_BYTES) as u64;

/// Echoes bytes until killed, for either job.
pub(in crate::peers) fn serve(_: Serving, _: u64) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
    ready(listener.local_addr()?)?;
    for stream in listener.incoming() {
        let stream = stream.context("cannot accept")?;
        thread::spawn(move || {
            if let Err(error) = echo(stream) {
                eprintln!("echo: {error:#}");
            }
        });
    }
    Ok(())
}

/// Sends bytes to the server at `address` and reads them back.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    match work {
        Work::Vote { connections, in_flight, votes } => {
            messages(address, connections, in_flight, votes)
        }
        Work::Lines { file } => lines(address, &file),
        Work::Arrive { .. } => unsupported("echo", "arrive job"),
    }
}

/// Echoes every byte of `stream`.
fn echo(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(bytes) = read(&mut stream, &mut buffer)? {
        stream.write_all(bytes).context("cannot echo")?;
    }
    Ok(())
}

/// The next bytes of `source`; `None` at its end.
fn read<'a>(source: &mut impl Read, buffer: &'a mut [u8]) -> anyhow::Result<Option<&'a [u8]>> {
    loop {
        match source.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(length) => return Ok(Some(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot read"),
        }
    }
}

/// A connection to the server at `address`.
fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The vote job: `votes` messages echoed over `connections`, with one thread each.
fn messages(
    address: &str,
    connections: u64,
    in_flight: u64,
    votes: u64,
) -> anyhow::Result<Measured> {
    ensure!(in_flight <= IN_FLIGHT_MAX, "at most {IN_FLIGHT_MAX} messages can be in flight");
    let in_flight = usize::try_from(in_flight)?;
    let streams = (0..connections).map(|_| connect(address)).collect::<anyhow::Result<Vec<_>>>()?;
    let started = Instant::now();
    let count = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .zip(streams)
            .map(|(index, stream)| {
                let count = numbers(index, connections, votes).count();
                scope.spawn(move || exchange(stream, in_flight, count))
            })
            .collect();
        threads.into_iter().map(joined).sum::<anyhow::Result<u64>>()
    })?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(count == votes, "{count} of {votes} messages came back");
    Ok(Measured { count, seconds })
}

/// Sends `count` messages with `in_flight` of them in flight, and returns how many came back whole.
fn exchange(mut stream: TcpStream, in_flight: usize, count: usize) -> anyhow::Result<u64> {
    let messages = vec![b'v'; in_flight * MESSAGE_BYTES];
    let mut buffer = vec![0; in_flight * MESSAGE_BYTES];
    let (mut sent, mut bytes_back) = (0, 0);
    while bytes_back < count * MESSAGE_BYTES {
        let back = bytes_back / MESSAGE_BYTES;
        let next = (back + in_flight).min(count) - sent;
        stream.write_all(&messages[..next * MESSAGE_BYTES]).context("cannot send")?;
        sent += next;
        match read(&mut stream, &mut buffer)? {
            Some(bytes) => bytes_back += bytes.len(),
            None => bail!("the server closed the connection"),
        }
    }
    ensure!(bytes_back == count * MESSAGE_BYTES, "more came back than was sent");
    Ok((bytes_back / MESSAGE_BYTES) as u64)
}

/// The lines job: the bytes of `file` echoed.
fn lines(address: &str, file: &Path) -> anyhow::Result<Measured> {
    let open = || File::open(file).with_context(|| format!("cannot open {}", file.display()));
    // This also loads the file into the page cache: the connection is measured, not the disk.
    let (count, size) = count_lines(open()?)?;
    let source = open()?;
    let stream = connect(address)?;
    let mut receiving = stream.try_clone()?;
    let started = Instant::now();
    let (sent, received) = thread::scope(|scope| {
        let sender = scope.spawn(move || send(source, stream));
        let received = receive(&mut receiving);
        if received.is_err() {
            // Unblocks the sender.
            let _ = receiving.shutdown(Shutdown::Both);
        }
        (joined(sender), received)
    });
    let seconds = started.elapsed().as_secs_f64();
    let (sent, received) = (sent?, received?);
    ensure!(sent == size, "{} had {size} bytes, and then {sent}", file.display());
    ensure!(received == size, "{received} of {size} bytes came back");
    Ok(Measured { count, seconds })
}

/// The number of lines and bytes of `source`.
fn count_lines(mut source: File) -> anyhow::Result<(u64, u64)> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut lines, mut size) = (0, 0);
    while let Some(bytes) = read(&mut source, &mut buffer)? {
        lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        size += bytes.len() as u64;
    }
    Ok((lines, size))
}

/// Sends all of `source` and shuts down the sending side. Returns the number of bytes.
fn send(mut source: File, mut stream: TcpStream) -> anyhow::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size = 0;
    while let Some(bytes) = read(&mut source, &mut buffer)? {
        stream.write_all(bytes).context("cannot send")?;
        size += bytes.len() as u64;
    }
    stream.shutdown(Shutdown::Write).context("cannot send the end")?;
    Ok(size)
}

/// Reads `stream` to its end. Returns the number of bytes.
fn receive(stream: &mut TcpStream) -> anyhow::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size = 0;
    while let Some(bytes) = read(stream, &mut buffer)? {
        size += bytes.len() as u64;
    }
    Ok(size)
}

/// The result of a thread; an error if it panicked.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("a connection's thread failed")))
}
