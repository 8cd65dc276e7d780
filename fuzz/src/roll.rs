//! CSV files of voter numbers or people: they are read or refused, and the numbers written for
//! people can be read back.

use capvote::election::VoterNumber;

use crate::client_roll::{People, RollFile, numbers};
use crate::scratch;

/// Inputs with more people than this are skipped to save time.
const PEOPLE_MAX: u32 = 1_000;

pub(crate) fn run(input: &[u8]) {
    let folder = scratch();
    let (roll, letters) = (folder.path().join("roll.csv"), folder.path().join("letters.csv"));
    std::fs::write(&roll, input).expect("a file");
    let _ = numbers(&roll);
    let Ok(people) = People::read(&roll) else { return };
    let Ok(count @ 0..=PEOPLE_MAX) = people.len() else { return };
    let issued: Vec<_> = (0..u64::from(count)).map(VoterNumber::from).collect();
    let mut file = RollFile::create(&letters, people).expect("a new file");
    let kept = file.keep(&issued).and_then(|()| file.keep(&[]));
    kept.unwrap_or_else(|error| panic!("no numbers for people that were read: {error}"));
    match numbers(&letters) {
        Ok(again) => assert_eq!(again, issued),
        Err(error) => panic!("the letters cannot be read: {error:?}"),
    }
}
