/** One sentence for each round of a count, in German. */

import { votesText } from "../count/votes.js";

/**
 * @param {import("../count/sentence.js").RoundFacts} facts
 * @returns {string}
 */
export function roundSentence(facts) {
  const byFirstLot = facts.step === "first" && facts.byLot;
  const lot = byFirstLot ? "; bei Gleichstand entschied das Los" : "";
  return `${step(facts)}: ${result(facts)}${lot}.`;
}

function step({ step, from, votes, isOneVote, byLot, keeps }) {
  const number = isOneVote ? "1 Stimme" : `${votesText(votes, ",")} Stimmen`;
  const lot = byLot ? " (durch das Los unter Gleichen)" : "";
  switch (step) {
    case "first":
      return votes === 0n ? "Erste Zählung" : `Erste Zählung, ${number} nötig`;
    case "surplus":
      return `${from}${lot} gibt ${number} weiter, mehr als nötig`;
    case "exclusion": {
      const above = keeps ? " über denen der leeren Sitze" : "";
      return `${from} hat die wenigsten Stimmen${above} und scheidet aus${lot}`;
    }
    default:
      return "Es sind nicht mehr übrig als Sitze";
  }
}

function result({ elected, others, empty, anyBefore, emptyBefore, isOver }) {
  const parts = [];
  if (elected.length > 0) {
    parts.push(`${list(elected, others)} ${elected.length > 1 ? "sind" : "ist"} gewählt`);
  }
  const more = emptyBefore ? " weiterer" : "";
  if (empty === 1) parts.push(`1${more} Sitz bleibt leer`);
  if (empty > 1) parts.push(`${empty}${emptyBefore ? " weitere" : ""} Sitze bleiben leer`);
  if (parts.length > 0) return parts.join(", und ");
  return `${isOver ? "" : "noch "}niemand${anyBefore ? " sonst" : ""} ist gewählt`;
}

function list(names, others) {
  const all = [...names];
  if (others > 0) all.push(others === 1 ? "1 weiterer Name" : `${others} weitere Namen`);
  const last = all.pop();
  return all.length > 0 ? `${all.join(", ")} und ${last}` : last;
}
