/** The board that an observer sees: turnout, and a row for each name, kept up to date in place. */

import { element, foreign, say } from "../lib/dom.js";
import { timeOfDay } from "../lib/time.js";
import { neededOf } from "./needed.js";

/** The board of one election. */
export class Board {
  #language;
  /** The election, an `ElectionInfo`. */
  info;
  #rows = new Map();
  #turnout = element("p.turnout");
  #turnoutMeter = meter();
  #verdict = element("div.winners", { role: "status" });
  #why = element("p.why", { role: "status" });
  /** The names to which the lot gave a seat. */
  #byLot = new Set();
  #results = null;
  #at = null;
  #standing = element("p.standing");
  #changed = element("p.changed");
  #body = element("tbody");
  #table;
  /** What the newest results are, without the turnout's. */
  #seen = "";

  /**
   * @param {object} info an `ElectionInfo`
   * @param {import("../lib/language.js").Language} language
   */
  constructor(info, language) {
    this.info = info;
    this.#language = language;
    this.isRanked = Boolean(info.rules) && info.rules.method !== "plurality";
    const column = (name, key) => element(name, { scope: "col" }, language.text(key));
    const head = element(
      "tr",
      {},
      column("th", "watch.name"),
      column("th.bar", "watch.share"),
      column("th.count", this.isRanked ? "watch.first" : "watch.votes"),
    );
    this.#table = element("table.board", {}, element("thead", {}, head), this.#body);
  }

  /** @returns {HTMLElement[]} */
  get content() {
    return [
      this.#turnout,
      this.#turnoutMeter,
      this.#verdict,
      this.#why,
      this.#table,
      this.#standing,
      this.#changed,
    ];
  }

  /**
   * Shows results.
   * @param {object} results
   * @param {Date} at when they came
   */
  show(results, at) {
    const language = this.#language;
    this.#results = results;
    this.#at = at;
    const { turnout, status, candidates, blank, elected } = results;
    const { ballots, voters } = turnout;
    say(this.#turnout, language.text("watch.turnout", { count: ballots, all: voters }));
    fill(this.#turnoutMeter, ballots, voters);
    const isSealed = status === "sealed";
    this.#table.classList.toggle("sealed", isSealed);
    const rows = candidates.map((it) => ({ key: `n${it.candidate}`, ...it }));
    if (this.info.blank && !isSealed) {
      rows.push({ key: "blank", candidate: null, votes: blank });
    }
    this.#showRows(rows, ballots, isSealed, elected);
    say(this.#standing, this.#standingText(status));
    const seen = JSON.stringify([rows, ballots, voters, status, elected], (_, it) =>
      typeof it === "bigint" ? String(it) : it,
    );
    // Unchanged results are sent again from time to time, and final ones long after the close.
    if (status === "final") {
      say(this.#changed, "");
    } else if (seen !== this.#seen) {
      say(this.#changed, language.text("watch.changed", { time: timeOfDay(at, language.code) }));
    }
    this.#seen = seen;
    this.#showVerdict(results);
  }

  /**
   * Adds what the count tells: to whom the lot gave a seat, and how many were needed and reached.
   * @param {object} count a `Count`
   */
  explain(count) {
    const seats = count.lots.filter(({ decided }) => decided === "seats");
    this.#byLot = new Set(seats.flatMap(({ order, seats }) => order.slice(0, seats)));
    const isLot = count.lots.length > 0;
    const needed = neededOf(this.info.rules, count, this.#results);
    const sentences = needed.map(([key, values]) => this.#language.text(key, values));
    if (isLot) sentences.push(this.#language.text("watch.lot"));
    say(this.#why, sentences.join(" "));
    this.show(this.#results, this.#at);
    for (const item of this.#verdict.querySelectorAll("li")) {
      const lot = this.#language.text("watch.byLot");
      if (this.#byLot.has(item.textContent)) item.append(element("span", {}, ` (${lot})`));
    }
  }

  #electedText(name) {
    const elected = this.#language.text("rounds.elected");
    return this.#byLot.has(name) ? `${elected}, ${this.#language.text("watch.byLot")}` : elected;
  }

  #standingText(status) {
    const text = (key) => this.#language.text(key);
    if (this.info.state === "draft") return text("watch.notOpen");
    const isKnown = ["sealed", "provisional", "final"].includes(status);
    const first = this.isRanked && status === "final" ? ` ${text("watch.firstOnly")}` : "";
    return isKnown ? text(`watch.${status}`) + first : "";
  }

  /** Rows keep their elements, and change their places only when the order changes. */
  #showRows(rows, ballots, isSealed, elected) {
    this.#table.style.setProperty("--rows", String(rows.length + 1));
    rows.forEach(({ key, candidate, votes }, at) => {
      const row = this.#rowOf(key, candidate);
      const isElected = candidate !== null && elected.includes(candidate);
      row.node.classList.toggle("elected", isElected);
      say(row.mark, isElected ? ` ✓ ${this.#electedText(candidate)}` : "");
      say(row.count, isSealed ? "–" : this.#language.number(votes));
      fill(row.meter, isSealed ? 0n : votes, ballots);
      const there = this.#body.children[at];
      if (there !== row.node) this.#body.insertBefore(row.node, there ?? null);
    });
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { node }] of this.#rows) {
      if (keys.has(key)) continue;
      node.remove();
      this.#rows.delete(key);
    }
  }

  #rowOf(key, candidate) {
    const known = this.#rows.get(key);
    if (known) return known;
    const name =
      candidate === null
        ? element("span", {}, this.#language.text("watch.blank"))
        : foreign("bdi", candidate);
    const mark = element("span.mark");
    const bar = meter();
    const count = element("td.count");
    const node = element(
      "tr",
      {},
      element("th", { scope: "row" }, name, mark),
      element("td.bar", {}, bar),
      count,
    );
    const row = { node, mark, meter: bar, count };
    this.#rows.set(key, row);
    return row;
  }

  /** Who is elected, and why. */
  #showVerdict({ elected, verdict, status }) {
    if (status !== "final" || this.#verdict.childElementCount > 0) return;
    const language = this.#language;
    const names = elected.map((name) => foreign("li", name));
    // With one seat, the name says that.
    const isSaid = verdict === "decided" && names.length === 1;
    const known = ["decided", "noQuorum", "noMajority", "vacant"].includes(verdict) && !isSaid;
    this.#verdict.replaceChildren(
      ...(names.length > 0
        ? [
            element("h2", {}, language.text("watch.elected", { count: names.length })),
            element("ol", {}, ...names),
          ]
        : []),
      ...(known ? [element("p", {}, language.text(`verdict.${verdict}`))] : []),
    );
  }
}

/** A bar. The number beside it says the same, so that nobody has to hear it twice. */
function meter() {
  return element("span.meter", { "aria-hidden": "true" }, element("span"));
}

function fill(bar, value, all) {
  const share = all > 0n ? Math.min(Number(value) / Number(all), 1) : 0;
  bar.firstElementChild.style.width = `${100 * share}%`;
}
