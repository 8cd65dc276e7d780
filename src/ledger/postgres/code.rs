//! The bytes of what is stored: integers are little-endian, and texts stand behind their length.

use std::collections::VecDeque;
use std::str::FromStr;

use crate::election::{
    Ballot, Definition, Grant, GrantId, Method, Nonce, OwnBallot, Publication, Role, Rules,
    Schedule, Tally, Timestamp, TokenHash, Uses,
};
use crate::ledger::moving::{ElectionOrigin, Origins, PastEpoch};

/// Bytes that are read from the front. Every method is `None` where they are cut short or invalid.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// A length, of things that have at least a byte each.
    pub(super) fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        (length <= self.0.len()).then_some(length)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    fn parsed<T: FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Some(None) }
    }

    /// The value, if nothing is left.
    pub(super) fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// Appends a length.
pub(super) fn put_length(length: usize, into: &mut Vec<u8>) {
    into.extend((length as u32).to_le_bytes());
}

/// Appends whether there is a value, and the value.
pub(super) fn put_option<T>(value: Option<T>, into: &mut Vec<u8>, put: fn(T, &mut Vec<u8>)) {
    into.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(value, into);
    }
}

pub(super) fn put_u64(value: u64, into: &mut Vec<u8>) {
    into.extend(value.to_le_bytes());
}

fn put_text(text: &str, into: &mut Vec<u8>) {
    put_length(text.len(), into);
    into.extend(text.as_bytes());
}

const METHODS: [Method; 3] = [Method::Plurality, Method::Transferable, Method::Schulze];

/// Appends a definition.
pub(super) fn put_definition(definition: &Definition, into: &mut Vec<u8>) {
    let Definition { id, title, slate, publication, schedule, rules, roll } = definition;
    put_text(id.as_str(), into);
    put_text(title, into);
    put_length(slate.names().len(), into);
    slate.names().iter().for_each(|name| put_text(name, into));
    into.push(u8::from(slate.blank().is_some()));
    into.push(u8::from(*publication == Publication::Sealed));
    for moment in [schedule.opens, schedule.closes] {
        put_option(moment, into, |moment, into| put_u64(moment.0, into));
    }
    put_option(roll.as_ref(), into, |roll, into| put_text(roll.as_str(), into));
    let method = METHODS.iter().position(|method| *method == rules.method);
    into.push(method.unwrap_or_default() as u8);
    into.extend(rules.seats.to_le_bytes());
    into.extend(rules.marks.to_le_bytes());
    for share in [rules.majority, rules.quorum] {
        put_option(share, into, |share, into| put_text(&share.to_string(), into));
    }
    into.push(u8::from(rules.none));
}

/// Reads a definition.
pub(super) fn definition(bytes: &mut Reader<'_>) -> Option<Definition> {
    let id = bytes.parsed()?;
    let title = bytes.text()?.to_owned();
    let names = bytes.length()?;
    let names = (0..names).map(|_| bytes.text().map(str::to_owned)).collect::<Option<_>>()?;
    let (blank, sealed) = (bytes.bool()?, bytes.bool()?);
    let mut moment = || bytes.option(Reader::u64).map(|moment| moment.map(Timestamp));
    let schedule = Schedule { opens: moment()?, closes: moment()? };
    let roll = bytes.option(Reader::parsed)?;
    let method = *METHODS.get(usize::from(bytes.byte()?))?;
    let (seats, marks) = (bytes.u16()?, bytes.u16()?);
    let majority = bytes.option(Reader::parsed)?;
    let quorum = bytes.option(Reader::parsed)?;
    let rules = Rules { method, seats, marks, majority, quorum, none: bytes.bool()? };
    let publication = if sealed { Publication::Sealed } else { Publication::Live };
    let definition = Definition::new(id, title, names).ok()?.with_blank(blank);
    let definition = definition.with_publication(publication).with_roll(roll);
    definition.with_rules(rules).ok()?.with_schedule(schedule).ok()
}

/// Appends a grant.
pub(super) fn put_grant(grant: &Grant, into: &mut Vec<u8>) {
    put_u64(grant.id.0, into);
    put_option(grant.parent, into, |parent, into| put_u64(parent.0, into));
    into.push(match grant.role {
        Role::ReturningOfficer => 1,
        Role::Administration(_) => 2,
        Role::Registrar(_) => 3,
        Role::Auditor(_) => 4,
    });
    put_option(grant.role.election(), into, |id, into| put_text(id.as_str(), into));
    into.extend(grant.token.as_bytes());
    into.push(match grant.uses {
        Uses::Any => 0,
        Uses::Once => 1,
        Uses::Spent => 2,
    });
}

/// Reads a grant.
pub(super) fn grant(bytes: &mut Reader<'_>) -> Option<Grant> {
    let id = GrantId(bytes.u64()?);
    let parent = bytes.option(Reader::u64)?.map(GrantId);
    let role = bytes.byte()?;
    let role = match (role, bytes.option(Reader::parsed)?) {
        (1, None) => Role::ReturningOfficer,
        (2, Some(election)) => Role::Administration(election),
        (3, Some(election)) => Role::Registrar(election),
        (4, Some(election)) => Role::Auditor(election),
        _ => return None,
    };
    let token = TokenHash::from(bytes.array::<32>()?);
    let uses = match bytes.byte()? {
        0 => Uses::Any,
        1 => Uses::Once,
        2 => Uses::Spent,
        _ => return None,
    };
    Some(Grant { id, parent, role, token, uses })
}

/// Appends where a ledger was before.
pub(super) fn put_origins(origins: &Origins, into: &mut Vec<u8>) {
    let Origins { epochs, elections } = origins;
    put_length(epochs.len(), into);
    for PastEpoch { epoch, begun, taken } in epochs {
        put_u64(*epoch, into);
        put_u64(begun.0, into);
        put_option(*taken, into, |taken, into| put_u64(taken.0, into));
    }
    put_length(elections.len(), into);
    for ElectionOrigin { id, head, restored } in elections {
        put_text(id.as_str(), into);
        into.extend(head);
        put_option(*restored, into, put_u64);
    }
}

/// Reads where a ledger was before.
pub(super) fn origins(bytes: &mut Reader<'_>) -> Option<Origins> {
    let epochs = bytes.length()?;
    let mut epoch = || {
        let (epoch, begun) = (bytes.u64()?, Timestamp(bytes.u64()?));
        let taken = bytes.option(Reader::u64)?.map(Timestamp);
        Some(PastEpoch { epoch, begun, taken })
    };
    let epochs = (0..epochs).map(|_| epoch()).collect::<Option<_>>()?;
    let elections = bytes.length()?;
    let mut election = || {
        let (id, head) = (bytes.parsed()?, bytes.array()?);
        Some(ElectionOrigin { id, head, restored: bytes.option(Reader::u64)? })
    };
    let elections = (0..elections).map(|_| election()).collect::<Option<_>>()?;
    Some(Origins { epochs, elections })
}

/// Appends a ballot and its nonce.
pub(super) fn put_ballot((ballot, nonce): &OwnBallot, rules: &Rules, into: &mut Vec<u8>) {
    ballot.store(rules, into);
    into.extend(nonce.as_bytes());
}

/// Reads a ballot and its nonce.
pub(super) fn ballot(bytes: &mut Reader<'_>, of: &Definition) -> Option<OwnBallot> {
    let Definition { slate, rules, .. } = of;
    let stored = bytes.bytes(Ballot::stored_bytes(slate, rules))?;
    let ballot = Ballot::from_stored(slate, rules, stored)?;
    Some((ballot, Nonce::from(bytes.array::<16>()?)))
}

/// Appends a tally.
pub(super) fn put_tally(tally: &Tally, of: &Definition, into: &mut Vec<u8>) {
    put_u64(tally.settled(), into);
    put_length(tally.votes().len(), into);
    tally.votes().iter().for_each(|&votes| put_u64(votes, into));
    put_length(tally.recent().count(), into);
    tally.recent().for_each(|recent| put_ballot(recent, &of.rules, into));
}

/// Reads a tally.
pub(super) fn tally(bytes: &[u8], of: &Definition) -> Option<Tally> {
    let mut bytes = Reader(bytes);
    let settled = bytes.u64()?;
    let choices = bytes.length().filter(|&choices| choices == of.slate.choices())?;
    let votes = (0..choices).map(|_| bytes.u64()).collect::<Option<_>>()?;
    let recent = bytes.length()?;
    let recent = (0..recent).map(|_| ballot(&mut bytes, of)).collect::<Option<VecDeque<_>>>()?;
    bytes.end(Tally::stored(votes, settled, recent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Choice;

    fn board() -> Definition {
        let names = ["Ada", "Grace", "Edsger"].map(String::from).to_vec();
        let definition = Definition::new("board".parse().unwrap(), "The board".into(), names);
        let rules = Rules {
            method: Method::Transferable,
            seats: 2,
            marks: 3,
            quorum: Some(">=1/2 of roll".parse().unwrap()),
            ..Rules::default()
        };
        let schedule = Schedule { opens: Some(Timestamp(5)), closes: None };
        let definition = definition.unwrap().with_blank(true).with_rules(rules).unwrap();
        definition.with_schedule(schedule).unwrap().with_roll(Some("roll".parse().unwrap()))
    }

    #[test]
    fn definitions_and_grants_read_back_and_cut_ones_do_not() {
        let definition = board();
        let mut bytes = Vec::new();
        put_definition(&definition, &mut bytes);
        assert_eq!(super::definition(&mut Reader(&bytes)), Some(definition));
        for length in 0..bytes.len() {
            assert_eq!(super::definition(&mut Reader(&bytes[..length])), None);
        }
        let grant = Grant {
            id: GrantId(u64::MAX),
            parent: Some(GrantId(3)),
            role: Role::Registrar("board".parse().unwrap()),
            token: TokenHash::from([9; 32]),
            uses: Uses::Once,
        };
        let mut bytes = Vec::new();
        put_grant(&grant, &mut bytes);
        assert_eq!(super::grant(&mut Reader(&bytes)), Some(grant));
        for length in 0..bytes.len() {
            assert_eq!(super::grant(&mut Reader(&bytes[..length])), None);
        }
    }

    #[test]
    fn a_tally_reads_back_with_its_recent_ballots() {
        let names = ["Ada", "Grace"].map(String::from).to_vec();
        let definition = Definition::new("board".parse().unwrap(), String::new(), names).unwrap();
        let mut tally = Tally::new(&definition.slate);
        for number in 0..25 {
            let choice = Choice::from_index(number % 2).unwrap();
            tally.add(choice.into(), Nonce::from([number as u8; 16]));
        }
        tally.publish(Publication::Live, crate::election::ElectionState::Open);
        let mut bytes = Vec::new();
        put_tally(&tally, &definition, &mut bytes);
        assert_eq!(super::tally(&bytes, &definition), Some(tally));
        assert_eq!(super::tally(&bytes[1..], &definition), None);
    }
}
