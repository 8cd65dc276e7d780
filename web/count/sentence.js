/** What happened in a round, as the facts of one sentence; the words are in the texts. */

import { VOTE } from "./votes.js";

const LIMITS = {
  /** Names that a sentence lists before it only counts them. */
  names: 10,
};

/**
 * @typedef {object} RoundFacts
 * @property {import("./count.js").Round["step"]} step
 * @property {string} from whose votes were transferred
 * @property {bigint} votes by `surplus`, how much it was; by `first`, what is needed (0 for
 *   nothing)
 * @property {boolean} isOneVote whether that is exactly one vote
 * @property {boolean} byLot whether the lot decided this step
 * @property {boolean} keeps whether an excluded name keeps votes, for seats that stay empty
 * @property {string[]} elected in this round, the first of them
 * @property {number} others how many more were elected
 * @property {number} empty seats that stay empty since this round
 * @property {boolean} anyBefore whether somebody was elected before
 * @property {boolean} emptyBefore whether a seat stayed empty before
 * @property {boolean} isOver whether the count has ended
 */

/**
 * @param {import("./count.js").Round} round
 * @param {import("./count.js").Round | null} before
 * @param {string[]} slate
 * @returns {RoundFacts}
 */
export function roundFacts(round, before, slate) {
  const emptyBefore = before?.empty ?? 0;
  const votes = round.step === "first" ? round.needed : round.surplus;
  return {
    step: round.step,
    from: round.from === null ? "" : slate[round.from],
    votes,
    isOneVote: votes === VOTE,
    byLot: round.lots.length > 0,
    keeps: round.from !== null && round.votes[round.from] > 0n,
    elected: round.elected.slice(0, LIMITS.names).map((name) => slate[name]),
    others: Math.max(0, round.elected.length - LIMITS.names),
    empty: round.empty - emptyBefore,
    anyBefore: before?.status.includes("elected") ?? false,
    emptyBefore: emptyBefore > 0,
    isOver: !round.status.includes("continuing"),
  };
}
