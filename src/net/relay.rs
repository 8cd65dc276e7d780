//! Pages from this machine, whose WebSockets are relayed to the server of a link.
//!
//! They do not come from the server that they check, and a pinned certificate holds for them.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::admission::Admission;
use super::dial::connect;
use super::http::{self, Visitor};
use super::link::{Address, HostPort, Link};
use super::listener::Listener;
use super::loopback::LoopbackAddress;
use super::socket::{Pages, Socket};
use super::stream::Stream;

/// The connections of browsers at a time. Further ones wait to be accepted.
pub const RELAYED_CONNECTIONS_MAX: usize = 64;

/// How long one side may go on after the other has ended.
pub const LAST_BYTES_WAIT_MAX: Duration = Duration::from_secs(1);

/// The open files of a process that relays.
const FILES: u64 = 1_024;

/// Pages on a loopback address, for the server of a link.
#[derive(Debug)]
pub struct Relay {
    listener: Listener,
    server: Link,
}

impl Relay {
    /// Listens. Port 0 picks a free port.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn bind(at: LoopbackAddress, server: Link) -> io::Result<Self> {
        let at = at.socket();
        let at = HostPort { host: at.ip().to_string(), port: at.port() };
        // A socket is of this machine.
        let to = server.address.at().map_or_else(|| "localhost".to_string(), HostPort::to_string);
        let listener = Listener::bind(&Address::Http(at), None).await?;
        Ok(Self { listener: listener.with_site(|site| site.relaying_to(to)), server })
    }

    /// The address of the page to open, without the token of the server's link.
    pub fn page(&self) -> String {
        let here = Link { election: self.server.election.clone(), ..self.listener.link().clone() };
        match &self.server.token {
            Some(_) => format!("{}/{}", self.listener.link(), super::link::OFFICERS_PAGE),
            None => here.to_string(),
        }
    }

    /// Serves the pages, and never returns. `failed` is told why a page is not connected to the
    /// server.
    ///
    /// # Panics
    /// Outside a [`LocalSet`](tokio::task::LocalSet) and a
    /// [`LocalRuntime`](tokio::runtime::LocalRuntime).
    pub async fn run(self, failed: impl Fn(io::Error) + 'static) -> Infallible {
        let (server, failed) = (Rc::new(self.server), Rc::new(failed));
        let (mut acceptor, admission) = (self.listener.acceptor(), Admission::with_files(FILES));
        let permits = Arc::new(Semaphore::new(RELAYED_CONNECTIONS_MAX));
        loop {
            let permit = permits.clone().acquire_owned().await;
            let socket = acceptor.accept(&admission).await;
            let (server, failed) = (server.clone(), failed.clone());
            spawn_local(async move {
                let _permit = permit;
                // What goes wrong with a browser's connection is shown by the browser.
                let Ok(Some(Visitor { socket, .. })) = visitor(socket).await else { return };
                if let Err(error) = relay(socket, &server).await {
                    failed(error);
                }
            });
        }
    }
}

type Near = Box<dyn Stream>;

async fn visitor(mut socket: Socket) -> io::Result<Option<Visitor<Near>>> {
    let Some(Pages { site, .. }) = socket.take_pages() else { return Ok(None) };
    http::serve(socket.into_stream().await?, &site, None, || ()).await
}

/// Passes on what either side sends, until both have ended, or one has and the other does not
/// follow. An error is about the server.
async fn relay(near: impl Stream, server: &Link) -> io::Result<()> {
    let far = connect(server).await?;
    let (near_reads, near_writes) = split(near);
    let (far_reads, far_writes) = split(far);
    let (up, down) = (pin!(pass(near_reads, far_writes)), pin!(pass(far_reads, near_writes)));
    // Who is cut then has ended already, or does not read.
    let _ = match select(up, down).await {
        Either::Left(((), down)) => timeout(LAST_BYTES_WAIT_MAX, down).await,
        Either::Right(((), up)) => timeout(LAST_BYTES_WAIT_MAX, up).await,
    };
    Ok(())
}

/// Passes on what one side sends, and its end. How a connection ends that was made is of no
/// interest: the page connects again.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ = copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}
