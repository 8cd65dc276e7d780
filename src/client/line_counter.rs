//! Counting the lines of a local file through the server, with a callback for each.

use std::cell::RefCell;
use std::io::Read;
use std::rc::Rc;

use super::callback::{CallSender, callback};
use super::connection::{Connection, resolved};
use super::file::remote_file;
use super::line_check::LineCheck;
use super::{CallbackResult, Error};
use crate::schema::lines_capnp::line_counter;
use crate::schema::lines_capnp::line_sink::{DoneParams, DoneResults, LinesParams, Server};

/// A server's line counter. From [`Client::line_counter`](super::Client::line_counter).
#[derive(Clone)]
pub struct LineCounter {
    capability: line_counter::Client,
    connection: Connection,
}

impl LineCounter {
    pub(super) fn new(capability: line_counter::Client, connection: Connection) -> Self {
        Self { capability, connection }
    }

    /// Has the server count the lines of `file`, calls `on_line` with each of them, in order, with
    /// its newline, and returns their number. From `LineCounter.countLines`.
    ///
    /// `file` stays here, and is read from its current position to its end as the server asks for
    /// it. A line ends at `\n`; a last line without one counts; the bytes need not be UTF-8.
    /// `on_line` returns nothing, or a [`Result`] whose error ends the count. A thread reads `file`
    /// ahead; the bytes that it has read by then are lost.
    ///
    /// ```no_run
    /// use capvote::client::Client;
    ///
    /// # async fn example() -> anyhow::Result<()> {
    /// let client = Client::connect(&"capvote://127.0.0.1:12358".parse()?).await?;
    /// let mut longest = 0;
    /// let file = std::fs::File::open("afile.txt")?;
    /// let on_line = |line: &[u8]| longest = longest.max(line.len());
    /// let count = client.line_counter().count_lines(file, on_line).await?;
    /// println!("{count} lines, the longest of {longest} bytes");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// - [`Error::Callback`]: `on_line` returned an error.
    /// - [`Error::Remote`], with the failure's text: the file cannot be read, or a line is longer
    ///   than the server accepts (16 MiB).
    /// - [`Error::Protocol`]: the server passed a line that is not the next one of the file, or
    ///   another count. `on_line` gets no such line.
    /// - [`Error::NoThread`]: the thread that reads the file cannot be started.
    /// - [`Error::Overloaded`]: the server has no room for the count, or needs the memory of one
    ///   whose file has stalled.
    /// - [`Error::Disconnected`].
    pub async fn count_lines<F, T>(
        &self,
        file: impl Read + Send + 'static,
        mut on_line: F,
    ) -> Result<u64, Error>
    where
        F: FnMut(&[u8]) -> T,
        T: CallbackResult,
    {
        let (batches, calls) = callback();
        let mut request = resolved(&self.capability).count_lines_request();
        let check = Rc::new(RefCell::new(LineCheck::default()));
        request.get().set_file(remote_file(file, check.clone()).map_err(Error::NoThread)?);
        request.get().set_lines(capnp_rpc::new_client(LineSink { batches }));
        let counted = self.connection.unless_lost(request.send().promise);
        let call_back = |lines: LinesParams| {
            for line in lines.get()?.get_lines()?.iter() {
                let line = line?;
                check.borrow_mut().returned(line)?;
                on_line(line).into_result().map_err(Error::Callback)?;
            }
            Ok(())
        };
        let count = calls.run_until(counted, call_back).await?.get()?.get_count();
        check.borrow().counted(count)?;
        Ok(count)
    }

    /// The capability itself, for calls that this library does not wrap.
    pub fn capability(&self) -> &line_counter::Client {
        &self.capability
    }
}

/// Passes batches of lines on.
struct LineSink {
    batches: CallSender<LinesParams>,
}

impl Server for LineSink {
    async fn lines(self: Rc<Self>, lines: LinesParams) -> capnp::Result<()> {
        self.batches.call(lines).await
    }

    async fn done(self: Rc<Self>, _: DoneParams, _: DoneResults) -> capnp::Result<()> {
        Ok(())
    }
}
