/**
 * Ballots by the rules of their election. Marks are one number for each name of the slate, in the
 * slate's order, where 0 is no mark; an empty list is a blank ballot.
 */

/**
 * Why marks are no ballot. The sentence for people is the text `ballot.CODE` of a language.
 * @typedef {{ code: string, values: Record<string, number> }} Refusal
 */

/**
 * What a ballot of an election can say.
 * @typedef {object} Form
 * @property {"plurality" | "transferable" | "schulze"} method
 * @property {number} marks the most names that may be marked
 * @property {number} seats
 * @property {boolean} blank whether it may be blank
 * @property {boolean} none whether the last name of the slate stands for nobody
 */

const METHODS = ["plurality", "transferable", "schulze"];

/**
 * What a ballot of an election can say.
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

/**
 * Whether marks are ranks.
 * @param {Form} form
 */
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
 * A name in a voter's order.
 * @typedef {{ place: number, shares: boolean }} Ranked its place on the slate, and whether it has
 *   the rank of the name before it
 */

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
 * An order after one name of it was moved. All others keep their order among each other, and the
 * ranks that they share.
 * @param {Ranked[]} order
 * @param {number} at the place of the name in the order
 * @param {"up" | "down" | "share" | "remove"} action by one rank, or to a rank of its own above or
 *   below the names that share its rank; `share` is to the rank of the name before it, and back
 * @returns {Ranked[]}
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

/**
 * The zero bytes that keep the size of a vote from telling the choice.
 * @param {Form} form
 * @param {string[]} candidates
 * @param {number[]} marks
 * @returns {Uint8Array}
 */
export function padding(form, candidates, marks) {
  if (hasOneMark(form)) {
    const name = marks.length === 0 ? "" : candidates[marks.indexOf(1)];
    const bytes = new TextEncoder().encode(name).length;
    return new Uint8Array(8 * (32 - Math.floor(bytes / 8)));
  }
  const words = marks.length === 0 ? Math.floor((candidates.length + 3) / 4) : 0;
  return new Uint8Array(8 * words);
}

function no(code, values = {}) {
  return { code, values };
}
