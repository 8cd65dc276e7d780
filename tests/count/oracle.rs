//! Counts made in the simplest way, for comparison: every paper by itself, every path tried.

use capvote::election::Choice;

/// A vote is 100,000 of these.
const ONE: u128 = 100_000;

struct Paper {
    /// Names not looked at, the next preference first.
    order: Vec<usize>,
    value: u128,
    /// Who has it.
    holder: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Is {
    In,
    Elected,
    Out,
}

/// A count under way.
struct Simple {
    seats: usize,
    none: Option<usize>,
    quota: u128,
    papers: Vec<Paper>,
    is: Vec<Is>,
    /// What stays with those whose surplus was passed on.
    kept: Vec<u128>,
    elected: Vec<usize>,
    empty: usize,
    /// Those elected whose surplus is to be passed on.
    waiting: Vec<usize>,
    /// What each had at the end of each stage.
    history: Vec<Vec<u128>>,
}

/// Who is elected by the rules of the Scottish Order, with `none` as the last name.
pub(crate) fn transferable(
    ballots: &[Vec<u16>],
    seats: usize,
    none: bool,
    draw: impl Fn(&[Choice]) -> Vec<Choice>,
) -> Vec<Choice> {
    let Some(names) = ballots.iter().map(Vec::len).find(|&names| names > 0) else {
        return Vec::new();
    };
    let mut papers: Vec<Paper> = Vec::new();
    for marks in ballots.iter().filter(|marks| !marks.is_empty()) {
        let ranked = (1..=names as u16).map_while(|rank| marks.iter().position(|it| *it == rank));
        papers.push(Paper { order: ranked.collect(), value: ONE, holder: None });
    }
    let is = vec![Is::In; names];
    papers.iter_mut().for_each(|paper| pass(paper, &is));
    let mut simple = Simple {
        seats,
        none: none.then_some(names - 1),
        quota: (papers.len() / (seats + 1) + 1) as u128 * ONE,
        papers,
        is,
        kept: vec![0; names],
        elected: Vec::new(),
        empty: 0,
        waiting: Vec::new(),
        history: Vec::new(),
    };
    while simple.goes_on() {
        simple.stage(&draw);
    }
    simple.elected.into_iter().filter_map(Choice::from_index).collect()
}

impl Simple {
    fn votes(&self) -> Vec<u128> {
        let held = |name| self.papers.iter().filter(move |paper| paper.holder == Some(name));
        let of = |name| self.kept[name] + held(name).map(|it| it.value).sum::<u128>();
        (0..self.is.len()).map(of).collect()
    }

    /// Those who are neither elected nor out, most votes first.
    fn still(&self, votes: &[u128]) -> Vec<usize> {
        let mut still: Vec<usize> =
            (0..votes.len()).filter(|&name| self.is[name] == Is::In).collect();
        still.sort_by_key(|&name| (std::cmp::Reverse(votes[name]), name));
        still
    }

    /// Elects, and says whether there is another stage.
    fn goes_on(&mut self) -> bool {
        let votes = self.votes();
        for name in self.still(&votes).into_iter().filter(|&name| votes[name] >= self.quota) {
            if Some(name) != self.none {
                self.is[name] = Is::Elected;
                self.elected.push(name);
                if votes[name] > self.quota {
                    self.waiting.push(name);
                }
                continue;
            }
            let total = votes[name];
            let left = (self.seats - self.elected.len() - self.empty) as u128;
            let taken = (total / self.quota).min(left);
            self.empty += taken as usize;
            for paper in self.papers.iter_mut().filter(|paper| paper.holder == Some(name)) {
                paper.value = paper.value * (total - taken * self.quota) / total;
            }
        }
        let votes = self.votes();
        self.history.push(votes.clone());
        let left = self.seats - self.elected.len() - self.empty;
        let still = self.still(&votes);
        if left > 0 && still.len() <= left {
            self.elected.extend(still.iter().filter(|&&name| Some(name) != self.none));
        }
        left > 0 && still.len() > left
    }

    /// Passes the largest surplus on, or excludes whoever has fewest votes.
    fn stage(&mut self, draw: &impl Fn(&[Choice]) -> Vec<Choice>) {
        let votes = self.votes();
        if self.waiting.is_empty() {
            let name = chosen(self.still(&votes), &self.history, false, draw);
            self.is[name] = Is::Out;
            let held = self.papers.iter_mut().filter(|paper| paper.holder == Some(name));
            held.for_each(|paper| pass(paper, &self.is));
            return;
        }
        let name = chosen(self.waiting.clone(), &self.history, true, draw);
        self.waiting.retain(|&other| other != name);
        for paper in self.papers.iter_mut().filter(|paper| paper.holder == Some(name)) {
            paper.value = paper.value * (votes[name] - self.quota) / votes[name];
            pass(paper, &self.is);
        }
        self.kept[name] = self.quota;
    }
}

fn pass(paper: &mut Paper, is: &[Is]) {
    let next = paper.order.iter().position(|&name| is[name] == Is::In);
    paper.holder = next.map(|next| paper.order[next]);
    paper.order.drain(..next.map_or(paper.order.len(), |next| next + 1));
}

/// Who has most or fewest, by the last stage that tells, or by lot.
fn chosen(
    mut from: Vec<usize>,
    history: &[Vec<u128>],
    most: bool,
    draw: &impl Fn(&[Choice]) -> Vec<Choice>,
) -> usize {
    for votes in history.iter().rev() {
        let all = from.iter().map(|&name| votes[name]);
        let best = if most { all.max() } else { all.min() };
        from.retain(|&name| Some(votes[name]) == best);
    }
    if let [name] = from[..] {
        return name;
    }
    let names: Vec<_> = from.iter().filter_map(|&name| Choice::from_index(name)).collect();
    let order = draw(&names);
    if most { order[0].index() } else { order[order.len() - 1].index() }
}

/// How many ballots prefer each name to each other.
pub(crate) fn preferred(ballots: &[Vec<u16>], names: usize) -> Vec<Vec<u64>> {
    let mut preferred = vec![vec![0; names]; names];
    for marks in ballots.iter().filter(|marks| !marks.is_empty()) {
        for one in (0..names).filter(|&one| marks[one] > 0) {
            for other in 0..names {
                let before = marks[other] == 0 || marks[one] < marks[other];
                preferred[one][other] += u64::from(before);
            }
        }
    }
    preferred
}

/// The strongest of all paths of wins from a name to another, as its weakest win.
pub(crate) fn strongest_path(preferred: &[Vec<u64>], from: usize, to: usize) -> Option<(u64, u64)> {
    fn walk(
        preferred: &[Vec<u64>],
        way: &mut Vec<usize>,
        to: usize,
        weakest: (u64, i64),
        best: &mut Option<(u64, i64)>,
    ) {
        let at = way[way.len() - 1];
        if at == to {
            *best = (*best).max(Some(weakest));
            return;
        }
        for next in 0..preferred.len() {
            let (wins, against) = (preferred[at][next], preferred[next][at]);
            if wins > against && !way.contains(&next) {
                way.push(next);
                walk(preferred, way, to, weakest.min((wins, -(against as i64))), best);
                way.pop();
            }
        }
    }
    let mut best = None;
    walk(preferred, &mut vec![from], to, (u64::MAX, i64::MAX), &mut best);
    best.map(|(wins, against)| (wins, (-against) as u64))
}
