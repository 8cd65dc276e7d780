//! The servers of one ledger, as a client knows them: which one is asked, and which is next.

use super::Info;
use crate::net::link::{HostPort, Link};

/// The servers of one ledger.
///
/// It begins with the server of a link, and [learns](Self::learn) the others from an election that
/// was asked about. What one server did not answer, the [next](Self::go_on) may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    first: Link,
    others: Vec<Link>,
    /// 0 is the first.
    current: usize,
}

impl Servers {
    /// The server of a link, which has no others as far as is known.
    pub fn of(link: &Link) -> Self {
        Self { first: link.clone(), others: Vec::new(), current: 0 }
    }

    /// Learns the links that an election names. Who reached a server over an encrypted connection is
    /// not led to one that is not encrypted, and only who reached one on this machine is led to
    /// another on this machine.
    pub fn learn(&mut self, info: &Info) {
        let first = self.link().clone();
        let named = info.servers.iter().filter_map(|text| text.parse::<Link>().ok());
        let is_other = |other: &Link| {
            let is_server = other.election.is_none() && other.token.is_none();
            is_server && other.address != first.address && may_follow(&first, other)
        };
        self.others = named.filter(is_other).collect();
        self.first = first;
        self.current = 0;
    }

    /// The server that is asked.
    pub fn link(&self) -> &Link {
        let other = self.current.checked_sub(1).and_then(|index| self.others.get(index));
        other.unwrap_or(&self.first)
    }

    /// Goes on to the next server, after the last one to the first again. Returns whether it is not
    /// the first's turn: then nobody has waited since the last round.
    pub fn go_on(&mut self) -> bool {
        self.current = (self.current + 1) % (self.others.len() + 1);
        self.current != 0
    }
}

fn may_follow(first: &Link, other: &Link) -> bool {
    let is_here = |link: &Link| link.address.at().is_none_or(HostPort::is_this_machine);
    let is_safe = |link: &Link| link.address.is_encrypted() || is_here(link);
    (is_safe(other) || !is_safe(first)) && (is_here(first) || !is_here(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> Info {
        Info {
            id: "board".into(),
            title: String::new(),
            candidates: Vec::new(),
            state: None,
            voters: 0,
            added_while_open: 0,
            blank: true,
            publication: None,
            schedule: Default::default(),
            origin: Default::default(),
            rules: None,
            roll: String::new(),
            servers: Vec::new(),
        }
    }

    fn learned(first: &str, named: &[&str]) -> Vec<String> {
        let mut servers = Servers::of(&first.parse().unwrap());
        let info = Info { servers: named.iter().map(ToString::to_string).collect(), ..info() };
        servers.learn(&info);
        let mut links = Vec::new();
        while servers.go_on() {
            links.push(servers.link().to_string());
        }
        assert_eq!(servers.link().to_string(), first);
        links
    }

    #[test]
    fn a_client_goes_round_the_servers_that_it_may_follow_to() {
        let all = [
            "capvotes://a:1",
            "capvotes://b:2",
            "capvote://c:3",
            "capvote://127.0.0.1:4",
            "capvotes://localhost:5",
            "capvotes://d/board",
            "nonsense",
        ];
        for (first, others) in [
            ("capvotes://a:1", &["capvotes://b:2"][..]),
            ("capvote://c:3", &["capvotes://a:1", "capvotes://b:2"]),
            (
                "capvote://127.0.0.1:4",
                &["capvotes://a:1", "capvotes://b:2", "capvotes://localhost:5"],
            ),
        ] {
            assert_eq!(learned(first, &all), others, "{first}");
        }
        assert_eq!(learned("capvotes://a:1", &[]), [""; 0]);
    }
}
