/** Ballots of an election, equal ones together. */

import { Refused } from "../lib/refused.js";

/** @typedef {import("./rules.js").Rules} Rules */

/**
 * Checks that marks, one for each name of the slate, are a ballot by these rules. An empty list is
 * a blank ballot.
 * @param {ArrayLike<number>} marks
 * @param {number} names
 * @param {Rules} rules
 * @throws {Refused} with the rule that is broken
 */
export function checkBallot(marks, names, rules) {
  if (marks.length === 0) return;
  if (marks.length !== names) throw new Refused("ballot.length", { names, given: marks.length });
  const given = [];
  for (let at = 0; at < marks.length; at++) if (marks[at] > 0) given.push(marks[at]);
  if (given.length === 0) throw new Refused("ballot.zeros");
  if (rules.method === "plurality") {
    if (given.some((mark) => mark !== 1)) throw new Refused("ballot.notOne");
  } else {
    checkRanks(given, rules.method === "schulze");
  }
  if (given.length > rules.marks) {
    throw new Refused("ballot.tooMany", { most: rules.marks, given: given.length });
  }
}

/** Ranks are 1, 2, 3 and so on, without a gap. */
function checkRanks(ranks, mayShare) {
  let last = 0;
  for (const rank of ranks.sort((one, other) => one - other)) {
    if (rank === last && !mayShare) throw new Refused("ballot.shared", { rank });
    if (rank > last + 1) throw new Refused("ballot.gap", { rank: last + 1 });
    last = rank;
  }
}

export const LIMITS = {
  /** Ballots of an election: sums of them have 32 bits. */
  ballots: 0xffff_ffff,
};

/** The ballots of one election. Their order is forgotten. */
export class Ballots {
  /** All ballots, the blank ones among them, and those that mark at least one name. */
  ballots = 0n;
  marked = 0n;
  /** Ballots with the same marks: the marks, and how many there are. */
  #groups = new Map();

  /**
   * Adds equal ballots that were checked.
   * @param {ArrayLike<number>} marks one for each name; none for a blank ballot
   * @param {number} [ballots]
   * @throws {Refused} there are too many
   */
  add(marks, ballots = 1) {
    this.ballots += BigInt(ballots);
    if (this.ballots > LIMITS.ballots) {
      throw new Refused("ballots.tooMany", { most: LIMITS.ballots });
    }
    if (marks.length === 0 || ballots === 0) return;
    this.marked += BigInt(ballots);
    const key = String.fromCharCode(...Array.from(marks));
    const group = this.#groups.get(key);
    if (group) group.ballots += ballots;
    else this.#groups.set(key, { marks: Uint8Array.from(marks), ballots });
  }

  /**
   * The different ballots that mark a name, each with how many there are of it.
   * @returns {Iterable<{ marks: Uint8Array, ballots: number }>}
   */
  groups() {
    return this.#groups.values();
  }

  /** How many different ballots there are. */
  get kinds() {
    return this.#groups.size;
  }
}
