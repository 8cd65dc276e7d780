/** Elections that another implementation has counted: where this one comes to something else. */

import { Ballots, checkBallot } from "../ballots.js";
import { count } from "../count.js";
import { checkRules, readShare } from "../rules.js";
import { atOnce } from "../../lib/steps.js";
import { unhex } from "../../lib/decode.js";

/** The other's votes are in billionths, and these in hundred-thousandths. */
const BILLIONTHS = 10_000n;

/**
 * @typedef {object} Counted an election, and what the other implementation says of it
 * @property {string[]} slate
 * @property {{ method: string, seats: number, marks: number, majority: string | null,
 *   quorum: string | null, none: boolean }} rules shares are texts
 * @property {{ marks: number[], ballots: number }[]} ballots
 * @property {number} roll
 * @property {string} seed of the lot, in hexadecimal digits
 * @property {unknown} count as {@link told} has it
 */

/**
 * Counts elections again.
 * @param {Counted[]} elections
 * @returns {{ election: Counted, found: unknown }[]} those with another result
 */
export function differences(elections) {
  const found = elections.map((election) => ({ election, found: told(countAgain(election)) }));
  return found.filter((it) => JSON.stringify(it.found) !== JSON.stringify(it.election.count));
}

function countAgain({ slate, rules, ballots, roll, seed }) {
  const shares = { majority: share(rules.majority), quorum: share(rules.quorum) };
  const read = { ...rules, ...shares };
  checkRules(read, slate.length, "sealed");
  const all = new Ballots();
  for (const { marks, ballots: number } of ballots) {
    checkBallot(marks, slate.length, read);
    all.add(marks, number);
  }
  return atOnce(count(slate, read, all, BigInt(roll), unhex(seed)));
}

function share(text) {
  return text === null ? null : readShare(text);
}

/** A count as lists, in which votes are texts. */
function told({ elected, verdict, wholes, rounds, pairs, lots }) {
  const votes = (number) => `${number * BILLIONTHS}`;
  return [
    elected,
    verdict,
    [wholes.ballots, wholes.marked].map(Number),
    rounds.map((round) => [
      round.step,
      round.from,
      votes(round.surplus),
      round.votes.map(votes),
      round.status,
      round.elected,
      [round.needed, round.exhausted, round.lost].map(votes),
      round.empty,
      round.lots,
    ]),
    pairs && [
      pairs.preferred,
      pairs.paths.map((row) => row.map((path) => path && [path.wins, path.against])),
      pairs.dropped,
      pairs.places,
    ],
    lots.map(({ order, decided, seats }) => [order, decided, seats]),
  ];
}
