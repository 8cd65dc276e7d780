/**
 * The beat path method of Markus Schulze, with winning votes; with a default option, the vote
 * counting of Debian's constitution (section A.5, which was A.6 until 2022).
 *
 * 1. For each two names, the ballots that prefer the one to the other are counted. A marked name is
 *    preferred to one that is not marked.
 * 2. With `none`, the last name of the slate is the default option: whoever does not beat it
 *    directly is dropped (A.5.3).
 * 3. A name wins against another if more ballots prefer it. The ballots for it are the strength of
 *    the win; of equally strong ones, the one with fewer ballots against it is stronger (A.5.7).
 * 4. A path is as strong as its weakest win. A name is better than another if its strongest path
 *    there is stronger than the strongest path back.
 * 5. The first place has the names than which none is better; the next place those of the others;
 *    and so on. Where a place has more names than there are seats left, the lot decides.
 *
 * Sums of ballots have 32 bits: `Ballots` takes no more.
 */

import { draw } from "./lot.js";

/** @typedef {{ wins: number, against: number }} Strength */

/** A mark that is behind all ranks. */
const UNMARKED = 0xff;

/** @param {import("./count.js").Election} election */
export function* schulze({ slate, rules, ballots, wholes, seed }) {
  const preferred = yield* compare(slate.length, ballots);
  const none = rules.none ? slate.length - 1 : null;
  const pairs = yield* judge(preferred, none);
  const elected = [];
  const lots = [];
  // Without a marked ballot nobody is elected; and nobody from the default option's place on.
  for (const place of wholes.marked > 0n ? pairs.places : []) {
    if (place.includes(none)) break;
    const seats = rules.seats - elected.length;
    if (place.length <= seats) {
      elected.push(...place);
    } else if (seats > 0) {
      const order = draw(seed, slate, place);
      elected.push(...order.slice(0, seats));
      lots.push({ order, decided: "seats", seats });
    }
  }
  const verdict = elected.length === rules.seats ? "decided" : "vacant";
  return { elected, verdict, rounds: [], pairs, lots };
}

/** 1. For each name, the ballots that prefer it to each name. */
function* compare(names, ballots) {
  const sums = new Uint32Array(names * names);
  const ranks = new Uint8Array(names);
  let done = 0;
  for (const group of ballots.groups()) {
    group.marks.forEach((mark, name) => (ranks[name] = mark === 0 ? UNMARKED : mark));
    for (let one = 0; one < names; one++) {
      const rank = ranks[one];
      if (rank === UNMARKED) continue;
      const row = one * names;
      for (let other = 0; other < names; other++) {
        if (rank < ranks[other]) sums[row + other] += group.ballots;
      }
    }
    yield { done: ++done, all: ballots.kinds };
  }
  return Array.from({ length: names }, (_, one) =>
    Array.from(sums.subarray(one * names, (one + 1) * names)),
  );
}

/**
 * 2. to 5.: what follows from who is preferred to whom.
 * @param {number[][]} preferred
 * @param {number | null} none the place of the default option
 */
function* judge(preferred, none) {
  const all = preferred.map((_, name) => name);
  // 2.
  const isDropped = (name) =>
    none !== null && name !== none && preferred[name][none] <= preferred[none][name];
  const dropped = all.filter(isDropped);
  const left = all.filter((name) => !isDropped(name));
  // 3.
  const paths = all.map(() => all.map(() => null));
  for (const one of left) {
    for (const other of left) {
      const [wins, against] = [preferred[one][other], preferred[other][one]];
      if (wins > against) paths[one][other] = { wins, against };
    }
  }
  // 4. By Floyd and Warshall: a path by way of one name after the other, if it is stronger.
  for (const [done, way] of left.entries()) {
    for (const from of left) {
      const first = paths[from][way];
      if (!first) continue;
      for (const to of left) {
        const second = paths[way][to];
        if (!second || to === from) continue;
        const by = isStronger(first, second) ? second : first;
        if (isStronger(by, paths[from][to])) paths[from][to] = by;
      }
    }
    yield { done: done + 1, all: left.length };
  }
  return { preferred, paths, dropped, places: places(paths, left) };
}

/** Whether a path is stronger than another; no path is weaker than any. */
function isStronger(one, other) {
  if (!one || !other) return Boolean(one);
  return one.wins > other.wins || (one.wins === other.wins && one.against < other.against);
}

/** 5. */
function places(paths, names) {
  const all = [];
  let left = names;
  while (left.length > 0) {
    const isBest = (name) =>
      !left.some((other) => isStronger(paths[other][name], paths[name][other]));
    const best = left.filter(isBest);
    // To be better is transitive, so somebody is best; and were it not so, this would end.
    all.push(best.length > 0 ? best : left);
    left = best.length > 0 ? left.filter((name) => !best.includes(name)) : [];
  }
  return all;
}
