/**
 * What a ballot of an election can say, and how ballots are counted: docs/methods.md.
 *
 * @typedef {"plurality" | "transferable" | "schulze"} Method
 * @typedef {"marked" | "ballots" | "roll" | "one"} Whole what a share is a share of
 * @typedef {{ numerator: number, denominator: number, atLeast: boolean, of: Whole }} Share
 * @typedef {object} Rules
 * @property {Method} method
 * @property {number} seats how many are elected, at most
 * @property {number} marks the most names that a ballot may mark
 * @property {Share | null} majority what the votes of a name have to reach
 * @property {Share | null} quorum what the ballots have to reach
 * @property {boolean} none whether the last name of the slate stands for nobody
 * @typedef {{ marked: bigint, ballots: bigint, roll: bigint }} Wholes how many there are of each
 */

import { Refused } from "../lib/refused.js";

export const LIMITS = {
  /** Names on a slate, and on one that is counted by ranks. */
  candidates: 1_000,
  rankedCandidates: 100,
  /** Bytes of UTF-8 of a name, and of a title. */
  candidateBytes: 256,
  titleBytes: 256,
  /** Characters of an election's id. */
  id: 64,
  /** The largest numerator or denominator. */
  share: 0xffff_ffff,
};

export const METHODS = ["plurality", "transferable", "schulze"];

/** One mark, most votes, one seat. @returns {Rules} */
export function plainRules() {
  return { method: "plurality", seats: 1, marks: 1, majority: null, quorum: null, none: false };
}

/** Whether these are the rules of {@link plainRules}. @param {Rules} rules */
export function isPlain(rules) {
  return hasOneMark(rules) && rules.seats === 1 && !rules.majority && !rules.quorum && !rules.none;
}

/** Whether a ballot is one name or blank, so that receipts name it alone. @param {Rules} rules */
export function hasOneMark(rules) {
  return rules.method === "plurality" && rules.marks === 1;
}

/** Whether marks are ranks. @param {Rules} rules */
export function isRanked(rules) {
  return rules.method !== "plurality";
}

/**
 * The rules that a server sends: a null pointer is {@link plainRules}.
 * @param {any} rules as in the schema
 * @returns {Rules}
 * @throws {Refused} they are of a newer version
 */
export function rulesFrom(rules) {
  if (!rules) return plainRules();
  const shares = [rules.majority, rules.quorum].filter(Boolean);
  const isKnown = (of) => ["marked", "ballots", "roll", "one"].includes(of);
  if (!METHODS.includes(rules.method) || !shares.every(({ of }) => isKnown(of))) {
    throw new Refused("rules.newer");
  }
  const { method, seats, marks, none } = rules;
  return { method, seats, marks, majority: rules.majority, quorum: rules.quorum, none };
}

/**
 * Checks rules for a slate of so many names.
 * @param {Rules} rules
 * @param {number} names
 * @param {"live" | "sealed"} publication
 * @throws {Refused} with the rule that is broken
 */
export function checkRules(rules, names, publication) {
  const { method, seats, marks, majority, quorum, none } = rules;
  const ranked = method !== "plurality";
  const most = LIMITS.rankedCandidates;
  if (ranked && names > most) throw new Refused("rules.longSlate", { most, names });
  if (ranked && publication === "live") throw new Refused("rules.live");
  if (none && !ranked) throw new Refused("rules.none");
  if (none && names < 2) throw new Refused("rules.onlyNone");
  if (majority && ranked) throw new Refused("rules.majority");
  const candidates = names - (none ? 1 : 0);
  if (!isBetween(seats, candidates)) throw new Refused("rules.seats", { most: candidates });
  if (!isBetween(marks, names)) throw new Refused("rules.marks", { most: names });
  if (quorum?.of === "marked" || quorum?.of === "ballots") throw new Refused("rules.quorum");
  for (const share of [majority, quorum]) {
    if (share && !isShare(share)) throw new Refused("rules.share", { share: shareText(share) });
  }
}

function isBetween(number, most) {
  return Number.isInteger(number) && number >= 1 && number <= most;
}

/** Whether a share is more than nothing and at most the whole; of `one`, a whole number. */
function isShare({ numerator, denominator, atLeast, of }) {
  const isNumber = (it) => Number.isInteger(it) && it >= 0 && it <= LIMITS.share;
  if (!isNumber(numerator) || !isNumber(denominator) || denominator === 0) return false;
  if (of === "one") return denominator === 1 && numerator > 0;
  return atLeast ? numerator > 0 && numerator <= denominator : numerator < denominator;
}

/**
 * Whether `part` reaches a share, in whole numbers.
 * @param {Share} share
 * @param {bigint} part
 * @param {Wholes} wholes
 */
export function isReached(share, part, wholes) {
  const is = part * BigInt(share.denominator);
  const needed = wholeOf(share, wholes) * BigInt(share.numerator);
  return share.atLeast ? is >= needed : is > needed;
}

/**
 * The smallest whole number that reaches a share.
 * @param {Share} share
 * @param {Wholes} wholes
 * @returns {bigint}
 */
export function fewest(share, wholes) {
  const needed = wholeOf(share, wholes) * BigInt(share.numerator);
  const denominator = BigInt(share.denominator);
  // Rounded up where the share itself is enough; otherwise the next number above it.
  return share.atLeast ? (needed + denominator - 1n) / denominator : needed / denominator + 1n;
}

function wholeOf({ of }, wholes) {
  return of === "one" ? 1n : wholes[of];
}

/**
 * A share as on the command line: `>=2/3 of marked`, or `>=50` of a number.
 * @param {Share} share
 */
export function shareText({ numerator, denominator, atLeast, of }) {
  const below = denominator === 1 ? "" : `/${denominator}`;
  return `${atLeast ? ">=" : ">"}${numerator}${below}${of === "one" ? "" : ` of ${of}`}`;
}

const SHARE = /^(>=|>)\s*(\d{1,10})\s*(?:\/\s*(\d{1,10})\s*)?(?:of\s*(marked|ballots|roll))?$/;

/**
 * Reads a share; blanks may be missing, and the sign may be `≥`.
 * @param {string} text
 * @returns {Share | null}
 */
export function readShare(text) {
  const parts = SHARE.exec(text.trim().toLowerCase().replaceAll("≥", ">="));
  if (!parts) return null;
  const [, sign, numerator, denominator = "1", of = "one"] = parts;
  const share = {
    numerator: Number(numerator),
    denominator: Number(denominator),
    atLeast: sign === ">=",
    of: /** @type {Whole} */ (of),
  };
  return isShare(share) ? share : null;
}
