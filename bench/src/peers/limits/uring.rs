//! The same as [`accept`](super::accept), with a server on io_uring: monoio, on one thread. The
//! client is the same.

use anyhow::Context;
use monoio::io::{AsyncReadRentExt, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};

use super::accept::{self, MESSAGE_BYTES};
use crate::peers::{Measured, Serving, Work, ready, unsupported};

/// Echoes one message on each connection until killed.
pub(in crate::peers) fn serve(job: Serving, _: u64) -> anyhow::Result<()> {
    if job != Serving::Vote {
        return unsupported("accept-uring", "such server");
    }
    let runtime = RuntimeBuilder::<IoUringDriver>::new().build();
    runtime.context("there is no io_uring")?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        ready(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await.context("cannot accept")?;
            stream.set_nodelay(true)?;
            monoio::spawn(echo(stream));
        }
    })
}

async fn echo(mut stream: TcpStream) -> anyhow::Result<()> {
    let (read, message) = stream.read_exact(vec![0; MESSAGE_BYTES]).await;
    read?;
    let (written, _) = stream.write_all(message).await;
    written?;
    Ok(())
}

/// Opens a connection for each message to the server at `address`.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    accept::drive(address, work)
}
