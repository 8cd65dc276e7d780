/** Tables that may be wider than the screen. */

import { element, foreign } from "./dom.js";

/**
 * A wide table in a box of its own, which scrolls, also by keyboard.
 * @param {string} caption
 * @param {Node} head the row of headings
 * @param {Node[]} rows
 */
export function wide(caption, head, rows) {
  const [label, body] = [element("caption", {}, caption), element("tbody", {}, ...rows)];
  const table = element("table", {}, label, element("thead", {}, head), body);
  return element("div.wide", { tabindex: "0", role: "region", "aria-label": caption }, table);
}

/**
 * A table with a row and a column for each name.
 * @param {string} caption
 * @param {string[]} slate
 * @param {(one: number, other: number) => string} cell what is said of a name and another, which
 *   are given by their places on the slate
 * @param {import("./language.js").Language} language
 */
export function matrix(caption, slate, cell, language) {
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, language.text("watch.name")),
    ...slate.map((name) => foreign("th.count", name, { scope: "col" })),
  );
  const rows = slate.map((name, one) =>
    element(
      "tr",
      {},
      foreign("th", name, { scope: "row" }),
      ...slate.map((_, other) => element("td.count", {}, one === other ? "–" : cell(one, other))),
    ),
  );
  return wide(caption, head, rows);
}
