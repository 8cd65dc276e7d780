//! Whether the final tally sheet agrees with what was answered.

use std::collections::{HashMap, HashSet};

use capvote::election::Nonce;

use super::{Answer, CANDIDATES, History, Sheet, show};

impl History {
    /// Checks every answer against the final tally sheet.
    pub(in super::super) fn check_sheet(&mut self, sheet: &Sheet) {
        let mut found = Vec::new();
        let counted = self.check_lines(sheet, &mut found);
        self.check_answers(&counted, &mut found);
        let lines = |candidate: &&str| sheet.iter().filter(|(name, _)| name == candidate).count();
        let last: Vec<_> = CANDIDATES.iter().map(|candidate| lines(candidate) as u64).collect();
        if last.iter().zip(self.highest).any(|(last, highest)| *last < highest) {
            let highest = self.highest;
            found.push(format!("the sheet has {last:?}, and results had {highest:?} before"));
        }
        if (sheet.len() as u64) < self.turnout {
            let (lines, turnout) = (sheet.len(), self.turnout);
            found
                .push(format!("the sheet has {lines} ballots, and a turnout was {turnout} before"));
        }
        found.into_iter().for_each(|what| self.violated(what));
    }

    /// Checks that each line of the sheet is a ballot that was cast, and the only one of its
    /// number.
    fn check_lines(&self, sheet: &Sheet, found: &mut Vec<String>) -> Counted {
        let mut numbers = HashMap::new();
        let mut nonces = HashSet::new();
        for (candidate, nonce) in sheet {
            if !nonces.insert(*nonce) {
                found.push(format!("{nonce:?} is on the sheet twice"));
            }
            let ballots = self.attempts.iter().map(|attempt| &attempt.ballot);
            match ballots.into_iter().find(|ballot| ballot.nonce == *nonce) {
                Some(ballot) if ballot.candidate == *candidate => {
                    if let Some(other) = numbers.insert(ballot.number.get(), *nonce) {
                        let number = ballot.number.get();
                        found.push(format!("{number} has {nonce:?} and {other:?} on the sheet"));
                    }
                }
                Some(ballot) => found.push(format!("{} counts for {candidate}", show(ballot))),
                None => found.push(format!("{nonce:?} was never cast")),
            }
        }
        Counted { numbers, nonces }
    }

    /// Checks that the sheet agrees with the answer to each attempt.
    fn check_answers(&self, Counted { numbers, nonces }: &Counted, found: &mut Vec<String>) {
        for (index, attempt) in self.attempts.iter().enumerate() {
            let (ballot, nonce) = (show(&attempt.ballot), attempt.ballot.nonce);
            let number = attempt.ballot.number.get();
            let again = self.attempts.iter().filter(|it| it.ballot == attempt.ballot).count() > 1;
            match &attempt.answer {
                Answer::Recorded(_) if !nonces.contains(&nonce) => {
                    found.push(format!("{index} was recorded and is lost: {ballot}"));
                }
                Answer::AlreadyVoted if numbers.get(&number).is_none_or(|it| *it == nonce) => {
                    found.push(format!("{index} had already voted, but nothing counts: {ballot}"));
                }
                // While the clock was ahead it was late; sent again later, it was not.
                Answer::Closed if nonces.contains(&nonce) && !(again && self.steps > 0) => {
                    found.push(format!("{index} came after the close, but counts: {ballot}"));
                }
                Answer::NotRecorded(_) if nonces.contains(&nonce) && !again => {
                    found.push(format!("{index} was not stored, but counts: {ballot}"));
                }
                _ => {}
            }
        }
    }
}

/// The ballots on a sheet: the nonce of each number, and all nonces.
struct Counted {
    numbers: HashMap<u64, Nonce>,
    nonces: HashSet<Nonce>,
}
