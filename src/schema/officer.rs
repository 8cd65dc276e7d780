//! `ElectionSpec`: written from a [`Definition`], and read as one.

use capnp::Error;

use super::rules::{read_new_rules, write_rules};
use super::values::{length, read_names, read_text, read_time, write_names, write_time};
use crate::election::{
    CANDIDATES_MAX, Definition, ElectionId, InvalidSlate, Publication, Rules, Schedule,
};
use crate::schema::election_capnp as wire;
use crate::schema::officer_capnp::election_spec;

pub(crate) fn write_spec(definition: &Definition, mut spec: election_spec::Builder<'_>) {
    spec.set_id(definition.id.as_str());
    spec.set_title(definition.title.as_str());
    spec.set_publication(definition.publication.into());
    spec.set_blank(definition.slate.blank().is_some());
    spec.set_opens(write_time(definition.schedule.opens));
    spec.set_closes(write_time(definition.schedule.closes));
    if definition.rules != Rules::default() {
        write_rules(&definition.rules, spec.reborrow().init_rules());
    }
    if let Some(roll) = &definition.roll {
        spec.set_roll(roll.as_str());
    }
    let names = definition.slate.names();
    write_names(names, spec.init_candidates(length(names.len())));
}

/// Reads a definition, or why it is refused.
///
/// # Errors
/// If the message is malformed, or a text is not UTF-8.
pub(crate) fn read_spec(
    spec: election_spec::Reader<'_>,
) -> Result<Result<Definition, String>, Error> {
    let id = read_text(spec.get_id()?)?;
    let title = read_text(spec.get_title()?)?;
    let names = spec.get_candidates()?;
    // Before anything is allocated for the names.
    if names.len() as usize > CANDIDATES_MAX {
        return Ok(Err(InvalidSlate::TooMany(names.len() as usize).to_string()));
    }
    let candidates = read_names(names)?;
    let publication = match spec.get_publication()? {
        // Of a client that does not say, or cannot.
        wire::Publication::Unspecified => Publication::default(),
        publication => publication.try_into()?,
    };
    let schedule =
        Schedule { opens: read_time(spec.get_opens()), closes: read_time(spec.get_closes()) };
    let rules = match spec.has_rules() {
        true => read_new_rules(spec.get_rules()?, candidates.len())?,
        false => Some(Rules::default()),
    };
    let Some(rules) = rules else {
        let why = "this server does not count by these rules: they are of a newer version";
        return Ok(Err(why.into()));
    };
    let roll = read_text(spec.get_roll()?)?;
    let roll = if roll.is_empty() { Ok(None) } else { roll.parse::<ElectionId>().map(Some) };
    let (id, roll) = match (id.parse::<ElectionId>(), roll) {
        (Ok(id), Ok(roll)) => (id, roll),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error.to_string())),
    };
    let definition = Definition::new(id, title, candidates)
        .map(|it| it.with_publication(publication).with_blank(spec.get_blank()).with_roll(roll))
        .and_then(|it| it.with_rules(rules)?.with_schedule(schedule));
    Ok(definition.map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::{Method, Timestamp};

    #[test]
    fn a_definition_reads_back_as_it_was_written() {
        let names = vec!["Ada".to_string(), "Grace".to_string()];
        let plain = Definition::new("board".parse().unwrap(), "The board".into(), names).unwrap();
        let schedule = Schedule { opens: Some(Timestamp(5)), closes: None };
        let special = plain.clone().with_blank(true).with_publication(Publication::Live);
        let ranked = Rules { method: Method::Schulze, marks: 2, none: true, ..Rules::default() };
        let ranked = plain.clone().with_rules(ranked).unwrap();
        let shared = ranked.with_roll(Some("members".parse().unwrap()));
        for definition in [plain, special.with_schedule(schedule).unwrap(), shared] {
            let mut message = capnp::message::Builder::new_default();
            write_spec(&definition, message.init_root());
            let read = read_spec(message.get_root_as_reader().unwrap()).unwrap();
            assert_eq!(read, Ok(definition));
        }
    }

    #[test]
    fn an_election_is_sealed_unless_its_definition_says_otherwise() {
        let mut message = capnp::message::Builder::new_default();
        let mut spec = message.init_root::<election_spec::Builder<'_>>();
        spec.set_id("board");
        spec.init_candidates(1).set(0, "Ada");
        let read = read_spec(message.get_root_as_reader().unwrap()).unwrap().unwrap();
        assert_eq!(read.publication, Publication::Sealed);
    }
}
