//! `Rules`: written from and read as those of an election.

use capnp::Error;

use super::values::known;
use crate::election::{Method, Rules, Share};
use crate::schema::election_capnp::{self as wire, rules, share};

pub(crate) fn write_rules(rules: &Rules, mut builder: rules::Builder<'_>) {
    builder.set_method(rules.method.into());
    builder.set_seats(rules.seats);
    builder.set_marks(rules.marks);
    builder.set_none(rules.none);
    if let Some(majority) = &rules.majority {
        write_share(majority, builder.reborrow().init_majority());
    }
    if let Some(quorum) = &rules.quorum {
        write_share(quorum, builder.reborrow().init_quorum());
    }
}

/// Reads rules. `None` for those that only a newer peer knows.
pub(crate) fn read_rules(rules: rules::Reader<'_>) -> Result<Option<Rules>, Error> {
    let Some(method) = known(rules.get_method())? else { return Ok(None) };
    let majority = match rules.has_majority() {
        true => Some(read_share(rules.get_majority()?)?),
        false => None,
    };
    let quorum = match rules.has_quorum() {
        true => Some(read_share(rules.get_quorum()?)?),
        false => None,
    };
    // A share of something that only a newer peer knows.
    let (Some(majority), Some(quorum)) = (all_known(majority), all_known(quorum)) else {
        return Ok(None);
    };
    let (seats, marks, none) = (rules.get_seats(), rules.get_marks(), rules.get_none());
    Ok(Some(Rules { method, seats, marks, majority, quorum, none }))
}

/// Reads the rules of an election to be created with a slate of this many names, where 0 stands for
/// the usual number of seats or marks. `None` for those that only a newer peer knows.
pub(crate) fn read_new_rules(
    rules: rules::Reader<'_>,
    names: usize,
) -> Result<Option<Rules>, Error> {
    let Some(rules) = read_rules(rules)? else { return Ok(None) };
    let seats = if rules.seats == 0 { 1 } else { rules.seats };
    let marks = match (rules.marks, rules.method) {
        (0, Method::Plurality) => seats,
        (0, Method::Transferable | Method::Schulze) => u16::try_from(names).unwrap_or(u16::MAX),
        (marks, _) => marks,
    };
    Ok(Some(Rules { seats, marks, ..rules }))
}

/// The share, if there is one, or `None` if it is not known.
fn all_known(share: Option<Option<Share>>) -> Option<Option<Share>> {
    match share {
        Some(share) => share.map(Some),
        None => Some(None),
    }
}

fn write_share(share: &Share, mut builder: share::Builder<'_>) {
    builder.set_numerator(share.numerator);
    builder.set_denominator(share.denominator);
    builder.set_at_least(share.at_least);
    builder.set_of(share.of.into());
}

fn read_share(share: share::Reader<'_>) -> Result<Option<Share>, Error> {
    let of = known::<wire::Whole, _>(share.get_of())?;
    Ok(of.map(|of| Share {
        numerator: share.get_numerator(),
        denominator: share.get_denominator(),
        at_least: share.get_at_least(),
        of,
    }))
}

#[cfg(test)]
mod tests {
    use capnp::message::Builder;

    use super::*;

    #[test]
    fn rules_read_back_as_they_were_written() {
        let share = |text: &str| Some(text.parse().unwrap());
        let plain = Rules::default();
        for rules in [
            plain,
            Rules { seats: 3, marks: 7, majority: share(">=50"), ..plain },
            Rules { majority: share(">1/2 of marked"), quorum: share(">=1/4 of roll"), ..plain },
            Rules { majority: share(">=2/3 of ballots"), ..plain },
            Rules { method: Method::Transferable, seats: 2, marks: 9, none: true, ..plain },
            Rules { method: Method::Schulze, marks: 100, quorum: share(">1"), ..plain },
        ] {
            let mut message = Builder::new_default();
            write_rules(&rules, message.init_root());
            let reader = message.get_root_as_reader::<rules::Reader<'_>>().unwrap();
            assert_eq!(read_rules(reader).unwrap(), Some(rules));
            assert_eq!(read_new_rules(reader, 100).unwrap(), Some(rules));
        }
    }

    #[test]
    fn who_does_not_say_how_many_seats_and_marks_gets_the_usual_ones() {
        for (method, seats, usual) in [
            (wire::Method::Unspecified, 0, (1, 1)),
            (wire::Method::Plurality, 3, (3, 3)),
            (wire::Method::Transferable, 2, (2, 7)),
            (wire::Method::Schulze, 0, (1, 7)),
        ] {
            let mut message = Builder::new_default();
            let mut builder = message.init_root::<rules::Builder<'_>>();
            builder.set_method(method);
            builder.set_seats(seats);
            let read = read_new_rules(message.get_root_as_reader().unwrap(), 7).unwrap().unwrap();
            assert_eq!((read.seats, read.marks), usual);
        }
    }

    #[test]
    fn a_share_of_nothing_is_an_error() {
        let mut message = Builder::new_default();
        message.init_root::<rules::Builder<'_>>().init_quorum();
        assert!(read_rules(message.get_root_as_reader().unwrap()).is_err());
    }
}
