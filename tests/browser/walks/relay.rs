//! A network between a browser and a server, which a test can break.

use std::io::Result;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::spawn_local;

/// Bytes that are read at once.
const READ_MAX: usize = 16 << 10;

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Bytes go both ways.
    Open,
    /// What the server says over WebSockets is held back. Files are served.
    Holding,
    /// Connections end, and there are no new ones.
    Down,
}

/// The network. It is open at first.
pub(crate) struct Relay {
    /// What browsers open, without a path.
    pub(crate) address: String,
    state: watch::Sender<State>,
}

impl Relay {
    /// Relays to the server at this host and port, until the runtime ends.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (state, seen) = watch::channel(State::Open);
        spawn_local(async move {
            while let Ok((browser, _)) = listener.accept().await {
                // How a connection ends is what the two ends are told.
                let relayed = relayed(browser, server.clone(), seen.clone());
                spawn_local(async { _ = relayed.await });
            }
        });
        Self { address, state }
    }

    /// Lets everything through, also what was held back.
    pub(crate) fn open(&self) {
        self.state.send_replace(State::Open);
    }

    /// Holds back what the server says over WebSockets. If its connection ends meanwhile, that is
    /// lost.
    pub(crate) fn hold(&self) {
        self.state.send_replace(State::Holding);
    }

    /// Ends all connections, and takes none.
    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Down);
    }
}

async fn relayed(
    mut browser: TcpStream,
    server: String,
    mut state: watch::Receiver<State>,
) -> Result<()> {
    let mut said = vec![0; READ_MAX];
    let length = browser.read(&mut said).await?;
    let is_rpc = said.starts_with(b"GET /rpc ");
    if *state.borrow() == State::Down {
        return Ok(());
    }
    let mut server = TcpStream::connect(server).await?;
    server.write_all(&said[..length]).await?;
    let mut answered = vec![0; READ_MAX];
    let mut held = Vec::new();
    loop {
        tokio::select! {
            length = browser.read(&mut said) => match length? {
                0 => return Ok(()),
                length => server.write_all(&said[..length]).await?,
            },
            length = server.read(&mut answered) => match length? {
                0 => return Ok(()),
                length => held.extend(&answered[..length]),
            },
            changed = state.changed() => if changed.is_err() { return Ok(()) },
        }
        let now = *state.borrow_and_update();
        if now == State::Down {
            return Ok(());
        }
        if now == State::Open || !is_rpc {
            browser.write_all(&held).await?;
            held.clear();
        }
    }
}
