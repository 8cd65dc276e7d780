/** Ballots, as `src/election/ballot.rs` makes and refuses them. */

import { check, form, marked, moved, padding, ranks, votes } from "../lib/ballot.js";

/** What ballots of elections with four names can say. */
const RULES = {
  one: { method: "plurality", marks: 1, blank: false },
  two: { method: "plurality", marks: 2, blank: false },
  stv: { method: "transferable", marks: 2, blank: false },
  tied: { method: "schulze", marks: 3, blank: false },
};

const REFUSED = [
  ["one", [], "noBlank"],
  ["one", [0, 0, 0, 0], "zeros"],
  ["one", [1, 0, 0], "length"],
  ["one", [1, 1, 0, 0], "tooMany"],
  ["one", [2, 0, 0, 0], "notOne"],
  ["two", [1, 1, 1, 0], "tooMany"],
  ["two", [1, 65_535, 0, 0], "notOne"],
  ["stv", [1, 1, 0, 0], "shared"],
  ["stv", [1, 3, 0, 0], "gap"],
  ["stv", [2, 0, 0, 0], "gap"],
  ["stv", [65_535, 0, 0, 1], "gap"],
  ["stv", [1, 2, 3, 0], "tooMany"],
  ["tied", [1, 3, 1, 0], "gap"],
  ["tied", [1, 1, 1, 1], "tooMany"],
];

const TAKEN = [
  ["one", [0, 0, 1, 0]],
  ["two", [1, 0, 0, 1]],
  ["stv", [2, 0, 0, 1]],
  ["tied", [2, 1, 1, 0]],
];

/** Every order of these places in which neighbours share ranks, or do not. */
function* orders(places) {
  if (places.length === 0) yield [];
  for (const place of places) {
    for (const rest of orders(places.filter((it) => it !== place))) {
      const [next, ...others] = rest;
      const first = { place, shares: false };
      yield [first, ...rest];
      if (next) yield [first, { ...next, shares: true }, ...others];
    }
  }
}

/** How the places other than one are ranked among each other. */
function amongOthers(order, but) {
  const marks = ranks(NAMES, order);
  const others = marks.map((_, place) => place).filter((place) => place !== but);
  return others.map((one) => others.map((two) => Math.sign(marks[one] - marks[two])));
}

const NAMES = 4;

const placesOf = (order) => order.map(({ place, shares }) => `${shares ? "=" : ""}${place}`).join();

export const tests = {
  "an action on a name leaves the ranks of all others among each other"({ equal }) {
    let count = 0;
    for (const order of orders([...Array(NAMES).keys()])) {
      for (const action of ["up", "down", "share", "remove"]) {
        order.forEach(({ place }, at) => {
          if (at === 0 && action === "share") return;
          const before = JSON.stringify(order);
          const after = moved(order, at, action);
          const what = `${action} on ${at} of ${placesOf(order)}: ${placesOf(after)}`;
          equal(amongOthers(after, place), amongOthers(order, place), what);
          equal(JSON.stringify(order), before);
          equal(after.length, NAMES - (action === "remove"), what);
          equal(after[0].shares, false, what);
          equal(check({ ...RULES.tied, marks: NAMES }, NAMES, ranks(NAMES, after)), null, what);
          count++;
        });
      }
    }
    equal(count, 192 * 15);
  },
  "a name moves by one rank, out of a rank that it shares, or into the one before"({ equal }) {
    for (const [order, at, action, expected] of [
      ["0,1,2", 2, "up", "0,2,1"],
      ["0,=1,2", 2, "up", "2,0,=1"],
      ["0,=1,=2", 1, "up", "1,0,=2"],
      ["0,=1", 0, "up", "0,1"],
      ["0,1", 0, "up", "0,1"],
      ["0,1,=2", 0, "down", "1,=2,0"],
      ["0,=1,=2", 0, "down", "1,=2,0"],
      ["0,1,=2", 2, "down", "0,1,2"],
      ["0,1", 1, "down", "0,1"],
      ["0,1,=2", 1, "share", "0,=1,2"],
      ["0,=1,=2", 1, "share", "0,=2,1"],
      ["0,1,=2", 1, "remove", "0,2"],
      ["0,=1", 0, "remove", "1"],
    ]) {
      const read = (it) => ({ place: Number(it.replace("=", "")), shares: it.startsWith("=") });
      const after = moved(order.split(",").map(read), at, action);
      equal(placesOf(after), expected, `${action} on ${at} of ${order}`);
    }
  },
  "what is no ballot is refused for its reason"({ equal }) {
    for (const [rules, marks, code] of REFUSED) {
      equal(check(RULES[rules], 4, marks)?.code, code, `${rules} ${marks}`);
    }
  },
  "what is a ballot is not refused"({ equal }) {
    for (const [rules, marks] of TAKEN) {
      equal(check(RULES[rules], 4, marks), null, `${rules} ${marks}`);
    }
    equal(check({ ...RULES.stv, blank: true }, 4, []), null);
  },
  "marks are made from names, and names from marks"({ equal }) {
    const order = [
      { place: 2, shares: true },
      { place: 0, shares: true },
      { place: 3, shares: false },
    ];
    equal(votes(4, [3, 0]).join(), "1,0,0,1");
    equal(ranks(4, order).join(), "1,0,1,2");
    const groups = marked(["a", "b", "c", "d"], [1, 0, 1, 2]);
    equal(JSON.stringify(groups), '[{"mark":1,"names":["a","c"]},{"mark":2,"names":["d"]}]');
  },
  "rules that are missing are one name, and a method of a newer server is none"({ equal }) {
    equal(form({ rules: null, candidates: ["a"], blank: true }).marks, 1);
    equal(form({ rules: { method: 9, marks: 1 }, candidates: ["a"], blank: true }), null);
  },
  "the name, or the marks, and the padding take as much room for every choice"({ equal }) {
    const names = ["", "a".repeat(7), "b".repeat(8), "ü".repeat(100), "c".repeat(256)];
    const words = (bytes) => Math.ceil(bytes / 8);
    const one = { method: "plurality", marks: 1 };
    const sizes = names.map((name, place) => {
      const marks = votes(names.length, [place]);
      const { length } = new TextEncoder().encode(name);
      return words(length + 1) + padding(one, names, marks).length / 8;
    });
    equal(new Set([...sizes, 1 + padding(one, names, []).length / 8]).size, 1, sizes.join());
    for (const count of [1, 2, 3, 4, 5, 100, 1_000]) {
      const slate = Array(count).fill("x");
      const blank = padding({ method: "schulze", marks: count }, slate, []);
      equal(blank.length / 8, words(2 * count), `${count} names`);
    }
  },
};
