/** The rules of elections, of shares and of the lot. Whole elections: tests/browser/count.rs. */

import { Ballots, LIMITS, checkBallot } from "../count/ballots.js";
import { count } from "../count/count.js";
import { draw, lotSeed } from "../count/lot.js";
import { checkRules, fewest, isReached, plainRules, readShare, shareText } from "../count/rules.js";
import { atOnce } from "../lib/steps.js";
import { votesText } from "../count/votes.js";

/** The code of what is refused; null if nothing is. */
function refused(work) {
  try {
    work();
    return null;
  } catch (error) {
    return error.code;
  }
}

const rules = (more) => ({ ...plainRules(), ...more });

export const tests = {
  "a share is read as it is shown"({ equal }) {
    for (const text of [
      ">1/2 of marked",
      ">=2/3 of ballots",
      ">=1/4 of roll",
      ">=50",
      ">=1 of roll",
    ]) {
      equal(shareText(readShare(text)), text);
    }
    equal(shareText(readShare(" ≥ 2 / 3 of MARKED")), ">=2/3 of marked");
    for (const text of [
      "",
      "1/2 of marked",
      ">3/2 of roll",
      ">1 of roll",
      ">=0 of roll",
      ">=0",
      ">0",
      ">=50 of one",
      ">1/2",
      ">1/2 of",
      ">=1/2 of voters",
      ">=-1/2 of roll",
      ">=4294967296",
      ">=0.5 of roll",
      ">=1/0 of roll",
    ]) {
      equal(readShare(text), null, text);
    }
  },
  "a share is reached in whole numbers, and no number below the fewest reaches it"({ equal }) {
    const wholes = { marked: 100n, ballots: 110n, roll: 1_000n };
    for (const [text, part] of [
      [">1/2 of marked", 51n],
      [">=2/3 of marked", 67n],
      [">=2/3 of ballots", 74n],
      [">=1/4 of roll", 250n],
      [">=50", 50n],
      [">50", 51n],
      [">=1 of roll", 1_000n],
    ]) {
      const share = readShare(text);
      equal(fewest(share, wholes), part, text);
      equal(
        [isReached(share, part, wholes), isReached(share, part - 1n, wholes)],
        [true, false],
        text,
      );
    }
  },
  "rules fit their slate"({ equal }) {
    const ranked = rules({ method: "transferable", marks: 3 });
    const half = readShare(">1/2 of marked");
    for (const [given, names, publication, code] of [
      [rules(), 1, "live", null],
      [rules({ marks: 7, seats: 3 }), 7, "live", null],
      [rules({ seats: 0 }), 7, "live", "rules.seats"],
      [rules({ seats: 8 }), 7, "live", "rules.seats"],
      [rules({ marks: 8 }), 7, "live", "rules.marks"],
      [rules({ none: true }), 7, "live", "rules.none"],
      [ranked, 7, "live", "rules.live"],
      [ranked, 100, "sealed", null],
      [ranked, 101, "sealed", "rules.longSlate"],
      [rules({ quorum: half }), 7, "live", "rules.quorum"],
      [{ ...ranked, majority: half }, 7, "sealed", "rules.majority"],
      [{ ...ranked, none: true, marks: 1 }, 1, "sealed", "rules.onlyNone"],
      [{ ...ranked, none: true, seats: 3 }, 3, "sealed", "rules.seats"],
    ]) {
      equal(
        refused(() => checkRules(given, names, publication)),
        code,
        JSON.stringify(given),
      );
    }
  },
  "what is no ballot is refused"({ equal }) {
    const [one, two] = [rules(), rules({ marks: 2 })];
    const [stv, tied] = [
      rules({ method: "transferable", marks: 2 }),
      rules({ method: "schulze", marks: 3 }),
    ];
    for (const [given, marks, code] of [
      [one, [], null],
      [one, [0, 0, 0, 0], "ballot.zeros"],
      [one, [1, 0, 0], "ballot.length"],
      [one, [1, 1, 0, 0], "ballot.tooMany"],
      [one, [2, 0, 0, 0], "ballot.notOne"],
      [two, [1, 1, 1, 0], "ballot.tooMany"],
      [stv, [1, 1, 0, 0], "ballot.shared"],
      [stv, [1, 3, 0, 0], "ballot.gap"],
      [stv, [2, 0, 0, 0], "ballot.gap"],
      [stv, [1, 2, 3, 0], "ballot.tooMany"],
      [tied, [1, 3, 1, 0], "ballot.gap"],
      [tied, [1, 1, 1, 1], "ballot.tooMany"],
      [tied, [1, 2, 1, 0], null],
    ]) {
      equal(
        refused(() => checkBallot(marks, 4, given)),
        code,
        `${given.method} ${marks}`,
      );
    }
  },
  "the lot of docs/methods.md: Bob is drawn before Cy"({ equal }) {
    equal(draw(lotSeed(new Uint8Array()), ["Ada", "Bob", "Cy"], [1, 2]), [1, 2]);
    equal(draw(lotSeed(new Uint8Array()), ["Ada", "Bob", "Cy", "Dora"], [2, 3]), [3, 2]);
  },
  "of equally strong wins the one with fewer ballots against it is stronger"({ equal }) {
    // A wins against B by 7 to 5, B against C by 7 to 6, and C against A by 7 to 4. The weakest is
    // B's win: C is better than A, and A than B.
    const ballots = new Ballots();
    for (const [marks, number] of [
      [[2, 3, 1], 4],
      [[1, 2, 3], 3],
      [[3, 1, 2], 1],
      [[0, 1, 0], 2],
      [[1, 1, 0], 1],
      [[3, 2, 1], 2],
    ]) {
      ballots.add(marks, number);
    }
    const schulze = rules({ method: "schulze", marks: 3 });
    const { pairs } = atOnce(count(["A", "B", "C"], schulze, ballots, 0n, new Uint8Array(32)));
    equal(pairs.preferred, [
      [0, 7, 4],
      [5, 0, 7],
      [7, 6, 0],
    ]);
    equal(pairs.places, [[2], [0], [1]]);
  },
  "votes are shown without zeros at the end"({ equal }) {
    for (const [votes, shown] of [
      [0n, "0"],
      [1n, "0.00001"],
      [191_400_000n, "1914"],
      [178_919_796n, "1789.19796"],
      [1_050_000n, "10.5"],
    ]) {
      equal(votesText(votes), shown);
    }
    equal(votesText(1_050_000n, ","), "10,5");
  },
  "no more ballots are counted than their sums hold"({ equal }) {
    const ballots = new Ballots();
    ballots.add([1], LIMITS.ballots);
    equal(
      refused(() => ballots.add([1])),
      "ballots.tooMany",
    );
  },
};
