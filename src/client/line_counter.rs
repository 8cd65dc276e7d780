//! Counting the lines of a file of one's own, with a callback for each.

use std::io::Read;
use std::rc::Rc;

use super::connection::{Wire, resolved};
use super::file::remote_file;
use super::relay::{Relay, relay};
use super::{CallbackResult, Error};
use crate::schema::lines_capnp::line_counter;
use crate::schema::lines_capnp::line_sink::{DoneParams, DoneResults, LinesParams, Server};

/// A server's line counter. From [`Client::line_counter`](super::Client::line_counter).
#[derive(Clone)]
pub struct LineCounter {
    capability: line_counter::Client,
    wire: Wire,
}

impl LineCounter {
    pub(super) fn new(capability: line_counter::Client, wire: Wire) -> Self {
        Self { capability, wire }
    }

    /// Has the server count the lines of `file`, calls `on_line` with each of them, in order, with its
    /// newline, and returns how many there are. From `LineCounter.countLines`.
    ///
    /// `file` stays here and is read as the server asks for it, from where it stands to its end. A line
    /// ends at `\n`; a last line without one counts; the bytes need not be UTF-8. `on_line` returns nothing,
    /// or a [`Result`] whose error ends the count. What was read of `file` and not counted by then is lost: it is
    /// read ahead, by a thread of its own.
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
    /// the file cannot be read, or a line is longer than the server takes (16 MiB); [`Error::NoThread`] where the file
    /// cannot be read beside the callback; [`Error::Overloaded`] where the server has no room for it, which may be in the
    /// midst of a file that does not go on; [`Error::Disconnected`].
    pub async fn count_lines<F, T>(
        &self,
        file: impl Read + Send + 'static,
        mut on_line: F,
    ) -> Result<u64, Error>
    where
        F: FnMut(&[u8]) -> T,
        T: CallbackResult,
    {
        let (batches, arriving) = relay();
        let mut request = resolved(&self.capability).count_lines_request();
        request.get().set_file(remote_file(file).map_err(Error::NoThread)?);
        request.get().set_lines(capnp_rpc::new_client(LineSink { batches }));
        let counted = self.wire.unless_broken(request.send().promise);
        let call_back = |lines: LinesParams| {
            for line in lines.get()?.get_lines()?.iter() {
                on_line(line?).into_result().map_err(Error::Callback)?;
            }
            Ok(())
        };
        Ok(arriving.until_answered(counted, call_back).await?.get()?.get_count())
    }

    /// The capability itself, for calls that this library does not have.
    pub fn capability(&self) -> &line_counter::Client {
        &self.capability
    }
}

/// Takes batches of lines for the task that counts.
struct LineSink {
    batches: Relay<LinesParams>,
}

impl Server for LineSink {
    async fn lines(self: Rc<Self>, lines: LinesParams) -> capnp::Result<()> {
        self.batches.pass_on(lines).await
    }

    async fn done(self: Rc<Self>, _: DoneParams, _: DoneResults) -> capnp::Result<()> {
        Ok(())
    }
}
