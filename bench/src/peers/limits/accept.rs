//! The limit of the machine for voters who come and leave: a server on one thread that accepts a
//! connection, does the TLS handshake if there is one, echoes 256 bytes and closes.
//!
//! Measured: arrivals, with connecting.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

use crate::peers::tls::{self, Connector};
use crate::peers::{Measured, Serving, Work, crowd, ready, unsupported};

/// What goes each way.
pub(super) const MESSAGE_BYTES: usize = 256;

/// Echoes one message on each connection until killed.
pub(in crate::peers) fn serve(job: Serving, _: u64) -> anyhow::Result<()> {
    let acceptor = match job {
        Serving::Vote => None,
        Serving::VoteTls => Some(TlsAcceptor::from(tls::server()?)),
        Serving::VoteWeb | Serving::Lines => return unsupported("accept", "such server"),
    };
    crowd::local()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
        ready(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await.context("cannot accept")?;
            stream.set_nodelay(true)?;
            let acceptor = acceptor.clone();
            spawn_local(async move {
                match acceptor {
                    None => echo(stream).await,
                    Some(acceptor) => echo(acceptor.accept(stream).await?).await,
                }
            });
        }
    })
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    let mut message = [0; MESSAGE_BYTES];
    stream.read_exact(&mut message).await?;
    stream.write_all(&message).await?;
    Ok(stream.flush().await?)
}

/// Opens a connection for each message to the server at `address`.
pub(in crate::peers) fn drive(address: &str, work: Work) -> anyhow::Result<Measured> {
    let address: SocketAddr = address.parse()?;
    let Work::Arrive { in_flight, votes, over } = work else {
        return unsupported("accept", "other job than arrive");
    };
    let connector = Connector::over(over, in_flight)?;
    let used = connector.clone();
    let voter = move |number| {
        let connector = connector.clone();
        async move {
            match connector {
                None => exchange(crowd::connect(address).await?).await,
                Some(connector) => exchange(connector.connect(address, number).await?).await,
            }
        }
    };
    let measured = crowd::local()?.block_on(crowd::arrive(in_flight, votes, voter))?;
    used.map_or(Ok(()), |connector| connector.check())?;
    Ok(measured)
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    let mut message = [b'v'; MESSAGE_BYTES];
    stream.write_all(&message).await?;
    stream.flush().await?;
    stream.read_exact(&mut message).await?;
    ensure!(message == [b'v'; MESSAGE_BYTES], "other bytes came back");
    Ok(())
}
