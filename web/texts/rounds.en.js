/** One sentence for each round of a count, in English. */

import { votesText } from "../count/votes.js";

/**
 * @param {import("../count/sentence.js").RoundFacts} facts
 * @returns {string}
 */
export function roundSentence(facts) {
  const byFirstLot = facts.step === "first" && facts.byLot;
  const lot = byFirstLot ? ", where votes were equal, by lot" : "";
  return `${step(facts)}: ${result(facts)}${lot}.`;
}

function step({ step, from, votes, isOneVote, byLot, keeps }) {
  const number = isOneVote ? "1 vote" : `${votesText(votes)} votes`;
  const lot = byLot ? " (by lot among equals)" : "";
  switch (step) {
    case "first":
      return votes === 0n ? "First count" : `First count, ${number} needed`;
    case "surplus":
      return `${from}${lot} passes ${number} on, more than needed`;
    case "exclusion": {
      const above = keeps ? " above those of its empty seats" : "";
      return `${from} has the fewest votes${above} and is excluded${lot}`;
    }
    default:
      return "No more are left than seats";
  }
}

function result({ elected, others, empty, anyBefore, emptyBefore, isOver }) {
  const parts = [];
  if (elected.length > 0) {
    parts.push(`${list(elected, others)} ${elected.length > 1 ? "are" : "is"} elected`);
  }
  const more = emptyBefore ? " more" : "";
  if (empty > 0)
    parts.push(empty === 1 ? `1${more} seat stays empty` : `${empty}${more} seats stay empty`);
  if (parts.length > 0) return parts.join(", and ");
  return `nobody${anyBefore ? " else" : ""} is elected${isOver ? "" : " yet"}`;
}

function list(names, others) {
  const all = [...names];
  if (others > 0) all.push(others === 1 ? "1 other" : `${others} others`);
  const last = all.pop();
  return all.length > 0 ? `${all.join(", ")} and ${last}` : last;
}
