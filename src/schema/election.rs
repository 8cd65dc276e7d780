//! `ElectionInfo`, `Results` and `Turnout`: written from a [`Standing`], read as plain values.

use capnp::Error;

use super::count::write_choices;
use super::rules::{read_rules, write_rules};
use super::values::{known, length, read_names, read_text, read_time, write_names, write_time};
use crate::election::{
    ElectionState, LedgerId, Origin, Publication, ResultStatus, Rules, SERVERS_MAX, Schedule,
    Standing, Verdict,
};
use crate::schema::election_capnp::{election_info, results, turnout};

/// What everyone may know about an election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its id on the server.
    pub id: String,
    /// Its title. May be empty.
    pub title: String,
    /// The candidates, in ballot order.
    pub candidates: Vec<String>,
    /// Its state. `None` for one that only a newer server knows.
    pub state: Option<ElectionState>,
    /// How many voter numbers are on the roll.
    pub voters: u64,
    /// How many of them were issued after the election was opened.
    pub added_while_open: u64,
    /// Whether a ballot may be blank.
    pub blank: bool,
    /// When the count is published. `None` for a publication that only a newer server knows.
    pub publication: Option<Publication>,
    /// When the server opens and closes the election without an officer.
    pub schedule: Schedule,
    /// Where it is stored. The default from a server that does not say.
    pub origin: Origin,
    /// What a ballot can say, and how ballots are counted. `None` for rules that only a newer server
    /// knows.
    pub rules: Option<Rules>,
    /// The id of the election whose roll it shares. Empty if it has a roll of its own.
    pub roll: String,
    /// Links to the servers of its ledger that are up, if there are several. From
    /// [`Client::elections`](crate::client::Client::elections) it is always empty.
    pub servers: Vec<String>,
}

/// The count of an election at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// The election's id on the server.
    pub election: String,
    /// What the numbers mean. `None` for a status that only a newer server knows.
    pub status: Option<ResultStatus>,
    /// Every candidate with their votes, most votes first.
    pub candidates: Vec<(String, u64)>,
    /// The blank ballots.
    pub blank: u64,
    /// How many ballots are recorded.
    pub ballots: u64,
    /// How many voter numbers are on the roll.
    pub voters: u64,
    /// Who is elected, in the order in which they were. Nobody before the close.
    pub elected: Vec<String>,
    /// Why they are. `None` before the close, and for a verdict that only a newer server knows.
    pub verdict: Option<Verdict>,
}

/// The bytes of a link to one of them.
pub(crate) const SERVER_LINK_BYTES_MAX: usize = 1_024;

pub(crate) fn write_info(standing: &Standing, mut info: election_info::Builder<'_>) {
    let definition = &standing.definition;
    info.set_id(definition.id.as_str());
    info.set_title(definition.title.as_str());
    info.set_state(standing.state.into());
    info.set_voters(standing.voters);
    info.set_added_while_open(standing.added_while_open);
    info.set_blank(definition.slate.blank().is_some());
    info.set_publication(definition.publication.into());
    info.set_opens(write_time(definition.schedule.opens));
    info.set_closes(write_time(definition.schedule.closes));
    let Origin { ledger, epoch, restored, unconfirmed } = &standing.origin;
    info.set_ledger(ledger.as_bytes());
    info.set_epoch(*epoch);
    info.set_restored(restored.unwrap_or_default());
    info.set_unconfirmed(*unconfirmed);
    if definition.rules != Rules::default() {
        write_rules(&definition.rules, info.reborrow().init_rules());
    }
    if let Some(roll) = &definition.roll {
        info.set_roll(roll.as_str());
    }
    let names = definition.slate.names();
    write_names(names, info.init_candidates(length(names.len())));
}

/// Writes the links of the servers, beside what [`write_info`] writes.
pub(crate) fn write_servers(servers: &[String], mut info: election_info::Builder<'_>) {
    let mut list = info.reborrow().init_servers(length(servers.len().min(SERVERS_MAX)));
    for (index, server) in (0..).zip(servers.iter().take(SERVERS_MAX)) {
        list.set(index, server.as_str());
    }
}

/// Reads them, up to the limits that a server keeps.
fn read_servers(list: capnp::text_list::Reader<'_>) -> Result<Vec<String>, Error> {
    let mut servers = Vec::new();
    for text in list.iter().take(SERVERS_MAX) {
        let text = text?;
        if text.len() <= SERVER_LINK_BYTES_MAX {
            servers.push(read_text(text)?);
        }
    }
    Ok(servers)
}

impl Info {
    pub(crate) fn read(info: election_info::Reader<'_>) -> Result<Self, Error> {
        let schedule =
            Schedule { opens: read_time(info.get_opens()), closes: read_time(info.get_closes()) };
        let origin = Origin {
            ledger: LedgerId::try_from(info.get_ledger()?).unwrap_or_default(),
            epoch: info.get_epoch(),
            restored: Some(info.get_restored()).filter(|&epoch| epoch > 0),
            unconfirmed: info.get_unconfirmed(),
        };
        let rules = match info.has_rules() {
            true => read_rules(info.get_rules()?)?,
            false => Some(Rules::default()),
        };
        Ok(Self {
            id: read_text(info.get_id()?)?,
            title: read_text(info.get_title()?)?,
            candidates: read_names(info.get_candidates()?)?,
            state: known(info.get_state())?,
            voters: info.get_voters(),
            added_while_open: info.get_added_while_open(),
            blank: info.get_blank(),
            publication: known(info.get_publication())?,
            schedule,
            origin,
            rules,
            roll: read_text(info.get_roll()?)?,
            servers: read_servers(info.get_servers()?)?,
        })
    }
}

pub(crate) fn write_results(standing: &Standing, mut results: results::Builder<'_>) {
    results.set_election(standing.definition.id.as_str());
    results.set_status(standing.status().into());
    results.set_blank(standing.blank());
    if let Some(count) = standing.count() {
        let slate = &standing.definition.slate;
        let elected = results.reborrow().init_elected(length(count.elected.len()));
        write_choices(slate, &count.elected, elected);
        results.set_verdict(count.verdict.into());
    }
    write_turnout(standing, results.reborrow().init_turnout());
    let ranking = standing.ranking();
    let mut candidates = results.init_candidates(length(ranking.len()));
    for (index, (name, votes)) in ranking.into_iter().enumerate() {
        let mut candidate = candidates.reborrow().get(length(index));
        candidate.set_candidate(name);
        candidate.set_votes(votes);
    }
}

impl Results {
    pub(crate) fn read(results: results::Reader<'_>) -> Result<Self, Error> {
        let mut candidates = Vec::new();
        for candidate in results.get_candidates()?.iter() {
            candidates.push((read_text(candidate.get_candidate()?)?, candidate.get_votes()));
        }
        let (ballots, voters) = read_turnout(results.get_turnout()?);
        Ok(Self {
            election: read_text(results.get_election()?)?,
            status: known(results.get_status())?,
            candidates,
            blank: results.get_blank(),
            ballots,
            voters,
            elected: read_names(results.get_elected()?)?,
            verdict: Verdict::read(results.get_verdict()),
        })
    }
}

pub(crate) fn write_turnout(standing: &Standing, mut turnout: turnout::Builder<'_>) {
    turnout.set_ballots(standing.ballots);
    turnout.set_voters(standing.voters);
}

/// The ballots recorded, and the voters on the roll.
pub(crate) fn read_turnout(turnout: turnout::Reader<'_>) -> (u64, u64) {
    (turnout.get_ballots(), turnout.get_voters())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use capnp::message::{Builder, Reader, ReaderOptions};
    use capnp::serialize::{OwnedSegments, read_message, write_message_to_words};
    use capnp::traits::Owned;

    use super::*;
    use crate::election::{Choice, Definition, Standing, Tally, Timestamp};
    use crate::schema::election_capnp as wire;

    /// The message that a newer server would send: the one that is written, with `was` replaced by
    /// a value that no schema has yet.
    fn newer<T: Owned>(was: u16, write: impl FnOnce(T::Builder<'_>)) -> Reader<OwnedSegments> {
        let mut message = Builder::new_default();
        write(message.init_root());
        let mut words = write_message_to_words(&message);
        // Behind the segment table and the root pointer.
        let mut fields = words[16..].chunks_exact_mut(2);
        let field = fields.find(|field| **field == was.to_le_bytes()).unwrap();
        field.copy_from_slice(&999_u16.to_le_bytes());
        read_message(&words[..], ReaderOptions::new()).unwrap()
    }

    #[test]
    fn info_and_results_read_back_as_they_were_written() {
        let names = ["Ada", "Grace"].map(String::from).to_vec();
        let definition = Definition::new("board".parse().unwrap(), "The board".into(), names);
        let definition = definition.unwrap().with_blank(true).with_publication(Publication::Sealed);
        let schedule = Schedule { opens: None, closes: Some(Timestamp(9)) };
        let definition = definition.with_schedule(schedule).unwrap();
        let rules = Rules { marks: 2, ..Rules::default() };
        let definition = definition.with_rules(rules).unwrap();
        let definition = definition.with_roll(Some("members".parse().unwrap()));
        let definition = Arc::new(definition);
        let mut count = Tally::new(&definition.slate);
        (0..14).for_each(|_| count.add_final(&Choice::from_index(1).unwrap().into()));
        let origin = Origin {
            ledger: LedgerId::from([7; LedgerId::BYTES]),
            epoch: 3,
            restored: Some(2),
            unconfirmed: true,
        };
        let standing = Standing::new(definition, ElectionState::Draft, 20, 2, count);
        let standing = standing.with_origin(origin);

        let mut message = Builder::new_default();
        write_info(&standing, message.init_root());
        let long = "x".repeat(SERVER_LINK_BYTES_MAX + 1);
        let servers = ["capvotes://a:1".to_string(), long, "capvotes://b:2".to_string()];
        write_servers(&servers, message.get_root().unwrap());
        let info = Info {
            id: "board".into(),
            title: "The board".into(),
            candidates: vec!["Ada".into(), "Grace".into()],
            state: Some(ElectionState::Draft),
            voters: 20,
            added_while_open: 2,
            blank: true,
            publication: Some(Publication::Sealed),
            schedule,
            origin,
            rules: Some(rules),
            roll: "members".into(),
            servers: vec!["capvotes://a:1".into(), "capvotes://b:2".into()],
        };
        assert_eq!(Info::read(message.get_root_as_reader().unwrap()).unwrap(), info);

        let mut message = Builder::new_default();
        write_results(&standing, message.init_root());
        let results = Results {
            election: "board".into(),
            status: Some(ResultStatus::Sealed),
            candidates: vec![("Ada".into(), 0), ("Grace".into(), 0)],
            blank: 0,
            ballots: 14,
            voters: 20,
            elected: Vec::new(),
            verdict: None,
        };
        assert_eq!(Results::read(message.get_root_as_reader().unwrap()).unwrap(), results);
    }

    #[test]
    fn unknown_enum_values_of_a_newer_server_read_as_none() {
        let state =
            newer::<election_info::Owned>(wire::ElectionState::Closed as u16, |mut info| {
                info.set_state(wire::ElectionState::Closed);
            });
        let info = Info::read(state.get_root().unwrap()).unwrap();
        assert_eq!((info.state, info.publication), (None, Some(Publication::Live)));

        let publication =
            newer::<election_info::Owned>(wire::Publication::Sealed as u16, |mut info| {
                info.set_state(wire::ElectionState::Closed);
                info.set_publication(wire::Publication::Sealed);
            });
        let info = Info::read(publication.get_root().unwrap()).unwrap();
        assert_eq!((info.state, info.publication), (Some(ElectionState::Closed), None));

        let status = newer::<results::Owned>(wire::ResultStatus::Final as u16, |mut results| {
            results.set_status(wire::ResultStatus::Final);
        });
        assert_eq!(Results::read(status.get_root().unwrap()).unwrap().status, None);
    }
}
