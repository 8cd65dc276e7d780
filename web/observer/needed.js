/** How many votes and ballots a rule asked for, and how many there were. */

import { fewest } from "../count/rules.js";

const WHOLES = ["marked", "ballots", "roll", "one"];

/**
 * The sentences for the majority and the quorum of an election, as texts and their values; none for
 * a share that this page does not know.
 * @param {object | null} rules as in the schema
 * @param {object} count a `Count`
 * @param {object} results the final ones
 * @returns {[string, object][]}
 */
export function neededOf(rules, { marked, ballots, voters }, { candidates, verdict }) {
  const wholes = { marked, ballots, roll: voters };
  const isKnown = (share) => share && WHOLES.includes(share.of) && share.denominator > 0;
  const sentences = [];
  // Without a quorum, nothing is counted.
  if (isKnown(rules?.majority) && verdict !== "noQuorum" && candidates.length > 0) {
    const { majority } = rules;
    const most = candidates.reduce((one, other) => (other.votes > one.votes ? other : one));
    const values = { needed: fewest(majority, wholes), name: most.candidate, votes: most.votes };
    if (rules.seats > 1) sentences.push(["watch.neededEach", values]);
    else if (majority.of === "one") sentences.push(["watch.needed", values]);
    else sentences.push(["watch.neededOf", { ...values, all: wholes[majority.of] }]);
  }
  if (isKnown(rules?.quorum)) {
    sentences.push(["watch.quorum", { count: ballots, needed: fewest(rules.quorum, wholes) }]);
  }
  return sentences;
}
