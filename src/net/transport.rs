//! The transport under an RPC connection.

use capnp::message::ReaderOptions;
use capnp_rpc::VatNetwork;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty;
use futures::io::{BufReader, BufWriter};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use super::socket::Stream;

/// The bytes read at a time, and the bytes of small messages that are joined into one write.
const BUFFER_BYTES: usize = 64 * 1024;

/// The bytes that one stream of calls may have on the way, sent and not acknowledged.
///
/// A path of 1 Gbit/s that takes 100 ms there and back is full with 12.5 MB on the way. Less would make
/// such a path slower than it is; much more would only take memory on both sides.
pub const STREAM_WINDOW_BYTES: usize = 12 << 20;

/// The largest message that is read, in words of 8 bytes. A peer that sends a larger one is dropped.
const MESSAGE_WORDS_MAX: usize = 8 << 20;

/// The network of two vats that a stream of bytes makes, seen from one side.
pub fn network(stream: impl Stream, side: Side) -> Box<dyn VatNetwork<Side>> {
    let (reader, writer) = tokio::io::split(stream);
    let reader = BufReader::with_capacity(BUFFER_BYTES, reader.compat());
    let writer = BufWriter::with_capacity(BUFFER_BYTES, writer.compat_write());
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(Some(MESSAGE_WORDS_MAX));
    let mut network = twoparty::VatNetwork::new(reader, writer, side, options);
    network.set_window_size(STREAM_WINDOW_BYTES);
    Box::new(network)
}
