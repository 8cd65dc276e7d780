/**
 * Most votes win. With several marks on a ballot, each is a vote; with marks for the whole slate,
 * that is approval voting.
 *
 * 1. Nobody is elected without a vote.
 * 2. With a majority, nobody is elected whose votes do not reach its share.
 * 3. Of the others, those with the most votes have the seats. Where names with equal votes are left
 *    for fewer seats, the lot decides among them.
 */

import { fewest, isReached } from "./rules.js";
import { draw } from "./lot.js";
import { VOTE } from "./votes.js";

/** @param {import("./count.js").Election} election */
export function* plurality({ slate, rules, ballots, wholes, seed }) {
  const votes = slate.map(() => 0n);
  let done = 0;
  for (const group of ballots.groups()) {
    group.marks.forEach((mark, name) => {
      if (mark > 0) votes[name] += BigInt(group.ballots);
    });
    yield { done: ++done, all: ballots.kinds };
  }

  // 1.
  const voted = slate.map((_, name) => name).filter((name) => votes[name] > 0n);
  // 2.
  const { majority } = rules;
  const left = majority ? voted.filter((name) => isReached(majority, votes[name], wholes)) : voted;
  // 3. Names with equal votes that all have a seat stand in the order of the slate.
  const elected = [];
  const lots = [];
  for (const number of new Set(left.map((name) => votes[name]).sort(descending))) {
    const equal = left.filter((name) => votes[name] === number);
    const seats = rules.seats - elected.length;
    if (equal.length <= seats) {
      elected.push(...equal);
    } else if (seats > 0) {
      const order = draw(seed, slate, equal);
      elected.push(...order.slice(0, seats));
      lots.push({ order, decided: "seats", seats });
    }
  }
  return { elected, verdict: verdict(), rounds: [round()], pairs: null, lots };

  function verdict() {
    if (elected.length === rules.seats) return "decided";
    return elected.length === 0 && voted.length > 0 ? "noMajority" : "vacant";
  }

  function round() {
    return {
      step: "first",
      from: null,
      surplus: 0n,
      votes: votes.map((number) => number * VOTE),
      status: slate.map((_, name) => (elected.includes(name) ? "elected" : "defeated")),
      elected: [...elected],
      needed: majority ? fewest(majority, wholes) * VOTE : 0n,
      exhausted: 0n,
      lost: 0n,
      empty: 0,
      lots: lots.map((_, place) => place),
    };
  }
}

function descending(one, other) {
  return one > other ? -1 : Number(one < other);
}
