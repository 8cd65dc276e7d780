//! Counting the lines of a file of one's own, with a callback for each.

use std::fmt::Display;
use std::io::Read;
use std::rc::Rc;

use capnp::Error as Exception;
use tokio::sync::{mpsc, oneshot};

use super::Error;
use super::connection::{Wire, resolved};
use super::file::remote_file;
use crate::schema::lines_capnp::line_counter;
use crate::schema::lines_capnp::line_sink::{DoneParams, DoneResults, LinesParams, Server};

/// A server's line counter. From [`Client::line_counter`](super::Client::line_counter).
#[derive(Clone)]
pub struct LineCounter {
    capability: line_counter::Client,
    wire: Wire,
}

/// What a callback may return: nothing, or a result whose error ends the count.
pub trait LineResult {
    /// The error's text, where there is one.
    fn into_result(self) -> Result<(), String>;
}

impl LineResult for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> LineResult for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

impl LineCounter {
    pub(super) fn new(capability: line_counter::Client, wire: Wire) -> Self {
        Self { capability, wire }
    }

    /// Has the server count the lines of `file`, and calls `on_line` with each of them, in order, with its
    /// newline. From `LineCounter.countLines`.
    ///
    /// `file` stays here and is read as the server asks for it, from where it stands to its end. A line
    /// ends at `\n`; a last line without one counts; the bytes need not be UTF-8. `on_line` returns nothing,
    /// or a [`Result`] whose error ends the count.
    ///
    /// ```no_run
    /// use capvote::client::Client;
    ///
    /// # async fn example() -> anyhow::Result<()> {
    /// let client = Client::connect(&"capvote://127.0.0.1:12358".parse()?).await?;
    /// let mut longest = 0;
    /// let file = std::fs::File::open("afile.txt")?;
    /// let count = client.line_counter().count_lines(file, |line| longest = longest.max(line.len())).await?;
    /// println!("{count} lines, the longest of {longest} bytes");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Callback`] where `on_line` returned an error; [`Error::Remote`] with the failure's text where
    /// the file cannot be read, or a line is longer than the server takes (16 MiB).
    pub async fn count_lines<F, T>(
        &self,
        file: impl Read + Send + 'static,
        mut on_line: F,
    ) -> Result<u64, Error>
    where
        F: FnMut(&[u8]) -> T,
        T: LineResult,
    {
        let (batches, mut arriving) = mpsc::channel(1);
        let mut request = resolved(&self.capability).count_lines_request();
        request.get().set_file(remote_file(file).map_err(Error::NoThread)?);
        request.get().set_lines(capnp_rpc::new_client(LineSink { batches }));

        let mut count = std::pin::pin!(self.wire.unless_broken(request.send().promise));
        loop {
            tokio::select! {
                biased;
                Some(Batch { lines, handled }) = arriving.recv() => {
                    let called = call_back(&lines, &mut on_line);
                    let failed = called.clone().err();
                    // With the receiver gone the count is over, and its own answer tells why.
                    let _ = handled.send(called);
                    // The server may be waiting for more of the file before it sees that there is no use.
                    if let Some(error) = failed {
                        return Err(Error::Callback(error.extra));
                    }
                }
                answer = &mut count => return Ok(answer?.get()?.get_count()),
            }
        }
    }

    /// The capability itself, for calls that this library does not have.
    pub fn capability(&self) -> &line_counter::Client {
        &self.capability
    }
}

/// Takes batches of lines, and passes each to the task that counts: the callback may borrow from it.
struct LineSink {
    batches: mpsc::Sender<Batch>,
}

struct Batch {
    lines: LinesParams,
    handled: oneshot::Sender<Result<(), Exception>>,
}

impl Server for LineSink {
    async fn lines(self: Rc<Self>, lines: LinesParams) -> capnp::Result<()> {
        let gone = || Exception::failed("the count was given up".into());
        let (handled, done) = oneshot::channel();
        self.batches.send(Batch { lines, handled }).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }

    async fn done(self: Rc<Self>, _: DoneParams, _: DoneResults) -> capnp::Result<()> {
        Ok(())
    }
}

fn call_back<T: LineResult>(
    lines: &LinesParams,
    on_line: &mut impl FnMut(&[u8]) -> T,
) -> capnp::Result<()> {
    for line in lines.get()?.get_lines()?.iter() {
        on_line(line?).into_result().map_err(Exception::failed)?;
    }
    Ok(())
}
