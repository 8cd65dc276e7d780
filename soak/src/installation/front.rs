//! What the DNS and a browser do with a name that has three addresses: each connection goes to the
//! first of them that takes it.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Passes connections to a new port of this machine on to the first of the addresses that takes
/// them, as long as this process runs. Returns the port.
pub(super) fn start(mut addresses: Vec<SocketAddr>) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Each of them is the first in turn.
            addresses.rotate_left(1);
            let addresses = addresses.clone();
            thread::spawn(move || pass_on(client, &addresses));
        }
    });
    Ok(port)
}

/// Passes one connection on until it ends.
fn pass_on(client: TcpStream, addresses: &[SocketAddr]) -> io::Result<()> {
    let server = TcpStream::connect(addresses)?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || copy(from_client, to_server));
    copy(server, client);
    Ok(())
}

/// Copies what the one sends, and ends both with it.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
