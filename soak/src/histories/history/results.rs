//! Results that were seen, and counts: what they show, and that they do not go down.

use capvote::client::{Counted, Results};
use capvote::election::{Count, Definition, LIVE_BATCH_BALLOTS, Method, Publication, ResultStatus};

use super::History;
use super::course::Votes;

/// A lower bound on results, taken when they are asked for.
pub(in super::super) struct LowerBound {
    at_least: Votes,
    turnout: u64,
    after_close: bool,
}

impl History {
    /// The least that results of an election asked for at this moment have to show.
    pub(in super::super) fn lower_bound(&self, election: usize) -> LowerBound {
        let course = &self.elections[election];
        let (at_least, turnout) = (course.highest.clone(), self.recorded(election).len() as u64);
        LowerBound { at_least, turnout, after_close: course.closed.is_some() }
    }

    /// A call for the results was answered. `bound` was taken before the call.
    pub(in super::super) fn results(
        &mut self,
        election: usize,
        bound: &LowerBound,
        results: &Results,
    ) {
        let (name, votes) = (self.name(election).to_string(), self.votes_of(election, results));
        self.log(format!("results of {name} {votes:?}, {:?}", results.status));
        let before = &bound.at_least;
        let fell = votes.iter().zip(before).any(|(now, before)| now < before);
        self.check(!fell, || format!("a count of {votes:?} in {name}, and {before:?} before"));
        let (turnout, recorded) = (results.ballots, bound.turnout);
        self.check(turnout >= recorded, || {
            format!("a turnout of {turnout} in {name}, and {recorded} were recorded before")
        });
        if bound.after_close {
            // The count is final: results that were answered meanwhile cannot be higher.
            let highest = self.elections[election].highest.clone();
            let higher = highest.iter().zip(&votes).any(|(highest, now)| highest > now);
            self.check(!higher, || {
                format!("a count of {votes:?} in {name} after the close, {highest:?} before")
            });
        }
        self.seen(election, results, &votes);
    }

    /// An observer was called with results. They may be older than the last answer to a call.
    pub(in super::super) fn pushed(&mut self, election: usize, results: &Results) {
        let (name, votes) = (self.name(election).to_string(), self.votes_of(election, results));
        self.log(format!("pushed of {name} {votes:?}, {:?}", results.status));
        self.seen(election, results, &votes);
    }

    /// Notes results.
    fn seen(&mut self, election: usize, results: &Results, votes: &[u64]) {
        self.check_published(election, results, votes);
        let course = &mut self.elections[election];
        course.turnout = course.turnout.max(results.ballots);
        course.highest.iter_mut().zip(votes).for_each(|(most, now)| *most = (*most).max(*now));
        if results.status == Some(ResultStatus::Final) {
            self.found_closed(election);
        }
    }

    /// Until the close, a live count has whole batches, and leaves out one batch to two; a sealed
    /// one has nothing, and nobody is elected.
    fn check_published(&mut self, election: usize, results: &Results, votes: &[u64]) {
        let definition = self.definition(election);
        let name = definition.id.as_str();
        let (turnout, batch) = (results.ballots, LIVE_BATCH_BALLOTS as u64);
        let is_final = results.status == Some(ResultStatus::Final);
        let (status, ballots) = match definition.publication {
            _ if is_final => (ResultStatus::Final, turnout),
            Publication::Live => {
                (ResultStatus::Provisional, (turnout / batch).saturating_sub(1) * batch)
            }
            Publication::Sealed => (ResultStatus::Sealed, 0),
        };
        let found = results.status;
        self.check(found == Some(status), || format!("the results of {name} are {found:?}"));
        let shown = is_of(&definition, votes, ballots);
        self.check(shown, || format!("{votes:?} of {turnout} are published in {name}"));
        let decided = !results.elected.is_empty() || results.verdict.is_some();
        self.check(is_final || !decided, || format!("{name} has a result before its close"));
        self.check(!is_final || results.verdict.is_some(), || format!("{name} has no verdict"));
    }

    /// How a result came about was answered.
    pub(in super::super) fn counted(&mut self, election: usize, counted: &Counted) {
        let definition = self.definition(election);
        let name = definition.id.as_str();
        self.log(format!("{name} was counted: {:?}", counted.count.verdict));
        self.found_closed(election);
        let slate = counted.slate.names() == definition.slate.names();
        self.check(slate, || format!("the count of {name} is about another slate"));
        self.check_count(election, &counted.count);
    }

    /// Checks a count against the first answer.
    pub(in super::super) fn check_count(&mut self, election: usize, count: &Count) {
        let name = self.name(election).to_string();
        let before = self.elections[election].count.get_or_insert_with(|| count.clone());
        if before != count {
            let what = format!("{name} was counted as {count:?}, and before as {before:?}");
            self.violated(what);
        }
    }

    /// The count was refused because the election is not closed. `after_close`: its close had been
    /// answered before the call.
    pub(in super::super) fn not_counted(&mut self, election: usize, after_close: bool) {
        let name = self.name(election).to_string();
        self.check(!after_close, || format!("{name} is closed and has no count"));
    }

    fn votes_of(&self, election: usize, results: &Results) -> Votes {
        let names = self.elections[election].definition.slate.names().iter();
        let votes = |name: &String| results.candidates.iter().find(|(it, _)| it == name);
        let votes = names.map(|name| votes(name).map_or(0, |(_, votes)| *votes));
        votes.chain([results.blank]).collect()
    }
}

/// Whether these votes, the blank ballots last, can be those of so many ballots.
fn is_of(definition: &Definition, votes: &[u64], ballots: u64) -> bool {
    let (all, rules) = (votes.iter().sum::<u64>(), &definition.rules);
    match rules.method {
        _ if rules.has_one_mark() => all == ballots,
        // First preferences.
        Method::Transferable => all == ballots,
        Method::Plurality | Method::Schulze => {
            let most = ballots * u64::from(rules.marks);
            (ballots..=most).contains(&all) && votes.iter().all(|votes| *votes <= ballots)
        }
    }
}
