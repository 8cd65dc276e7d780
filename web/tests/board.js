/** What a hall sees of a closed election. */

import { Language } from "../lib/language.js";
import { Board } from "../observer/board.js";
import { load } from "../observer/texts.js";

const ONE = { method: "plurality", seats: 1, marks: 1 };
const RULES = { ...ONE, majority: null, quorum: null, none: false };
const COUNT = { ballots: 20n, marked: 19n, voters: 20n, lots: [] };
const share = (numerator, denominator, of, atLeast = true) =>
  ({ numerator, denominator, of, atLeast });

/** The board of an election with these rules, these votes, and what else there is. */
async function boardOf(rules, votes, { elected = [], verdict = "decided", count = {} } = {}) {
  const info = { state: "open", blank: false, rules: { ...RULES, ...rules } };
  const board = new Board(info, await Language.of("en", load));
  const candidates = Object.entries(votes).map(([candidate, votes]) => ({ candidate, votes }));
  const turnout = { ballots: 20n, voters: 20n };
  const results = { turnout, candidates, blank: 0n, elected, verdict };
  board.show({ ...results, status: "provisional" }, new Date());
  board.show({ ...results, status: "final" }, new Date());
  board.explain({ ...COUNT, ...count });
  const find = (name) => board.content.find((it) => it.matches(name));
  // Names are isolated by characters that nobody sees.
  return (name) => find(name).textContent.replace(/\p{Cf}/gu, "");
}

const MOTION = { majority: share(2, 3, "marked"), quorum: share(1, 2, "roll") };

export const tests = {
  async "a motion shows what was needed and what was reached"({ equal }) {
    const text = await boardOf(MOTION, { Yes: 14n, No: 5n }, { elected: ["Yes"] });
    equal(text(".why"), "Yes: 14 of 19; 13 needed. Quorum: 20 ballots; 10 needed.");
    equal(text(".winners"), "ElectedYes");
    equal(text(".changed"), "");
  },
  async "a motion that fails shows by how many"({ equal }) {
    const missed = await boardOf(MOTION, { Yes: 12n, No: 7n }, { verdict: "noMajority" });
    equal(missed(".why"), "Yes: 12 of 19; 13 needed. Quorum: 20 ballots; 10 needed.");
    const few = { quorum: share(21, 1, "one"), majority: MOTION.majority };
    const quorum = await boardOf(few, { Yes: 14n, No: 5n }, { verdict: "noQuorum" });
    equal(quorum(".why"), "Quorum: 20 ballots; 21 needed.");
  },
  async "other rules, and those of a newer server, say what they can"({ equal }) {
    const two = { seats: 2, majority: share(1, 2, "ballots", false) };
    const seats = await boardOf(two, { Ada: 12n, Grace: 11n }, { elected: ["Ada", "Grace"] });
    equal(seats(".why"), "Votes needed to be elected: 11.");
    const newer = { majority: share(1, 2, 9), quorum: share(1, 0, "roll") };
    equal((await boardOf(newer, { Ada: 1n }))(".why"), "");
    equal((await boardOf({}, { Ada: 1n }))(".why"), "");
  },
  async "a seat by lot is shown beside the name"({ equal }) {
    const lots = [{ order: ["Grace", "Ken"], decided: "seats", seats: 1 }];
    const of = { elected: ["Ada", "Grace"], count: { lots } };
    const text = await boardOf({ seats: 2 }, { Ada: 9n, Grace: 7n, Ken: 7n }, of);
    equal(text(".winners"), "ElectedAdaGrace (by lot)All seats are filled.");
    equal(text(".board").includes("Grace ✓ elected, by lot7"), true);
    equal(text(".board").includes("Ken7"), true);
    equal(text(".why"), "The lot decided between equals.");
  },
};
