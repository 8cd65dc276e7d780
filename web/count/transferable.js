/**
 * The single transferable vote, by the Scottish Local Government Elections Order 2011 (SSI
 * 2011/399), Schedule 1, rules 46 to 53. The numbers of the rules stand above the lines that do
 * what they say. What is not in the Order is in docs/methods.md:
 *
 * - Whoever is deemed elected at the end of one stage stands in the order of their votes, and with
 *   equal votes in that of the slate.
 * - An exclusion and the transfer of the papers of whoever is excluded are one stage, and rule 53
 *   is judged at the end of each.
 * - Those who are still equal at the stage that rules 50(2) and 52(2) look back to are looked at in
 *   the stages before it; then the lot decides.
 * - "Reopen nominations" (`none`), the last name of the slate, is a candidate that can be elected
 *   more than once: for each quota that its votes contain a seat stays empty, and what it has above
 *   that is its own. It can be excluded for what it has above.
 */

import { draw } from "./lot.js";
import { VOTE } from "./votes.js";

/**
 * @typedef {object} Paper all papers that are alike, and came to where they are together
 * @property {number[]} order the places on the slate, in the order of the preferences
 * @property {bigint} papers how many there are
 * @property {bigint} value what each is worth, in hundred-thousandths of a vote
 * @property {number} next how many preferences were looked at
 */

/** @param {import("./count.js").Election} election */
export function* transferable(election) {
  const count = new Counting(election);
  // 46(1), (2): the papers are sorted by their first preferences, each for one vote.
  yield* count.transfer(firstPapers(election.ballots));
  while (count.stageEnds()) {
    const elected = count.nextSurplus();
    if (elected === null) yield* count.exclude();
    else yield* count.transferSurplus(elected);
  }
  return count.result();
}

/** @returns {Paper[]} */
function firstPapers(ballots) {
  return Array.from(ballots.groups(), ({ marks, ballots: papers }) => {
    const order = [];
    marks.forEach((rank, name) => {
      if (rank > 0) order[rank - 1] = name;
    });
    return { order, papers: BigInt(papers), value: VOTE, next: 0 };
  });
}

class Counting {
  constructor({ slate, rules, wholes, seed }) {
    this.slate = slate;
    this.seed = seed;
    this.seats = rules.seats;
    this.valid = wholes.marked;
    // 47(1), (2): the valid papers divided by one more than the seats, plus one; a remainder is
    // ignored.
    this.quota = (wholes.marked / BigInt(rules.seats + 1) + 1n) * VOTE;
    /** "Reopen nominations", and how many seats it has taken. */
    this.none = rules.none ? slate.length - 1 : null;
    this.empty = 0;
    /** @type {Paper[][]} */
    this.papers = slate.map(() => []);
    this.votes = slate.map(() => 0n);
    this.status = slate.map(() => "continuing");
    this.exhausted = 0n;
    this.lost = 0n;
    this.elected = [];
    /** Those elected whose surplus is to be transferred. */
    this.surpluses = [];
    this.step = { step: "first", from: null, surplus: 0n };
    this.rounds = [];
    this.lots = [];
    /** How many lots were drawn before the stage. */
    this.lotsBefore = 0;
  }

  /** What a name's votes are that count for a seat: all, but for those of the empty seats. */
  free(name) {
    return this.votes[name] - this.seated(name, this.empty);
  }

  seated(name, empty) {
    return name === this.none ? BigInt(empty) * this.quota : 0n;
  }

  continuing() {
    return this.slate.map((_, name) => name).filter((name) => this.status[name] === "continuing");
  }

  /** The continuing candidates, most votes first; equal ones in the order of the slate. */
  byVotes() {
    const free = new Map(this.continuing().map((name) => [name, this.free(name)]));
    return [...free.keys()].sort((one, other) => {
      const [votes, others] = [free.get(one), free.get(other)];
      return votes === others ? one - other : votes > others ? -1 : 1;
    });
  }

  vacancies() {
    return this.seats - this.elected.length - this.empty;
  }

  /**
   * Each paper goes to the next preference that is a continuing candidate, who is credited with its
   * value; without one it is exhausted. The result is what all of them are worth.
   * @param {Paper[]} papers
   */
  *transfer(papers) {
    let sum = 0n;
    let done = 0;
    for (const paper of papers) {
      const worth = paper.value * paper.papers;
      sum += worth;
      // 49(1), 51(2): the next available preference; or the paper is not transferable.
      const { order } = paper;
      while (paper.next < order.length && this.status[order[paper.next]] !== "continuing") {
        paper.next++;
      }
      if (paper.next < order.length) {
        const name = order[paper.next++];
        this.papers[name].push(paper);
        this.votes[name] += worth;
      } else {
        this.exhausted += worth;
      }
      yield { done: ++done, all: papers.length };
    }
    return sum;
  }

  /** Who is deemed elected at the end of a stage, and whether there is another stage. */
  stageEnds() {
    const before = this.elected.length;
    if (this.valid > 0n) this.electByQuota();
    this.pushRound(before);
    // 49(1), 51(1): while vacancies remain. Without a valid ballot nobody is elected.
    if (this.vacancies() === 0 || this.valid === 0n) return false;
    // 53(1), (2): where as many continuing candidates are left as vacancies, they are deemed
    // elected, and nothing more is transferred.
    if (this.continuing().length > this.vacancies()) return true;
    this.electRemaining();
    return false;
  }

  /** 48(1): whoever has the quota is deemed elected. */
  electByQuota() {
    for (const name of this.byVotes()) {
      if (this.free(name) < this.quota) continue;
      if (name === this.none) {
        this.leaveSeatsEmpty();
        continue;
      }
      this.elect(name);
      // 49(1): who has exactly the quota has no surplus.
      if (this.votes[name] > this.quota) this.surpluses.push(name);
    }
  }

  elect(name) {
    this.status[name] = "elected";
    this.elected.push(name);
  }

  /** A seat stays empty for each quota of "reopen nominations", which keeps its surplus. */
  leaveSeatsEmpty() {
    const { none } = this;
    const total = this.free(none);
    let surplus = total;
    for (; surplus >= this.quota && this.vacancies() > 0; surplus -= this.quota) this.empty++;
    let kept = 0n;
    for (const paper of this.papers[none]) {
      paper.value = transferValue(paper.value, surplus, total);
      kept += paper.value * paper.papers;
    }
    this.papers[none] = this.papers[none].filter(({ value }) => value > 0n);
    this.votes[none] -= surplus - kept;
    this.lost += surplus - kept;
  }

  /** 50(1): whose surplus is transferred next: the largest. Null if there is none. */
  nextSurplus() {
    if (this.surpluses.length === 0) return null;
    const largest = this.surpluses.map((name) => this.votes[name]).reduce(larger);
    const equal = this.surpluses.filter((name) => this.votes[name] === largest);
    // 50(2): of equal ones, that of whoever had most votes at the last stage at which their votes
    // were unequal.
    const left = this.lookBack(equal, (round, name) => round.votes[name], larger);
    // 50(3): the lot.
    const name = left.length === 1 ? left[0] : this.drawn(left, "surplus")[0];
    this.surpluses = this.surpluses.filter((other) => other !== name);
    return name;
  }

  /** 49(2), (3): the papers of an elected candidate go on, each with the transfer value. */
  *transferSurplus(from) {
    const total = this.votes[from];
    const surplus = total - this.quota;
    this.step = { step: "surplus", from, surplus };
    const papers = this.takePapers(from);
    for (const paper of papers) paper.value = transferValue(paper.value, surplus, total);
    this.votes[from] = this.quota;
    this.lost += surplus - (yield* this.transfer(papers.filter(({ value }) => value > 0n)));
  }

  /** 51(1): whoever has the fewest votes is excluded, and their papers are transferred. */
  *exclude() {
    const names = this.continuing();
    const lowest = names.map((name) => this.free(name)).reduce(smaller);
    const equal = names.filter((name) => this.free(name) === lowest);
    // 52(2)(a): of equal ones, whoever had fewest votes at the last stage at which their votes were
    // unequal.
    const free = (round, name) => round.votes[name] - this.seated(name, round.empty);
    const left = this.lookBack(equal, free, smaller);
    // 52(2)(b): the lot.
    const from = left.length === 1 ? left[0] : this.drawn(left, "exclusion").at(-1);
    this.step = { step: "exclusion", from, surplus: 0n };
    this.status[from] = "excluded";
    this.votes[from] -= this.free(from);
    // 51(3), (4): each paper keeps the value with which it was received.
    yield* this.transfer(this.takePapers(from));
  }

  takePapers(name) {
    const papers = this.papers[name];
    this.papers[name] = [];
    return papers;
  }

  /** Those of equal names that the earlier stages leave, from the last back to the first. */
  lookBack(equal, votes, best) {
    let left = equal;
    for (const round of [...this.rounds].reverse()) {
      if (left.length < 2) break;
      const found = left.map((name) => votes(round, name)).reduce(best);
      left = left.filter((name) => votes(round, name) === found);
    }
    return left;
  }

  drawn(names, decided) {
    const order = draw(this.seed, this.slate, names);
    this.lots.push({ order, decided, seats: 0 });
    return order;
  }

  /** 53(1): all continuing candidates are deemed elected. */
  electRemaining() {
    const before = this.elected.length;
    this.step = { step: "remaining", from: null, surplus: 0n };
    for (const name of this.byVotes()) {
      if (name === this.none) {
        this.empty++;
        this.status[name] = "elected";
      } else {
        this.elect(name);
      }
    }
    this.pushRound(before);
  }

  pushRound(before) {
    const lots = this.lots.map((_, place) => place).slice(this.lotsBefore);
    this.lotsBefore = this.lots.length;
    this.rounds.push({
      ...this.step,
      votes: [...this.votes],
      status: [...this.status],
      elected: this.elected.slice(before),
      needed: this.quota,
      exhausted: this.exhausted,
      lost: this.lost,
      empty: this.empty,
      lots,
    });
  }

  /** The count has ended: whoever is not elected by now is defeated. */
  result() {
    const last = this.rounds.at(-1);
    last.status = last.status.map((status, name) => {
      if (status !== "continuing") return status;
      return name === this.none && this.empty > 0 ? "elected" : "defeated";
    });
    const verdict = this.elected.length === this.seats ? "decided" : "vacant";
    const { elected, rounds, lots } = this;
    return { elected, verdict, rounds, pairs: null, lots };
  }
}

/**
 * 49(3): the surplus times the value of the paper, divided by the votes of the candidate, to five
 * decimal places; a remainder is ignored.
 */
function transferValue(value, surplus, total) {
  return (surplus * value) / total;
}

function larger(one, other) {
  return one > other ? one : other;
}

function smaller(one, other) {
  return one < other ? one : other;
}
