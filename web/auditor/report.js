/** What a recount comes to: who is elected, and how that came about. */

import { isRanked, shareText } from "../count/rules.js";
import { roundFacts } from "../count/sentence.js";
import { votesText } from "../count/votes.js";
import { element, foreign } from "../lib/dom.js";
import { matrix, wide } from "../lib/tables.js";
import { roundSentence } from "../officer/texts.js";

const LIMITS = {
  /** Names of a matrix of comparisons; more make a table that nobody reads. */
  matrixNames: 30,
};

/**
 * The sections of a recount.
 * @param {import("../lib/sheet.js").Recount} recount
 * @param {import("../lib/language.js").Language} language
 * @returns {(Node | null)[]}
 */
export function recountSections(recount, language) {
  const { slate, rules, count } = recount;
  const several = count.rounds.length > 1;
  return [
    element("h3", {}, language.text("recount.result")),
    element("p.verdict", {}, verdict(recount, language)),
    element("p", {}, rulesText(rules, slate, language)),
    count.rounds.length > 0 ? roundsTable(recount, language) : null,
    several ? element("h3", {}, language.text("rounds.steps")) : null,
    count.rounds.length > 0 ? sentences(recount, language) : null,
    ...(count.pairs ? pairsSections(recount, language) : []),
    count.lots.length > 0 ? lotsSection(recount, language) : null,
  ];
}

function verdict({ slate, rules, count }, language) {
  const seats = count.lots.filter(({ decided }) => decided === "seats");
  const byLot = new Set(seats.flatMap(({ order, seats }) => order.slice(0, seats)));
  const lot = (place) => (byLot.has(place) ? ` (${language.text("watch.byLot")})` : "");
  const names = language.list(count.elected.map((place) => slate[place] + lot(place)));
  const who =
    count.elected.length === 0
      ? language.text("recount.nobody")
      : language.text("recount.elected", { count: count.elected.length, names });
  const empty = rules.seats - count.elected.length;
  const why =
    count.verdict === "decided" ? "" : language.text(`recount.${count.verdict}`, { count: empty });
  return `${who} ${why}`.trim();
}

/**
 * The rules in words.
 * @param {import("../count/rules.js").Rules} rules
 * @param {string[]} slate
 * @param {import("../lib/language.js").Language} language
 */
export function rulesText(rules, slate, language) {
  const { method, seats, marks, majority, quorum, none } = rules;
  const isApproval = method === "plurality" && marks === slate.length && marks > 1;
  const all = marks >= slate.length;
  const parts = [
    language.text(isApproval ? "rules.approval" : `rules.${method}`),
    language.text("rules.seats", { count: seats }),
    isApproval || (all && isRanked(rules)) ? null : language.text("rules.marks", { count: marks }),
    majority && language.text("rules.majority", { share: shareInWords(majority, language) }),
    quorum && language.text("rules.quorum", { share: shareInWords(quorum, language) }),
    none && language.text("rules.noneIs", { name: slate.at(-1) }),
  ];
  return parts.filter(Boolean).join(" ");
}

/**
 * A share in words, such as "more than 1/2 of the ballots that mark a name".
 * @param {import("../count/rules.js").Share} share
 * @param {import("../lib/language.js").Language} language
 */
export function shareInWords(share, language) {
  const { numerator, denominator, atLeast, of } = share;
  if (!["marked", "ballots", "roll", "one"].includes(of)) return shareText(share);
  const part = denominator === 1 ? language.number(numerator) : `${numerator}/${denominator}`;
  const number = language.text(atLeast ? "share.atLeast" : "share.above", { part });
  return of === "one" ? number : `${number} ${language.text(`share.${of}`)}`;
}

function point(language) {
  return (1.5).toLocaleString(language.code).charAt(1);
}

function roundsTable({ slate, count }, language) {
  const { rounds } = count;
  const show = (votes) => votesText(votes, point(language));
  const isOne = rounds.length === 1;
  const title = (at) =>
    isOne ? language.text("watch.votes") : language.text("rounds.round", { count: at + 1 });
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, language.text("watch.name")),
    ...rounds.map((_, at) => element("th.count", { scope: "col" }, title(at))),
  );
  const rows = slate.map((name, place) =>
    element(
      "tr",
      {},
      foreign("th", name, { scope: "row" }),
      ...rounds.map((round, at) => {
        const became = standing(rounds, at, place);
        const word = became && element("span.became", {}, ` ${language.text(`rounds.${became}`)}`);
        return element("td.count", {}, show(round.votes[place]), word);
      }),
    ),
  );
  for (const what of ["needed", "exhausted", "lost"]) {
    if (rounds.every((round) => round[what] === 0n)) continue;
    const cells = rounds.map((round) => element("td.count", {}, show(round[what])));
    rows.push(
      element("tr", {}, element("th", { scope: "row" }, language.text(`rounds.${what}`)), ...cells),
    );
  }
  const blank = count.wholes.ballots - count.wholes.marked;
  if (blank > 0n && isOne) {
    rows.push(
      element(
        "tr",
        {},
        element("th", { scope: "row" }, language.text("watch.blank")),
        element("td.count", {}, show(blank * 100_000n)),
      ),
    );
  }
  return wide(language.text(isOne ? "recount.votes" : "rounds.table"), head, rows);
}

/** What became of a name in a round, if something did. */
function standing(rounds, at, place) {
  const now = rounds[at].status[place];
  const before = rounds[at - 1]?.status[place];
  return now !== before && (now === "elected" || now === "excluded") ? now : null;
}

function sentences({ slate, count: { rounds } }, language) {
  const items = rounds.map((round, at) =>
    element(
      "li",
      { dir: "auto" },
      roundSentence(language, roundFacts(round, rounds[at - 1] ?? null, slate)),
    ),
  );
  return rounds.length === 1
    ? element("p", { dir: "auto" }, items[0].textContent)
    : element("ol", {}, ...items);
}

function pairsSections({ slate, count: { pairs } }, language) {
  const { preferred, paths, dropped, places } = pairs;
  const names = (all) => language.list(all.map((place) => slate[place]));
  const number = (path) =>
    path ? `${language.number(path.wins)}:${language.number(path.against)}` : "–";
  const sections = [];
  if (slate.length <= LIMITS.matrixNames) {
    sections.push(
      matrix(
        language.text("pairs.title"),
        slate,
        (one, other) => language.number(preferred[one][other]),
        language,
      ),
      element("p.hint", {}, language.text("pairs.text")),
      matrix(
        language.text("recount.paths"),
        slate,
        (one, other) => number(paths[one][other]),
        language,
      ),
      element("p.hint", {}, language.text("recount.pathsText")),
    );
  }
  const order = places.map((place) => element("li", {}, names(place)));
  return [
    ...sections,
    element("h3", {}, language.text("pairs.places")),
    element("ol", {}, ...order),
    dropped.length > 0
      ? element("p", {}, language.text("pairs.dropped", { names: names(dropped) }))
      : null,
  ];
}
