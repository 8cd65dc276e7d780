//! A proxy before a server of a test, which can be told to hold what passes, to refuse everybody,
//! or to lose the answer to a commit.

use std::collections::VecDeque;
use std::io;
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// Nothing passes, and no connection ends.
    Hold,
    /// Connections end at once.
    Refuse,
    /// A commit that is sent together with other statements, as those of votes are, is passed on.
    /// Once it is answered, the connection ends without the answer.
    LoseCommits,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    mode: watch::Sender<Mode>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy before the server on this port.
    pub(crate) fn before(server: u16) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, told) = watch::channel(Mode::Pass);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                serve(TcpListener::from_std(listener).unwrap(), server, told).await;
            });
        });
        Self { port, mode, thread: Some(thread) }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mode = watch::channel(Mode::Refuse).0;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves until the proxy is dropped.
async fn serve(listener: TcpListener, server: u16, mut told: watch::Receiver<Mode>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            ended = told.wait_for(|_| false) => {
                assert!(ended.is_err());
                return;
            }
        };
        let Ok((client, _)) = accepted else { return };
        let told = told.clone();
        connections.spawn(async move {
            let mut refused = told.clone();
            tokio::select! {
                _ = relay(client, server, told) => {}
                _ = refused.wait_for(|mode| *mode == Mode::Refuse) => {}
            }
        });
    }
}

async fn relay(client: TcpStream, server: u16, mut told: watch::Receiver<Mode>) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server)).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let (mut questions, mut answers) =
        (Messages::new(from_client, true), Messages::new(from_server, false));
    // For each unanswered question, of which the greeting is one, whether it executes a statement.
    let (mut unanswered, mut executes) = (VecDeque::from([false]), false);
    loop {
        let passing = |mode: &Mode| *mode != Mode::Hold;
        let mode = *told.wait_for(passing).await.map_err(io::Error::other)?;
        tokio::select! {
            question = questions.next() => {
                let question = question?;
                let is_commit = question.starts_with(b"Q") && question.ends_with(b"COMMIT\0");
                let is_lost = mode == Mode::LoseCommits && unanswered.contains(&true);
                executes |= question.starts_with(b"E");
                if let Some(b'Q' | b'S') = question.first() {
                    unanswered.push_back(std::mem::take(&mut executes));
                }
                to_server.write_all(&question).await?;
                if is_commit && is_lost {
                    while !unanswered.is_empty() {
                        is_end(&answers.next().await?).then(|| unanswered.pop_front());
                    }
                    return Ok(());
                }
            }
            answer = answers.next() => {
                let answer = answer?;
                is_end(&answer).then(|| unanswered.pop_front());
                to_client.write_all(&answer).await?;
            }
            _ = told.changed() => {}
        }
    }
}

/// Whether a message ends the answer to a question.
fn is_end(answer: &[u8]) -> bool {
    answer.starts_with(b"Z")
}

/// The messages of one side.
struct Messages {
    from: OwnedReadHalf,
    read: Vec<u8>,
    /// The client's first message has no byte for its kind.
    is_first: bool,
}

impl Messages {
    fn new(from: OwnedReadHalf, is_first: bool) -> Self {
        Self { from, read: Vec::new(), is_first }
    }

    /// The next whole message. What is read is kept if this is dropped.
    async fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let kind = usize::from(!self.is_first);
            if let Some(length) = self.read.get(kind..kind + 4) {
                let length = u32::from_be_bytes(length.try_into().unwrap()) as usize + kind;
                if self.read.len() >= length {
                    self.is_first = false;
                    return Ok(self.read.drain(..length).collect());
                }
            }
            if self.from.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
