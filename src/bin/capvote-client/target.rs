//! The server and the election that a command is about.

use std::cell::RefCell;

use capvote::client::{self, Client, Election, Info, Servers};
use capvote::election::ElectionId;
use capvote::net::link::Link;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::suggest::did_you_mean;

/// The server and the election that a command is about.
pub(crate) struct Target {
    pub(crate) link: Link,
    /// The election's id, or empty for the only one there is.
    pub(crate) id: String,
    pub(crate) json: bool,
    /// The server of the link, and the others that an election has named since.
    servers: RefCell<Servers>,
}

impl Target {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let link = arguments.link()?;
        let in_link = link.election.as_ref().map(|id| id.as_str());
        let given = arguments.election.as_deref();
        if let (Some(given), Some(in_link), Some(_)) = (given, in_link, &link.token)
            && given != in_link
        {
            return Err(other_election(given, in_link));
        }
        let id = given.or(in_link).unwrap_or_default().to_string();
        let servers = RefCell::new(Servers::of(&link));
        Ok(Self { link, id, json: arguments.json, servers })
    }

    /// Takes the election of another link, if none was given.
    pub(crate) fn or_election(&mut self, election: Option<&ElectionId>) {
        if let (true, Some(election)) = (self.id.is_empty(), election) {
            self.id = election.to_string();
        }
    }

    /// Connects to the server, or to the next that answers.
    pub(crate) async fn connect(&self) -> Result<Client, client::Error> {
        let mut servers = self.servers();
        loop {
            let connected = Client::connect(servers.link()).await;
            let is_away = matches!(connected, Err(client::Error::Unreachable { .. }));
            if !(is_away && servers.go_on()) {
                self.servers.replace(servers);
                return connected;
            }
        }
    }

    /// The servers as far as they are known.
    pub(crate) fn servers(&self) -> Servers {
        self.servers.borrow().clone()
    }

    /// Learns the servers that an election names.
    pub(crate) fn learn(&self, info: &Info) {
        self.servers.borrow_mut().learn(info);
    }

    pub(crate) async fn election(&self) -> Result<Election, client::Error> {
        Ok(self.connect().await?.election(&self.id))
    }

    /// Runs a command. If there is no such election, its error gets the election that may be meant.
    pub(crate) async fn ask(
        &self,
        command: impl AsyncFnOnce(&Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match command(self).await {
            Err(Failure::Remote(why)) => Err(Failure::Remote(why + &self.meant_election().await)),
            done => done,
        }
    }

    async fn meant_election(&self) -> String {
        let elections = match self.connect().await {
            Ok(client) => client.elections().await.unwrap_or_default(),
            Err(_) => return String::new(),
        };
        if elections.iter().any(|election| election.id == self.id) {
            return String::new();
        }
        did_you_mean("; d", &self.id, elections.iter().map(|election| election.id.as_str()))
    }
}

/// Why an officer's link cannot be used for the election `given`.
pub(crate) fn other_election(given: &str, in_link: &str) -> Failure {
    Failure::Usage(format!("--election {given}: the link is for election {in_link}"))
}
