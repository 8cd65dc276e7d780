/**
 * Ballots by the rules of their election. Marks are one number for each name of the slate, in the
 * slate's order, where 0 is no mark; an empty list is a blank ballot.
 */

/** @import { Form, Ranked, Refusal } from "./shapes.d.ts" */

const METHODS = ["plurality", "transferable", "schulze"];

/**
 * @param {object} info an `ElectionInfo`
 * @returns {Form | null} null if only a newer page knows the method
 */
export function form({ rules, candidates, blank }) {
  if (!rules) return { method: "plurality", marks: 1, seats: 1, blank, none: false };
  const { method, seats, none } = rules;
  if (!METHODS.includes(method)) return null;
  return { method, marks: Math.min(rules.marks, candidates.length), seats, blank, none };
}

/**
 * Whether a ballot is one name, or blank: then it is cast by `Election.vote`, and its receipt names
 * it alone.
 * @param {Form} form
 */
export function hasOneMark({ method, marks }) {
  return method === "plurality" && marks === 1;
}

/** Whether marks are ranks. @param {Form} form */
export function isRanked({ method }) {
  return method !== "plurality";
}

/**
 * Checks marks as the server does.
 * @param {Form} form
 * @param {number} names how many names are on the slate
 * @param {number[]} marks
 * @returns {Refusal | null} null if they are a ballot
 */
export function check(form, names, marks) {
  if (marks.length === 0) return form.blank ? null : no("noBlank");
  if (marks.length !== names) return no("length", { count: names, given: marks.length });
  const given = marks.filter((mark) => mark > 0);
  if (given.length === 0) return no("zeros");
  const refusal = isRanked(form) ? checkRanks(form, given) : checkVotes(given);
  if (refusal) return refusal;
  if (given.length > form.marks) return no("tooMany", { count: form.marks, given: given.length });
  return null;
}

function checkVotes(given) {
  const mark = given.find((mark) => mark > 1);
  return mark === undefined ? null : no("notOne", { mark });
}

/** Checks that the ranks from 1 to the highest are all given. */
function checkRanks({ method }, given) {
  let last = 0;
  for (const rank of [...given].sort((a, b) => a - b)) {
    if (rank === last && method !== "schulze") return no("shared", { rank });
    if (rank > last + 1) return no("gap", { rank: last + 1 });
    last = rank;
  }
  return null;
}

/**
 * The marks of a ballot with these names, each of which gets a vote.
 * @param {number} names how many names are on the slate
 * @param {Iterable<number>} places the marked names' places on the slate, from 0
 * @returns {number[]}
 */
export function votes(names, places) {
  const marks = Array(names).fill(0);
  for (const place of places) marks[place] = 1;
  return marks;
}

/**
 * The marks of a ballot with these names in the order of their ranks.
 * @param {number} names how many names are on the slate
 * @param {Ranked[]} order
 * @returns {number[]}
 */
export function ranks(names, order) {
  const marks = Array(names).fill(0);
  let rank = 0;
  order.forEach(({ place, shares }, at) => {
    if (at === 0 || !shares) rank += 1;
    marks[place] = rank;
  });
  return marks;
}

/**
 * An order after something was done to the name in a place. All others keep their order among each
 * other, and the ranks that they share.
 * @param {Ranked[]} order
 * @param {number} at
 * @param {"up" | "down" | "share" | "remove"} action up or down by one rank, or out of a rank that
 *   is shared; `share` is into the rank of the name before it, and out of it
 */
export function moved(order, at, action) {
  const { place, shares } = order[at];
  const others = [...order.slice(0, at), ...order.slice(at + 1)];
  const next = others[at];
  const isAlone = !shares && !next?.shares;
  // The first of its rank leaves the rank to the others.
  if (next && !shares) others[at] = { ...next, shares: false };
  if (action === "remove") return others;
  const isJoining = action === "share" && !shares;
  let to = at;
  if (action === "up") {
    if (shares || isAlone) to = Math.max(at - 1, 0);
    while (others[to]?.shares) to--;
  } else if (!isJoining) {
    if (!shares) to++;
    while (others[to]?.shares) to++;
  }
  others.splice(to, 0, { place, shares: isJoining });
  return others;
}

/**
 * The marked names in the order of their marks, those of one rank together. From marks that are
 * votes comes one group.
 * @param {string[]} candidates
 * @param {number[]} marks
 * @returns {{ mark: number, names: string[] }[]}
 */
export function marked(candidates, marks) {
  const groups = new Map();
  marks.forEach((mark, place) => {
    if (mark > 0) groups.set(mark, [...(groups.get(mark) ?? []), candidates[place]]);
  });
  const sorted = [...groups].sort(([a], [b]) => a - b);
  return sorted.map(([mark, names]) => ({ mark, names }));
}

/** The name on a ballot of one mark; empty for a blank ballot. */
export function nameOf(candidates, marks) {
  return marks.length === 0 ? "" : candidates[marks.findIndex((mark) => mark > 0)];
}

/** The marked names, in the order of the slate. */
export function named(candidates, marks) {
  const names = candidates.map((name, place) => ({ name, mark: marks[place] ?? 0 }));
  return names.filter(({ mark }) => mark > 0);
}

/** The zero bytes that keep the size of a vote from telling the choice. */
export function padding(form, candidates, marks) {
  if (hasOneMark(form)) {
    const bytes = new TextEncoder().encode(nameOf(candidates, marks)).length;
    return new Uint8Array(8 * (32 - Math.floor(bytes / 8)));
  }
  const words = marks.length === 0 ? Math.floor((candidates.length + 3) / 4) : 0;
  return new Uint8Array(8 * words);
}

function no(code, values = {}) {
  return { code, values };
}
