//! A server without sockets: the real ledger and capabilities over in-memory connections.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capvote::client::{Ballot, Client};
use capvote::election::{Definition, Grant, GrantId, Publication, Role, Token, Uses, VoterNumber};
use capvote::ledger::{Act, Ledger, Location, Snapshot};
use capvote::net::admission::Origin;
use capvote::net::connection;
use capvote::service::{Bootstrap, Guesses};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Buffer size of an in-memory connection, like that of a socket.
const PIPE_BYTES: usize = 64 * 1024;

/// The timeout for what must happen. Reached only if a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The numbers on the roll of [`board`] are 1 to this.
pub(crate) const VOTERS: u64 = 1_000;

pub(crate) struct Harness {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) stop: CancellationToken,
    guesses: Guesses,
    _directory: Option<TempDir>,
}

/// A server with these live elections (id, candidates, voters). Those with voters are open.
pub(crate) async fn harness(elections: &[(&str, &[&str], u64)]) -> Rc<Harness> {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Location::Directory(directory.path().to_owned()).open().unwrap();
    for &(id, candidates, voters) in elections {
        let id: capvote::election::ElectionId = id.parse().unwrap();
        let candidates = candidates.iter().map(|name| name.to_string()).collect();
        let definition = Definition::new(id.clone(), format!("The {id}"), candidates).unwrap();
        let definition = definition.with_publication(Publication::Live);
        let mut acts = vec![Act::Create(Arc::new(definition))];
        if voters > 0 {
            acts.push(Act::Issue(id.clone(), (1..=voters).map(VoterNumber::from).collect()));
            acts.push(Act::Open(id));
        }
        ledger.act(acts, None).await.unwrap();
    }
    let (stop, guesses) = Default::default();
    Rc::new(Harness { ledger, stop, guesses, _directory: Some(directory) })
}

/// A server with this ledger.
pub(crate) fn harness_of(ledger: Arc<dyn Ledger>) -> Rc<Harness> {
    let (stop, guesses) = Default::default();
    Rc::new(Harness { ledger, stop, guesses, _directory: None })
}

/// A server with one election, "board", with the candidates Ada and Grace.
pub(crate) async fn board() -> Rc<Harness> {
    harness(&[("board", &["Ada", "Grace"], VOTERS)]).await
}

/// An election with the candidates Ada and Grace.
pub(crate) fn definition(id: &str) -> Definition {
    let candidates = ["Ada", "Grace"].map(String::from).to_vec();
    Definition::new(id.parse().unwrap(), String::new(), candidates).unwrap()
}

impl Harness {
    /// A new connection: the client's end of the stream.
    pub(crate) fn stream(&self) -> tokio::io::DuplexStream {
        let (here, there) = tokio::io::duplex(PIPE_BYTES);
        let bootstrap = Bootstrap::new(self.ledger.clone(), self.guesses.clone());
        let bootstrap = move |work| bootstrap.capability(work, Origin::Here);
        tokio::task::spawn_local(connection::serve(there, bootstrap, self.stop.clone()));
        here
    }

    /// The same server, where no wrong number was tried yet.
    pub(crate) fn with_new_guesses(&self) -> Self {
        let (ledger, stop, guesses) = (self.ledger.clone(), self.stop.clone(), Guesses::default());
        Self { ledger, stop, guesses, _directory: None }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::over(self.stream())
    }

    /// The token of a new returning officer.
    pub(crate) async fn officer(&self) -> Token {
        let id = getrandom::u64().unwrap();
        let mut token = [0; Token::BYTES];
        getrandom::fill(&mut token).unwrap();
        let token = Token::from(token);
        let (role, parent) = (Role::ReturningOfficer, None);
        let grant = Grant { id: GrantId(id), parent, role, token: token.hash(), uses: Uses::Any };
        self.ledger.act(vec![Act::Grant(grant)], None).await.unwrap();
        token
    }

    /// The elections and grants as the server last saw them.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.ledger.snapshots().borrow().clone()
    }

    /// Closes "board", and returns the votes for each candidate, over a new connection.
    pub(crate) async fn tally(&self) -> Vec<(String, u64)> {
        self.ledger.act(vec![Act::Close("board".parse().unwrap())], None).await.unwrap();
        let results = self.connect().election("board").results().await.unwrap();
        assert_eq!(results.ballots, results.candidates.iter().map(|(_, votes)| votes).sum::<u64>());
        results.candidates
    }
}

pub(crate) fn ballot(candidate: &str, number: u64) -> Ballot {
    Ballot::new(candidate, number.into()).unwrap()
}

/// The value of a future, which has to resolve in time.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("this did not happen within {PATIENCE:?}"),
    }
}

/// The values of these futures, run concurrently on this thread.
pub(crate) async fn all<T: 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::task::spawn_local).collect();
    let mut values = Vec::new();
    for task in tasks {
        values.push(soon(task).await.unwrap());
    }
    values
}
