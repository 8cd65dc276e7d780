//! CSV files of voter numbers or people: they are read or refused, and the numbers written for
//! people can be read back.

use std::collections::HashSet;

use capvote::election::VoterNumber;

use crate::people::{People, Reading};
use crate::roll::{RollFile, numbers};
use crate::scratch;

/// Inputs with more people than this are skipped to save time.
const PEOPLE_MAX: u32 = 1_000;

/// Above the numbers that inputs are likely to have.
const FIRST_NUMBER: u64 = 1 << 60;

pub(crate) fn run(input: &[u8]) {
    let folder = scratch();
    let (roll, letters) = (folder.path().join("roll.csv"), folder.path().join("letters.csv"));
    std::fs::write(&roll, input).expect("a file");
    let _ = numbers(&roll);
    let reading = Reading { roll: &roll, letters: None, heading: true, allow_duplicates: true };
    let Ok(people) = People::read(reading) else { return };
    let Ok(count @ 0..=PEOPLE_MAX) = people.missing() else { return };
    let had = people.kept;
    let issued: Vec<_> =
        (FIRST_NUMBER..).take(count as usize).map(VoterNumber::from).collect();
    let mut file = RollFile::create(&letters, people).expect("a new file");
    let kept = file.keep(&issued).and_then(|()| file.keep(&[]));
    kept.unwrap_or_else(|error| panic!("no numbers for people that were read: {error}"));
    match numbers(&letters) {
        Ok(again) => {
            assert_eq!(again.len() as u64, had + u64::from(count));
            let again: HashSet<_> = again.into_iter().map(VoterNumber::get).collect();
            assert!(issued.iter().all(|number| again.contains(&number.get())));
        }
        Err(error) => panic!("the letters cannot be read: {error:?}"),
    }
}
