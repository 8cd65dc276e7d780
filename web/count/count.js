/**
 * How ballots are counted: who is elected, and the evidence of how that came about. This is a
 * second implementation of docs/methods.md, which shares no code with the server's.
 *
 * A count is a pure function of the slate, the rules, the ballots, the size of the roll and the
 * seed of the lot. Everything is in whole numbers, and the order of the ballots does not matter.
 *
 * @typedef {object} Election what is counted
 * @property {string[]} slate the names, in ballot order
 * @property {import("./rules.js").Rules} rules
 * @property {import("./ballots.js").Ballots} ballots
 * @property {import("./rules.js").Wholes} wholes
 * @property {Uint8Array} seed of the lot: 32 bytes
 *
 * @typedef {"continuing" | "elected" | "excluded" | "defeated"} Status
 *
 * @typedef {object} Round one round; names are places on the slate
 * @property {"first" | "surplus" | "exclusion" | "remaining"} step
 * @property {number | null} from whose votes were transferred
 * @property {bigint} surplus by `surplus`, how much it was. This, and all votes below, are in
 *   hundred-thousandths of a vote
 * @property {bigint[]} votes of each name at the end
 * @property {Status[]} status of each name at the end
 * @property {number[]} elected in this round, in order
 * @property {bigint} needed how many votes are enough; 0 where no number is enough by itself
 * @property {bigint} exhausted votes of papers without a further preference
 * @property {bigint} lost votes lost because values have five decimals
 * @property {number} empty seats that stay empty so far
 * @property {number[]} lots drawn in this round, as places in the lots of the count
 *
 * @typedef {object} Lot
 * @property {number[]} order the names in the order drawn; the first is favoured most
 * @property {"seats" | "surplus" | "exclusion"} decided
 * @property {number} seats by `seats`, how many there were for these names
 *
 * @typedef {object} Pairs who is preferred to whom, by Schulze's method
 * @property {number[][]} preferred for each name, the ballots that prefer it to each name
 * @property {(import("./schulze.js").Strength | null)[][]} paths the strongest from each to each
 * @property {number[]} dropped the names that do not beat the default option
 * @property {number[][]} places the other names, best first; those of one place are tied
 *
 * @typedef {object} Count
 * @property {number[]} elected in the order of election
 * @property {"decided" | "noQuorum" | "noMajority" | "vacant"} verdict
 * @property {import("./rules.js").Wholes} wholes
 * @property {Round[]} rounds
 * @property {Pairs | null} pairs
 * @property {Lot[]} lots
 */

import { isReached } from "./rules.js";
import { plurality } from "./plurality.js";
import { schulze } from "./schulze.js";
import { transferable } from "./transferable.js";

const METHODS = { plurality, transferable, schulze };

/**
 * Counts the ballots of an election.
 * @param {string[]} slate
 * @param {import("./rules.js").Rules} rules
 * @param {import("./ballots.js").Ballots} ballots
 * @param {bigint} roll how many voter numbers are on the roll
 * @param {Uint8Array} seed of the lot
 * @returns {import("../lib/steps.js").Work<Count>}
 */
export function* count(slate, rules, ballots, roll, seed) {
  const wholes = { marked: ballots.marked, ballots: ballots.ballots, roll };
  // The quorum comes first: if it is missed, nobody is elected, and nothing is counted.
  if (rules.quorum && !isReached(rules.quorum, wholes.ballots, wholes)) {
    return { elected: [], verdict: "noQuorum", wholes, rounds: [], pairs: null, lots: [] };
  }
  const counted = yield* METHODS[rules.method]({ slate, rules, ballots, wholes, seed });
  return { ...counted, wholes };
}
