//! What comes before the first call of a connection.

use std::io;

use super::admission::ConnectionPermit;
use super::http::{self, Visitor};
use super::socket::{Pages, Socket};
use super::stream::Stream;

/// Learns from a proxy where the connection comes from, waits for its turn, does the TLS handshake,
/// and serves pages until a browser asks for the WebSocket beside them. `None` if it does not.
///
/// # Errors
/// Where one of these fails, there is no place for the connection, or it made room for another.
pub(super) async fn open(
    mut socket: Socket,
    permit: ConnectionPermit,
) -> io::Result<Option<(Box<dyn Stream>, ConnectionPermit)>> {
    let pages = socket.take_pages();
    let (socket, permit) = if socket.is_forwarded() {
        let (socket, origin) = permit.unless_given_up(socket.forwarded_origin()).await?;
        (socket, permit.forwarded(origin).ok_or_else(no_place)?)
    } else {
        (socket, permit)
    };
    let opened = async {
        permit.turn().await;
        let is_encrypted = socket.is_encrypted();
        let handshake = if is_encrypted { Some(permit.handshake().await) } else { None };
        let _handshake = handshake.map(|permit| permit.ok_or_else(no_place)).transpose()?;
        socket.into_stream().await
    };
    let stream = permit.unless_given_up(opened).await?;
    let Some(Pages { site, proxy }) = pages else { return Ok(Some((stream, permit))) };
    let visit = http::serve(stream, &site, proxy, || permit.touch());
    let visit = permit.unless_given_up(visit).await?;
    let Some(Visitor { socket, origin }) = visit else { return Ok(None) };
    let permit = match origin {
        Some(origin) => permit.forwarded(origin).ok_or_else(no_place)?,
        None => permit,
    };
    let turn = async {
        permit.turn().await;
        Ok(())
    };
    permit.unless_given_up(turn).await?;
    permit.touch();
    Ok(Some((Box::new(socket), permit)))
}

fn no_place() -> io::Error {
    io::Error::other("there is no place for it")
}
