//! What the elections of one ledger may take together.
//!
//! Each is checked when something is added, and not when a ledger is opened.

use super::ActRefusal;
use crate::election::{Definition, Role};

/// The most elections in one ledger.
pub const ELECTIONS_MAX: usize = 1_000;

/// The most voter numbers on the rolls of all elections of a ledger that are not closed, unless
/// [a server](crate::server::Config::voter_numbers_max) has its own bound. Each was measured to
/// take 16 to 26 bytes of memory, most where many issues made the roll.
pub const NUMBERS_MAX: usize = 150_000_000;

/// The most voter numbers that the links of one election put on its roll, those taken off again
/// included. The returning officer's link has no such limit.
pub const LINK_NUMBERS_MAX: u64 = 20_000_000;

/// The most bytes of all definitions of a ledger, as a message has them. The list of all elections
/// is one message.
pub const DEFINITION_BYTES_MAX: usize = 16 << 20;

/// Whether `added` numbers may join the rolls, which have `numbers` and may have `most`.
///
/// # Errors
/// [`ActRefusal::RollsFull`].
pub fn may_add_numbers(numbers: usize, added: usize, most: usize) -> Result<(), ActRefusal> {
    match numbers.checked_add(added) {
        Some(all) if all <= most => Ok(()),
        _ => Err(ActRefusal::RollsFull { numbers, most }),
    }
}

/// Whether `added` numbers may be issued under a link in this role, after `issued` by the links of
/// the election.
///
/// # Errors
/// [`ActRefusal::LinkNumbers`].
pub fn may_issue_under(role: Option<&Role>, issued: u64, added: u64) -> Result<(), ActRefusal> {
    match (role, issued.checked_add(added)) {
        (None | Some(Role::ReturningOfficer), _) => Ok(()),
        (Some(_), Some(all)) if all <= LINK_NUMBERS_MAX => Ok(()),
        (Some(_), _) => Err(ActRefusal::LinkNumbers(issued)),
    }
}

/// Whether an election may join those with these definitions.
///
/// # Errors
/// [`ActRefusal::TooManyElections`] and [`ActRefusal::DefinitionsFull`].
pub fn may_create<'a>(
    definitions: impl IntoIterator<Item = &'a Definition>,
    new: &Definition,
) -> Result<(), ActRefusal> {
    let (mut elections, mut bytes) = (0, new.message_bytes());
    for definition in definitions {
        elections += 1;
        bytes += definition.message_bytes();
    }
    if elections >= ELECTIONS_MAX {
        Err(ActRefusal::TooManyElections)
    } else if bytes > DEFINITION_BYTES_MAX {
        Err(ActRefusal::DefinitionsFull)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::CANDIDATES_MAX;

    #[test]
    fn four_rolls_of_a_national_election_do_not_fit_on_one_server() {
        let national = crate::election::VOTERS_MAX;
        let most = NUMBERS_MAX;
        may_add_numbers(0, national, most).unwrap();
        may_add_numbers(national, most - national, most).unwrap();
        let refused = may_add_numbers(national, national, most);
        assert_eq!(refused, Err(ActRefusal::RollsFull { numbers: national, most }));
        assert!(may_add_numbers(1, usize::MAX, most).is_err());
    }

    #[test]
    fn only_the_returning_officers_link_fills_a_national_roll() {
        let registrar = Role::Registrar("board".parse().unwrap());
        let issue = |role, issued, added| may_issue_under(role, issued, added);
        issue(Some(&registrar), LINK_NUMBERS_MAX - 1, 1).unwrap();
        let refused = Err(ActRefusal::LinkNumbers(LINK_NUMBERS_MAX));
        assert_eq!(issue(Some(&registrar), LINK_NUMBERS_MAX, 1), refused);
        for role in [None, Some(&Role::ReturningOfficer)] {
            issue(role, LINK_NUMBERS_MAX, u64::MAX).unwrap();
        }
    }

    #[test]
    fn all_definitions_fit_a_message() {
        let long = |name: usize| format!("{name:04}").repeat(64);
        let candidates = (0..CANDIDATES_MAX).map(long).collect();
        let largest =
            Definition::new("board".parse().unwrap(), "x".repeat(256), candidates).unwrap();
        let bytes = largest.message_bytes();
        assert!((256_000..300_000).contains(&bytes), "{bytes}");
        let fit = DEFINITION_BYTES_MAX / bytes;
        may_create(std::iter::repeat_n(&largest, fit - 1), &largest).unwrap();
        let refused = may_create(std::iter::repeat_n(&largest, fit), &largest);
        assert_eq!(refused, Err(ActRefusal::DefinitionsFull));
        let short = Definition::new("board".parse().unwrap(), String::new(), vec!["Ada".into()]);
        let short = short.unwrap();
        may_create(std::iter::repeat_n(&short, ELECTIONS_MAX - 1), &short).unwrap();
        let refused = may_create(std::iter::repeat_n(&short, ELECTIONS_MAX), &short);
        assert_eq!(refused, Err(ActRefusal::TooManyElections));
    }
}
