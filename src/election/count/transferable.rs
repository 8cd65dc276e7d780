//! The single transferable vote, by the Scottish Local Government Elections Order 2011 (SSI
//! 2011/399), Schedule 1, rules 46 to 53. In the Order of 2007 they are the rules 45 to 52.
//!
//! The numbers of the rules stand above the lines that do what they say. What is not in the Order:
//!
//! - **Order of election.** Whoever is deemed elected at the end of the same stage stands in the
//!   order of their votes, and with equal votes in that of the slate.
//! - **The end of a stage.** Rule 53 is judged at the end of each stage. An exclusion and the
//!   transfer of the papers of whoever is excluded are one stage, as in published counts.
//! - **Equal votes of three and more.** Rules 50(2) and 52(2) look back for a stage at which the
//!   votes were unequal. Those who are still equal there are looked at in the stages before it.
//! - **The lot** is that of [`super::LotSeed`]: whoever is drawn first is favoured. Their surplus is
//!   transferred first, and whoever is drawn last is excluded.
//! - **No valid ballot**: nobody is elected.
//! - **Shared ranks** do not occur: [`Ballot::new`](super::super::Ballot::new) refuses them.
//!
//! **Reopen nominations.** With [`Rules::none`], the last name of the slate stands for an empty seat.
//! It is counted as students' unions in Britain do (the "Model ruling on RON and STV" of the
//! National Union of Students): as a candidate that can be elected more than once.
//!
//! - When its votes reach the quota, a seat stays empty for each quota that they contain. The
//!   surplus goes, by rule 49(3), to a further "reopen nominations", and so do papers that are
//!   transferred to it later. So it stays a continuing candidate; only what it has above its empty
//!   seats counts for that.
//! - It can be excluded, as any candidate: its papers go on, and the seats that it has taken stay
//!   empty.
//! - When as many continuing candidates are left as vacancies (rule 53) and it is one of them, that
//!   seat stays empty.

mod look_back;
mod papers;

use super::super::{Choice, Rules, Slate, Wholes};
use super::ballots::Kept;
use super::groups::Groups;
use super::{Ballots, Count, Lot, LotSeed, LotUse, Round, Status, Step, Verdict, Votes};
use look_back::{Sought, look_back};
use papers::{Paper, Value};

pub(super) fn count(
    slate: &Slate,
    rules: &Rules,
    ballots: &Ballots,
    wholes: Wholes,
    seed: &LotSeed,
) -> Count {
    let Kept::Orders(groups) = ballots.kept() else {
        return Count::nobody(Verdict::Vacant, wholes);
    };
    let mut counting = Counting::new(slate, rules, groups, wholes, seed);
    counting.first_stage();
    while counting.stage_ends() {
        match counting.next_surplus() {
            Some(name) => counting.transfer_surplus(name),
            None => counting.exclude(),
        }
    }
    counting.finish(wholes)
}

/// A count under way.
struct Counting<'a> {
    slate: &'a Slate,
    groups: &'a Groups,
    seed: &'a LotSeed,
    valid: u64,
    seats: usize,
    quota: Votes,
    /// "Reopen nominations".
    none: Option<Choice>,
    /// How many seats it has taken.
    empty: u16,
    /// The papers of each name of the slate, and below its votes and how it stands.
    papers: Vec<Vec<Paper>>,
    votes: Vec<Votes>,
    status: Vec<Status>,
    exhausted: Votes,
    lost: Votes,
    elected: Vec<Choice>,
    /// Those elected whose surplus is to be transferred.
    surpluses: Vec<Choice>,
    step: Step,
    rounds: Vec<Round>,
    lots: Vec<Lot>,
}

impl<'a> Counting<'a> {
    fn new(
        slate: &'a Slate,
        rules: &Rules,
        groups: &'a Groups,
        wholes: Wholes,
        seed: &'a LotSeed,
    ) -> Self {
        let names = slate.names().len();
        let seats = usize::from(rules.seats);
        // 47(1), (2): the valid papers divided by one more than the seats, decimals ignored, and
        // increased by one.
        let quota = Votes::whole(wholes.marked / (u64::from(rules.seats) + 1) + 1);
        let none =
            if rules.none { names.checked_sub(1).and_then(Choice::from_index) } else { None };
        Self {
            slate,
            groups,
            seed,
            valid: wholes.marked,
            seats,
            quota,
            none,
            empty: 0,
            papers: vec![Vec::new(); names],
            votes: vec![Votes::ZERO; names],
            status: vec![Status::Continuing; names],
            exhausted: Votes::ZERO,
            lost: Votes::ZERO,
            elected: Vec::new(),
            surpluses: Vec::new(),
            step: Step::First,
            rounds: Vec::new(),
            lots: Vec::new(),
        }
    }

    /// 46(1), (2): sorts the papers by first preferences, and credits one vote for each.
    fn first_stage(&mut self) {
        let papers = (0..self.groups.len() as u32).map(Paper::unsorted).collect();
        self.transfer(papers);
    }

    /// Transfers papers to the continuing candidate who is the next preference of each, and credits
    /// them; without one they are exhausted. Returns the sum of what they are worth.
    fn transfer(&mut self, papers: Vec<Paper>) -> Votes {
        let mut sum = Votes::ZERO;
        for mut paper in papers {
            let worth = paper.worth(self.groups);
            sum += worth;
            let order = self.groups.record(paper.group);
            let status = &self.status;
            let is_next = |name: usize| status.get(name) == Some(&Status::Continuing);
            // 49(1), 51(2): the next available preference, or a paper that is not transferable.
            let Some(name) = paper.go_on(order, is_next) else {
                self.exhausted += worth;
                continue;
            };
            if let (Some(papers), Some(votes)) =
                (self.papers.get_mut(name), self.votes.get_mut(name))
            {
                papers.push(paper);
                *votes += worth;
            }
        }
        sum
    }

    /// What a stage ends with: who is deemed elected, and whether there is another stage.
    fn stage_ends(&mut self) -> bool {
        let before = self.elected.len();
        if self.valid > 0 {
            self.elect_by_quota();
        }
        self.push_round(before);
        // 49(1), 51(1): while vacancies remain.
        if self.vacancies() == 0 || self.valid == 0 {
            return false;
        }
        // 53(1), (2): as many continuing candidates as vacancies are deemed elected, and nothing
        // more is transferred.
        if self.continuing().count() > self.vacancies() {
            return true;
        }
        self.elect_remaining();
        false
    }

    /// 48(1): whoever has the quota is deemed elected.
    fn elect_by_quota(&mut self) {
        for name in self.by_votes() {
            if self.free_votes(name) < self.quota {
                continue;
            }
            if self.none == Some(name) {
                self.leave_seats_empty(name);
                continue;
            }
            self.elect(name);
            // 49(1): who has exactly the quota has no surplus.
            if self.free_votes(name) > self.quota {
                self.surpluses.push(name);
            }
        }
    }

    /// Leaves a seat empty for each quota that "reopen nominations" has. Its surplus stays with it,
    /// on papers with the value of rule 49(3).
    fn leave_seats_empty(&mut self, none: Choice) {
        let total = self.free_votes(none);
        let mut surplus = total;
        while surplus >= self.quota && self.vacancies() > 0 {
            self.empty += 1;
            surplus -= self.quota;
        }
        let mut kept = Votes::ZERO;
        if let Some(papers) = self.papers.get_mut(none.index()) {
            for paper in papers.iter_mut() {
                paper.value = paper.value.of_surplus(surplus, total);
                kept += paper.worth(self.groups);
            }
            papers.retain(|paper| paper.value != Value::NOTHING);
        }
        if let Some(votes) = self.votes.get_mut(none.index()) {
            let lost = surplus - kept;
            *votes -= lost;
            self.lost += lost;
        }
    }

    /// 50(1): whose surplus is transferred next: the highest.
    fn next_surplus(&mut self) -> Option<Choice> {
        let highest = self.surpluses.iter().map(|&name| self.votes_of(name)).max()?;
        let equal = self.surpluses.iter().copied();
        let equal: Vec<_> = equal.filter(|&name| self.votes_of(name) == highest).collect();
        // 50(2): of equal ones, that of whoever had most votes at the last stage at which they had
        // unequal numbers.
        let left = look_back(&self.rounds, &equal, Sought::Most, |round, name| {
            round.votes.get(name.index()).copied().unwrap_or_default()
        });
        // 50(3): if they were equal at all stages, the lot.
        let name = match left[..] {
            [name] => name,
            _ => *self.draw(&left, LotUse::Surplus).first()?,
        };
        self.surpluses.retain(|&other| other != name);
        Some(name)
    }

    /// 49(2), (3): transfers the papers of an elected candidate, each with the transfer value.
    fn transfer_surplus(&mut self, from: Choice) {
        let total = self.votes_of(from);
        let surplus = total - self.quota;
        self.step = Step::Surplus { from, surplus };
        let mut papers = self.take_papers(from);
        for paper in &mut papers {
            paper.value = paper.value.of_surplus(surplus, total);
        }
        papers.retain(|paper| paper.value != Value::NOTHING);
        self.set_votes(from, self.quota);
        let transferred = self.transfer(papers);
        self.lost += surplus - transferred;
    }

    /// 51(1): excludes the candidate with the fewest votes, and transfers their papers.
    fn exclude(&mut self) {
        let Some(lowest) = self.continuing().map(|name| self.free_votes(name)).min() else {
            return;
        };
        let equal: Vec<_> =
            self.continuing().filter(|&name| self.free_votes(name) == lowest).collect();
        // 52(2)(a): of equal ones, whoever had fewest votes at the last stage at which they had
        // unequal numbers.
        let (none, quota) = (self.none, self.quota);
        let left = look_back(&self.rounds, &equal, Sought::Fewest, |round, name| {
            let votes = round.votes.get(name.index()).copied().unwrap_or_default();
            let seated =
                if none == Some(name) { quota.times(round.empty.into()) } else { Votes::ZERO };
            votes - seated
        });
        // 52(2)(b): if they were equal at all stages, the lot.
        let from = match left[..] {
            [name] => Some(name),
            _ => self.draw(&left, LotUse::Exclusion).last().copied(),
        };
        let Some(from) = from else { return };
        self.step = Step::Exclusion { from };
        self.set_status(from, Status::Excluded);
        self.set_votes(from, self.votes_of(from) - self.free_votes(from));
        // 51(3), (4): each paper keeps the value with which it was received.
        let papers = self.take_papers(from);
        self.transfer(papers);
    }

    /// 53(1): deems all continuing candidates elected.
    fn elect_remaining(&mut self) {
        let before = self.elected.len();
        self.step = Step::Remaining;
        for name in self.by_votes() {
            if self.none == Some(name) {
                self.empty += 1;
                self.set_status(name, Status::Elected);
            } else {
                self.elect(name);
            }
        }
        self.push_round(before);
    }

    fn elect(&mut self, name: Choice) {
        self.elected.push(name);
        self.set_status(name, Status::Elected);
    }

    fn draw(&mut self, names: &[Choice], decided: LotUse) -> Vec<Choice> {
        let order = self.seed.draw(self.slate, names);
        self.lots.push(Lot { order: order.clone(), decided });
        order
    }

    fn push_round(&mut self, elected_before: usize) {
        let drawn = self.rounds.iter().map(|round| round.lots.len()).sum();
        self.rounds.push(Round {
            step: self.step,
            votes: self.votes.clone(),
            status: self.status.clone(),
            elected: self.elected.get(elected_before..).unwrap_or_default().to_vec(),
            needed: self.quota,
            exhausted: self.exhausted,
            lost: self.lost,
            empty: self.empty,
            lots: (drawn..self.lots.len()).collect(),
        });
    }

    /// Ends the count: whoever is not elected by now is defeated.
    fn finish(mut self, wholes: Wholes) -> Count {
        if let Some(round) = self.rounds.last_mut() {
            for (index, status) in round.status.iter_mut().enumerate() {
                if *status == Status::Continuing {
                    let seated = self.none.is_some_and(|none| none.index() == index);
                    *status =
                        if seated && self.empty > 0 { Status::Elected } else { Status::Defeated };
                }
            }
        }
        let full = self.elected.len() == self.seats;
        Count {
            elected: self.elected,
            verdict: if full { Verdict::Decided } else { Verdict::Vacant },
            wholes,
            rounds: self.rounds,
            pairs: None,
            lots: self.lots,
        }
    }

    fn vacancies(&self) -> usize {
        self.seats - self.elected.len() - usize::from(self.empty)
    }

    fn continuing(&self) -> impl Iterator<Item = Choice> {
        let named = self.status.iter().enumerate();
        named
            .filter(|(_, status)| **status == Status::Continuing)
            .filter_map(|(name, _)| Choice::from_index(name))
    }

    /// The continuing candidates, most votes first; equal ones in the order of the slate.
    fn by_votes(&self) -> Vec<Choice> {
        let mut names: Vec<_> = self.continuing().collect();
        names.sort_by_key(|&name| std::cmp::Reverse(self.free_votes(name)));
        names
    }

    fn votes_of(&self, name: Choice) -> Votes {
        self.votes.get(name.index()).copied().unwrap_or_default()
    }

    /// The votes that count for a seat: all, but for those of the seats that stay empty.
    fn free_votes(&self, name: Choice) -> Votes {
        let seated = if self.none == Some(name) { u64::from(self.empty) } else { 0 };
        self.votes_of(name) - self.quota.times(seated)
    }

    fn set_votes(&mut self, name: Choice, votes: Votes) {
        self.votes.get_mut(name.index()).into_iter().for_each(|all| *all = votes);
    }

    fn set_status(&mut self, name: Choice, status: Status) {
        self.status.get_mut(name.index()).into_iter().for_each(|all| *all = status);
    }

    fn take_papers(&mut self, name: Choice) -> Vec<Paper> {
        self.papers.get_mut(name.index()).map(std::mem::take).unwrap_or_default()
    }
}
