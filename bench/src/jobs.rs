//! The jobs that systems are compared at.

/// A job. Tables and pictures are in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Job {
    /// Voters who each connect, vote with a callback, are told and leave: 64 at a time.
    Arrive,
    /// The same over TLS 1.3, with a full handshake each.
    ArriveTls,
    /// The same over TLS 1.3, where each resumes an earlier session.
    ArriveResumed,
    /// The same over a WebSocket.
    ArriveWeb,
    /// Votes over 10 standing connections, with one in flight on each.
    #[value(name = "stand-10")]
    Stand10,
    /// The same over 1,000.
    #[value(name = "stand-1000")]
    Stand1000,
    /// The same over 10,000.
    #[value(name = "stand-10000")]
    Stand10000,
    /// Votes with a callback each, over 16 connections with 16 votes in flight on each.
    Votes,
    /// Votes by one voter at a time.
    Alone,
    /// The lines of a file on the client, with a callback for each line.
    Lines,
    /// The same over a path of 1 Gbit/s with a round trip of 100 ms.
    Far,
}

impl Job {
    /// The jobs that have a picture, with its name.
    pub const DRAWN: [(&str, Self); 9] = [
        ("arrive", Self::Arrive),
        ("arrive-tls", Self::ArriveTls),
        ("arrive-resumed", Self::ArriveResumed),
        ("stand-1000", Self::Stand1000),
        ("stand-10000", Self::Stand10000),
        ("votes", Self::Votes),
        ("alone", Self::Alone),
        ("lines", Self::Lines),
        ("far", Self::Far),
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Arrive => "voters who connect, vote, are told and leave, 64 at a time",
            Self::ArriveTls => "voters who come and leave over TLS 1.3, with full handshakes",
            Self::ArriveResumed => "voters who come and leave over TLS 1.3, with resumed sessions",
            Self::ArriveWeb => "voters who come and leave over a WebSocket",
            Self::Stand10 => "votes over 10 standing connections, one in flight on each",
            Self::Stand1000 => "votes over 1,000 standing connections, one in flight on each",
            Self::Stand10000 => "votes over 10,000 standing connections, one in flight on each",
            Self::Votes => "votes with a callback, 16 connections, 16 in flight on each",
            Self::Alone => "votes of one voter at a time",
            Self::Lines => "lines of the client's file, with a callback for each",
            Self::Far => "lines over a path of 1 Gbit/s, 100 ms round trip",
        }
    }

    /// The job with fewest connections, if this one measures what more of them cost.
    pub fn fewest(self) -> Option<Self> {
        matches!(self, Self::Stand1000 | Self::Stand10000).then_some(Self::Stand10)
    }

    /// The arguments of a server. `kind` chooses between the ways in which a peer does the job.
    pub fn serving(self, kind: &str) -> Vec<String> {
        let (word, is_vote) = match self {
            Self::ArriveTls | Self::ArriveResumed => ("vote-tls", true),
            Self::ArriveWeb => ("vote-web", true),
            Self::Lines | Self::Far => ("lines", false),
            _ => ("vote", true),
        };
        let voters = is_vote.then(|| "AMOUNT".to_string());
        std::iter::once(format!("{word}{kind}")).chain(voters).collect()
    }

    /// The arguments of a client.
    pub fn driving(self, kind: &str) -> Vec<String> {
        let (word, rest): (_, &[_]) = match self {
            Self::Arrive => ("arrive", &["64", "AMOUNT"]),
            Self::ArriveTls => ("arrive", &["64", "AMOUNT", "tls"]),
            Self::ArriveResumed => ("arrive", &["64", "AMOUNT", "resumed"]),
            Self::ArriveWeb => ("arrive", &["64", "AMOUNT", "web"]),
            Self::Stand10 => ("vote", &["10", "1", "AMOUNT"]),
            Self::Stand1000 => ("vote", &["1000", "1", "AMOUNT"]),
            Self::Stand10000 => ("vote", &["10000", "1", "AMOUNT"]),
            Self::Votes => ("vote", &["16", "16", "AMOUNT"]),
            Self::Alone => ("vote", &["1", "1", "AMOUNT"]),
            Self::Lines | Self::Far => ("lines", &["AMOUNT"]),
        };
        let first = ["ADDRESS".to_string(), format!("{word}{kind}")];
        first.into_iter().chain(rest.iter().map(|word| word.to_string())).collect()
    }
}
