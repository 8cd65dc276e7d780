//! Whether a final tally sheet agrees with what was answered.

use std::collections::{HashMap, HashSet};

use super::super::elections::Kind;
use super::answers::{Answer, Attempt};
use super::{History, Line};

impl History {
    /// Checks every answer in an election against its final tally sheet.
    pub(in super::super) fn check_sheet(&mut self, election: usize, sheet: &[Line]) {
        let mut found = Vec::new();
        let counted = self.check_lines(election, sheet, &mut found);
        self.check_answers(election, &counted, &mut found);
        let course = &self.elections[election];
        let last = first_votes(sheet, course.definition.slate.names().len());
        if last.iter().zip(&course.highest).any(|(last, highest)| last < highest) {
            let highest = &course.highest;
            found.push(format!("the sheet has {last:?}, and results had {highest:?} before"));
        }
        if (sheet.len() as u64) < course.turnout {
            let (lines, turnout) = (sheet.len(), course.turnout);
            found
                .push(format!("the sheet has {lines} ballots, and a turnout was {turnout} before"));
        }
        let name = self.name(election).to_string();
        found.into_iter().for_each(|what| self.violated(format!("{name}: {what}")));
    }

    /// The attempts in an election.
    fn attempts_in(&self, election: usize) -> impl Iterator<Item = (usize, &Attempt)> {
        self.attempts.iter().enumerate().filter(move |(_, it)| it.cast.election == election)
    }

    /// Checks that each line of the sheet is a ballot that was cast, and the only one of its
    /// number.
    fn check_lines<'a>(
        &self,
        election: usize,
        sheet: &'a [Line],
        found: &mut Vec<String>,
    ) -> Counted<'a> {
        let mut numbers = HashMap::new();
        let mut lines = HashSet::new();
        for line in sheet {
            let (marks, nonce) = line;
            if !lines.insert(line) {
                found.push(format!("{line:?} is on the sheet twice"));
            }
            let cast = || self.attempts_in(election).map(|(_, it)| it);
            let valid = |it: &&Attempt| it.kind == Kind::Valid && it.cast.nonce == *nonce;
            match cast().filter(valid).find(|it| it.cast.marks == *marks) {
                Some(Attempt { cast, .. }) => {
                    if let Some(other) = numbers.insert(cast.number.get(), line) {
                        let number = cast.number.get();
                        found.push(format!("{number} has {line:?} and {other:?} on the sheet"));
                    }
                }
                None => match cast().find(|it| it.cast.nonce == *nonce) {
                    Some(it) => found.push(format!("{} counts as {marks:?}", self.show(&it.cast))),
                    None => found.push(format!("{line:?} was never cast")),
                },
            }
        }
        Counted { numbers, lines }
    }

    /// Checks that the sheet agrees with the answer to each attempt.
    fn check_answers(
        &self,
        election: usize,
        Counted { numbers, lines }: &Counted<'_>,
        found: &mut Vec<String>,
    ) {
        for (index, attempt) in self.attempts_in(election) {
            let shown = self.show(&attempt.cast);
            let line = &(attempt.cast.marks.clone(), attempt.cast.nonce);
            let number = attempt.cast.number.get();
            let again = self.attempts.iter().filter(|it| it.cast == attempt.cast).count() > 1;
            let counts = numbers.get(&number) == Some(&line);
            match &attempt.answer {
                Answer::Recorded(_) if !lines.contains(line) => {
                    found.push(format!("{index} was recorded and is lost: {shown}"));
                }
                Answer::AlreadyVoted if counts || !numbers.contains_key(&number) => {
                    found.push(format!("{index} had already voted, but nothing counts: {shown}"));
                }
                // While the clock was ahead it was late; sent again later, it was not.
                Answer::Closed if counts && !(again && self.steps > 0) => {
                    found.push(format!("{index} came after the close, but counts: {shown}"));
                }
                Answer::NotOpen if counts && !again => {
                    found.push(format!("{index} came before the opening, but counts: {shown}"));
                }
                Answer::NotRecorded(_) | Answer::NoElection if counts && !again => {
                    found.push(format!("{index} was not stored, but counts: {shown}"));
                }
                _ => {}
            }
        }
    }
}

/// The ballots on a sheet: that of each number, and all.
struct Counted<'a> {
    numbers: HashMap<u64, &'a Line>,
    lines: HashSet<&'a Line>,
}

/// How many lines have each name first, and how many are blank.
fn first_votes(sheet: &[Line], names: usize) -> Vec<u64> {
    let mut votes = vec![0; names + 1];
    for (marks, _) in sheet {
        match marks.is_empty() {
            true => votes[names] += 1,
            false => marks.iter().zip(&mut votes).for_each(|(mark, votes)| {
                *votes += u64::from(*mark == 1);
            }),
        }
    }
    votes
}
