/** How the result of a closed election came about: rounds, comparisons, and lots. */

import { roundFacts } from "../count/sentence.js";
import { VOTE } from "../count/votes.js";
import { element, foreign } from "../lib/dom.js";
import { matrix, wide } from "../lib/tables.js";

const STEPS = ["first", "surplus", "exclusion", "remaining"];

/** Votes in rounds are counted in billionths of a vote. */
const BILLION = 1_000_000_000;

/** How many of them are one part of a vote as `count/` has them. */
const VOTE_PART = BigInt(BILLION) / VOTE;

/** Values of ballots have so many decimals. */
const DECIMALS = 5;

/**
 * The sections of a count.
 * @param {object} count a `Count`
 * @param {boolean} isRanked whether the board shows first ranks only
 * @param {import("../lib/language.js").Language} language
 * @param {(facts: import("../count/sentence.js").RoundFacts) => string} sentence what happened in a
 *   round, in this language
 * @returns {HTMLElement[]} none if there is nothing that the board does not show
 */
export function countSections(count, isRanked, language, sentence) {
  const sections = [];
  if (count.rounds.length > (isRanked ? 0 : 1)) sections.push(...rounds(count, language, sentence));
  if (count.pairs) sections.push(...pairs(count, language));
  if (count.lots.length > 0) sections.push(...lots(count.lots, language));
  if (sections.length === 0) return [];
  return [element("h2", {}, language.text("rounds.title")), ...sections];
}

function rounds({ rounds, candidates }, language, sentence) {
  const format = new Intl.NumberFormat(language.code, { maximumFractionDigits: DECIMALS });
  const votes = (value) => format.format(Number(value) / BILLION);
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, language.text("watch.name")),
    ...rounds.map((_, at) =>
      element("th.count", { scope: "col" }, language.text("rounds.round", { count: at + 1 })),
    ),
  );
  const rows = candidates.map((name, place) =>
    element(
      "tr",
      {},
      foreign("th", name, { scope: "row" }),
      ...rounds.map((round, at) => {
        const standing = standingOf(rounds, at, place, language);
        return element("td.count", {}, votes(round.votes[place] ?? 0n), standing);
      }),
    ),
  );
  for (const what of ["needed", "exhausted", "lost"]) {
    if (rounds.every((round) => round[what] === 0n)) continue;
    const cells = rounds.map((round) => element("td.count", {}, votes(round[what])));
    const label = element("th", { scope: "row" }, language.text(`rounds.${what}`));
    rows.push(element("tr", {}, label, ...cells));
  }
  const words = rounds.map((round, at) => {
    const facts = factsOf(round, rounds[at - 1] ?? null, candidates);
    return facts
      ? element("li", {}, sentence(facts))
      : element("li", { lang: "en", dir: "auto" }, round.words);
  });
  return [
    wide(language.text("rounds.table"), head, rows),
    element("h3", {}, language.text("rounds.steps")),
    element("ol", {}, ...words),
  ];
}

/**
 * The facts of a round, from which its sentence is made; null for a step that this page does not
 * know, of which the server's own words are shown.
 */
function factsOf(round, before, candidates) {
  if (!STEPS.includes(round.step)) return null;
  const own = ({ from, elected, statuses, needed, surplus, ...rest }) => ({
    ...rest,
    needed: needed / VOTE_PART,
    surplus: surplus / VOTE_PART,
    from: from === "" ? null : candidates.indexOf(from),
    elected: elected.map((name) => candidates.indexOf(name)),
    status: statuses,
  });
  return roundFacts(own(round), before && own(before), candidates);
}

/** What became of a name in a round, if something did. */
function standingOf(rounds, at, place, language) {
  const now = rounds[at].statuses[place];
  const before = rounds[at - 1]?.statuses[place];
  if (now === before || (now !== "elected" && now !== "excluded")) return null;
  return element("span.mark", {}, ` ${language.text(`rounds.${now}`)}`);
}

function pairs({ pairs: { preferred, places, dropped }, candidates }, language) {
  const cell = (one, other) => language.number(preferred[one]?.[other] ?? 0n);
  const order = places.map((names) => element("li", {}, language.list(names)));
  return [
    matrix(language.text("pairs.title"), candidates, cell, language),
    element("p.hint", {}, language.text("pairs.text")),
    element("h3", {}, language.text("pairs.places")),
    element("ol", {}, ...order),
    ...(dropped.length > 0
      ? [element("p", {}, language.text("pairs.dropped", { names: language.list(dropped) }))]
      : []),
  ];
}

function lots(lots, language) {
  const items = lots.map(({ order }) =>
    element("li", {}, language.text("lots.drawn", { names: language.list(order) })),
  );
  return [element("h3", {}, language.text("lots.title")), element("ul", {}, ...items)];
}
