//! `Count`: written from and read as that of an election, with its slate.

use capnp::{Error, primitive_list, struct_list, text_list};

use super::values::{length, read_names};
use crate::election::{
    Choice, Count, Lot, LotUse, Pairs, Round, Slate, Status, Step, Strength, Verdict, Votes,
    Wholes, sentence,
};
use crate::schema::election_capnp::{self as wire, count, lot, pairs, round};

/// A count with the slate whose names it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The slate.
    pub slate: Slate,
    /// How the result came about.
    pub count: Count,
}

/// About how many bytes a count takes in a message, at most.
pub(crate) fn count_bytes(slate: &Slate, count: &Count) -> usize {
    // A sentence names one or two names, and numbers.
    const SENTENCE_BYTES: usize = 1_024;
    const ROUND_BYTES: usize = 128;
    let names = slate.names().len();
    let in_lots: usize = count.lots.iter().map(|lot| lot.order.len()).sum();
    let named = slate.longest() + 24;
    let rounds = count.rounds.len() * (ROUND_BYTES + SENTENCE_BYTES + 10 * names + 4 * named);
    let pairs = if count.pairs.is_some() { names * (24 * names + 64 + 2 * named) } else { 0 };
    let lots = in_lots * named + count.lots.len() * 64;
    256 + 2 * slate.message_bytes() + rounds + pairs + lots
}

pub(crate) fn write_count(slate: &Slate, counted: &Count, mut builder: count::Builder<'_>) {
    write_names(slate.names(), builder.reborrow().init_candidates(length(slate.names().len())));
    let Count { elected, verdict, wholes, rounds, pairs, lots } = counted;
    write_choices(slate, elected, builder.reborrow().init_elected(length(elected.len())));
    builder.set_verdict((*verdict).into());
    builder.set_ballots(wholes.ballots);
    builder.set_marked(wholes.marked);
    builder.set_voters(wholes.roll);
    let mut list = builder.reborrow().init_rounds(length(rounds.len()));
    let mut before = None;
    for (index, round) in rounds.iter().enumerate() {
        let builder = list.reborrow().get(length(index));
        write_round(slate, round, before.replace(round), builder);
    }
    if let Some(pairs) = pairs {
        write_pairs(slate, pairs, builder.reborrow().init_pairs());
    }
    let mut list = builder.init_lots(length(lots.len()));
    for (index, lot) in lots.iter().enumerate() {
        write_lot(slate, lot, list.reborrow().get(length(index)));
    }
}

fn write_names<'a>(names: impl IntoIterator<Item = &'a String>, mut list: text_list::Builder<'_>) {
    for (index, name) in names.into_iter().enumerate() {
        list.set(length(index), name.as_str());
    }
}

/// Writes the names of choices.
pub(crate) fn write_choices(slate: &Slate, choices: &[Choice], mut list: text_list::Builder<'_>) {
    for (index, &choice) in choices.iter().enumerate() {
        list.set(length(index), slate.name(choice).unwrap_or_default());
    }
}

fn write_numbers(
    numbers: impl IntoIterator<Item = u64>,
    mut list: primitive_list::Builder<'_, u64>,
) {
    for (index, number) in numbers.into_iter().enumerate() {
        list.set(length(index), number);
    }
}

fn write_round(
    slate: &Slate,
    round: &Round,
    before: Option<&Round>,
    mut builder: round::Builder<'_>,
) {
    let (step, from, surplus) = match round.step {
        Step::First => (wire::Step::First, None, Votes::ZERO),
        Step::Surplus { from, surplus } => (wire::Step::Surplus, Some(from), surplus),
        Step::Exclusion { from } => (wire::Step::Exclusion, Some(from), Votes::ZERO),
        Step::Remaining => (wire::Step::Remaining, None, Votes::ZERO),
    };
    builder.set_step(step);
    builder.set_from(from.and_then(|from| slate.name(from)).unwrap_or_default());
    builder.set_surplus(surplus.billionths());
    let votes = round.votes.iter().map(|votes| votes.billionths());
    write_numbers(votes, builder.reborrow().init_votes(length(round.votes.len())));
    let mut statuses = builder.reborrow().init_statuses(length(round.status.len()));
    for (index, &status) in round.status.iter().enumerate() {
        statuses.set(length(index), status.into());
    }
    let elected = &round.elected;
    write_choices(slate, elected, builder.reborrow().init_elected(length(elected.len())));
    builder.set_needed(round.needed.billionths());
    builder.set_exhausted(round.exhausted.billionths());
    builder.set_lost(round.lost.billionths());
    builder.set_empty(round.empty);
    let mut lots = builder.reborrow().init_lots(length(round.lots.len()));
    for (index, &lot) in round.lots.iter().enumerate() {
        lots.set(length(index), u16::try_from(lot).unwrap_or(u16::MAX));
    }
    builder.set_words(sentence(round, before, slate).as_str());
}

fn write_pairs(slate: &Slate, pairs: &Pairs, mut builder: pairs::Builder<'_>) {
    let mut rows = builder.reborrow().init_preferred(length(pairs.preferred.len()));
    for (index, row) in pairs.preferred.iter().enumerate() {
        let list = rows.reborrow().init(length(index), length(row.len()));
        write_numbers(row.iter().copied(), list);
    }
    let mut rows = builder.reborrow().init_paths(length(pairs.paths.len()));
    for (index, row) in pairs.paths.iter().enumerate() {
        let mut list = rows.reborrow().init(length(index), length(row.len()));
        for (index, strength) in row.iter().enumerate() {
            let mut builder = list.reborrow().get(length(index));
            if let Some(Strength { wins, against }) = strength {
                builder.set_wins(*wins);
                builder.set_against(*against);
            }
        }
    }
    let dropped = &pairs.dropped;
    write_choices(slate, dropped, builder.reborrow().init_dropped(length(dropped.len())));
    let mut places = builder.init_places(length(pairs.places.len()));
    for (index, place) in pairs.places.iter().enumerate() {
        write_choices(slate, place, places.reborrow().init(length(index), length(place.len())));
    }
}

fn write_lot(slate: &Slate, lot: &Lot, mut builder: lot::Builder<'_>) {
    let (decided, seats) = match lot.decided {
        LotUse::Seats { seats } => (wire::LotUse::Seats, seats),
        LotUse::Surplus => (wire::LotUse::Surplus, 0),
        LotUse::Exclusion => (wire::LotUse::Exclusion, 0),
    };
    builder.set_decided(decided);
    builder.set_seats(seats);
    write_choices(slate, &lot.order, builder.init_order(length(lot.order.len())));
}

impl Counted {
    /// Reads a count.
    ///
    /// # Errors
    /// If it is malformed, or has something that only a newer server knows.
    pub(crate) fn read(reader: count::Reader<'_>) -> Result<Self, Error> {
        let slate = Slate::new(read_names(reader.get_candidates()?)?);
        let slate = slate.map_err(|error| Error::failed(error.to_string()))?;
        let rounds = reader.get_rounds()?.iter();
        let lots = reader.get_lots()?.iter();
        let count = Count {
            elected: read_choices(&slate, reader.get_elected()?)?,
            verdict: reader.get_verdict()?.try_into()?,
            wholes: Wholes {
                marked: reader.get_marked(),
                ballots: reader.get_ballots(),
                roll: reader.get_voters(),
            },
            rounds: rounds.map(|round| read_round(&slate, round)).collect::<Result<_, _>>()?,
            pairs: match reader.has_pairs() {
                true => Some(read_pairs(&slate, reader.get_pairs()?)?),
                false => None,
            },
            lots: lots.map(|lot| read_lot(&slate, lot)).collect::<Result<_, _>>()?,
        };
        let lots = 0..count.lots.len();
        if count.rounds.iter().flat_map(|round| &round.lots).any(|lot| !lots.contains(lot)) {
            return Err(malformed("a round has a lot that was not drawn"));
        }
        Ok(Self { slate, count })
    }
}

fn malformed(why: &str) -> Error {
    Error::failed(format!("the count is malformed: {why}"))
}

fn read_choice(slate: &Slate, name: capnp::text::Reader<'_>) -> Result<Choice, Error> {
    let name = name.to_str().ok().filter(|name| !name.is_empty());
    let choice = name.and_then(|name| slate.choice(name));
    choice.ok_or_else(|| malformed("it names somebody who is not on the slate"))
}

fn read_choices(slate: &Slate, names: text_list::Reader<'_>) -> Result<Vec<Choice>, Error> {
    names.iter().map(|name| read_choice(slate, name?)).collect()
}

/// Checks that a list has one entry for each name.
fn one_each<T>(slate: &Slate, list: Vec<T>) -> Result<Vec<T>, Error> {
    match list.len() == slate.names().len() {
        true => Ok(list),
        false => Err(malformed("a list has not one entry for each name")),
    }
}

fn read_round(slate: &Slate, round: round::Reader<'_>) -> Result<Round, Error> {
    let votes = Votes::from_billionths;
    let from = || read_choice(slate, round.get_from()?);
    let step = match round.get_step()? {
        wire::Step::First => Step::First,
        wire::Step::Surplus => Step::Surplus { from: from()?, surplus: votes(round.get_surplus()) },
        wire::Step::Exclusion => Step::Exclusion { from: from()? },
        wire::Step::Remaining => Step::Remaining,
        wire::Step::Unspecified => return Err(malformed("nothing was done in a round")),
    };
    let statuses = round.get_statuses()?;
    let statuses = statuses.iter().map(|status| Status::try_from(status?));
    Ok(Round {
        step,
        votes: one_each(slate, round.get_votes()?.iter().map(votes).collect())?,
        status: one_each(slate, statuses.collect::<Result<_, _>>()?)?,
        elected: read_choices(slate, round.get_elected()?)?,
        needed: votes(round.get_needed()),
        exhausted: votes(round.get_exhausted()),
        lost: votes(round.get_lost()),
        empty: round.get_empty(),
        lots: round.get_lots()?.iter().map(usize::from).collect(),
    })
}

fn read_pairs(slate: &Slate, pairs: pairs::Reader<'_>) -> Result<Pairs, Error> {
    let mut preferred = Vec::new();
    for row in pairs.get_preferred()?.iter() {
        preferred.push(one_each(slate, row?.iter().collect())?);
    }
    let mut paths = Vec::new();
    for row in pairs.get_paths()?.iter() {
        paths.push(one_each(slate, read_strengths(row?))?);
    }
    let mut places = Vec::new();
    for place in pairs.get_places()?.iter() {
        places.push(read_choices(slate, place?)?);
    }
    Ok(Pairs {
        preferred: one_each(slate, preferred)?,
        paths: one_each(slate, paths)?,
        dropped: read_choices(slate, pairs.get_dropped()?)?,
        places,
    })
}

fn read_strengths(row: struct_list::Reader<'_, wire::strength::Owned>) -> Vec<Option<Strength>> {
    let strengths = row
        .iter()
        .map(|strength| Strength { wins: strength.get_wins(), against: strength.get_against() });
    strengths.map(|strength| (strength.wins > 0).then_some(strength)).collect()
}

fn read_lot(slate: &Slate, lot: lot::Reader<'_>) -> Result<Lot, Error> {
    let decided = match lot.get_decided()? {
        wire::LotUse::Seats => LotUse::Seats { seats: lot.get_seats() },
        wire::LotUse::Surplus => LotUse::Surplus,
        wire::LotUse::Exclusion => LotUse::Exclusion,
        wire::LotUse::Unspecified => return Err(malformed("a lot decided nothing")),
    };
    Ok(Lot { order: read_choices(slate, lot.get_order()?)?, decided })
}

impl Verdict {
    /// The verdict of results. `None` before the close, and for one that only a newer server knows.
    pub(crate) fn read(verdict: Result<wire::Verdict, capnp::NotInSchema>) -> Option<Self> {
        verdict.ok().and_then(|verdict| verdict.try_into().ok())
    }
}

#[cfg(test)]
mod tests {
    use capnp::message::Builder;

    use super::*;

    fn slate() -> Slate {
        Slate::new(["Ada", "Grace", "Edsger"].map(String::from).to_vec()).unwrap()
    }

    fn choices<const N: usize>(indexes: [usize; N]) -> Vec<Choice> {
        indexes.map(|index| Choice::from_index(index).unwrap()).to_vec()
    }

    /// A count with something in every field.
    fn counted() -> Count {
        let [ada, grace, edsger] = choices([0, 1, 2])[..] else { panic!() };
        let round = |step| Round {
            step,
            votes: vec![Votes::whole(3), Votes::from_billionths(1_500_000_000), Votes::ZERO],
            status: vec![Status::Elected, Status::Continuing, Status::Excluded],
            elected: vec![ada],
            needed: Votes::whole(2),
            exhausted: Votes::from_billionths(5),
            lost: Votes::from_billionths(6),
            empty: 1,
            lots: vec![1],
        };
        let strength = |wins| Some(Strength { wins, against: 1 });
        Count {
            elected: vec![grace, ada],
            verdict: Verdict::Vacant,
            wholes: Wholes { marked: 7, ballots: 8, roll: 9 },
            rounds: [
                Step::First,
                Step::Surplus { from: ada, surplus: Votes::whole(1) },
                Step::Exclusion { from: edsger },
                Step::Remaining,
            ]
            .map(round)
            .to_vec(),
            pairs: Some(Pairs {
                preferred: vec![vec![0, 1, 2], vec![3, 0, 4], vec![5, 6, 0]],
                paths: vec![vec![None, strength(2), None]; 3],
                dropped: vec![edsger],
                places: vec![vec![ada, grace], vec![edsger]],
            }),
            lots: vec![
                Lot { order: vec![grace, ada], decided: LotUse::Seats { seats: 1 } },
                Lot { order: vec![ada, grace], decided: LotUse::Surplus },
                Lot { order: vec![edsger, ada], decided: LotUse::Exclusion },
            ],
        }
    }

    #[test]
    fn a_count_reads_back_as_it_was_written() {
        let (slate, count) = (slate(), counted());
        let mut message = Builder::new_default();
        write_count(&slate, &count, message.init_root());
        let written = message.get_segments_for_output().iter().map(|it| it.len()).sum::<usize>();
        assert!(written <= count_bytes(&slate, &count), "{written}");
        let read = Counted::read(message.get_root_as_reader().unwrap()).unwrap();
        assert_eq!(read, Counted { slate, count });
    }

    #[test]
    fn what_is_no_count_is_an_error() {
        let (slate, count) = (slate(), counted());
        type Change = fn(count::Builder<'_>);
        let changes: [Change; 5] = [
            |mut count| count.set_verdict(wire::Verdict::Unspecified),
            |count| count.get_elected().unwrap().set(0, "Zoe"),
            |count| count.get_rounds().unwrap().get(0).set_step(wire::Step::Unspecified),
            |count| count.get_rounds().unwrap().get(0).init_votes(2).set(0, 1),
            |count| count.get_rounds().unwrap().get(0).get_lots().unwrap().set(0, 3),
        ];
        for change in changes {
            let mut message = Builder::new_default();
            write_count(&slate, &count, message.init_root());
            change(message.get_root().unwrap());
            assert!(Counted::read(message.get_root_as_reader().unwrap()).is_err());
        }
    }
}
