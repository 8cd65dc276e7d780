/** A new election from a form: the defaults and refusals of `capvote-client create`. */

import { nothingTyped } from "../officer/create.js";
import { TEST, idFrom, readSpec } from "../officer/spec.js";

const form = (more) => ({
  ...nothingTyped(),
  id: "board",
  candidates: "Ada\nBob\n\n Cy \nDora",
  ...more,
});

export const tests = {
  "what is left open has the usual values"({ equal }) {
    const { spec } = readSpec(form({}), 0);
    const { candidates, rules, publication, opens, closes, blank, roll } = spec;
    equal(candidates, ["Ada", "Bob", "Cy", "Dora"]);
    equal([rules, publication, opens, closes, blank, roll], [null, "sealed", 0n, 0n, false, ""]);
  },
  "as many marks as seats, and three ranks where few vote"({ equal }) {
    const marks = (typed, voters) => {
      const { spec, ranks } = readSpec(form(typed), voters);
      return [spec.rules?.marks ?? 1, ranks];
    };
    equal(marks({ seats: "3" }, 0), [3, null]);
    equal(marks({ method: "schulze" }, 0), [3, 3]);
    equal(marks({ method: "schulze", roll: "other" }, 999), [3, 3]);
    equal(marks({ method: "schulze", roll: "other" }, 1_000), [4, null]);
    equal(marks({ method: "transferable", marks: "4" }, 0), [4, null]);
    equal(marks({ method: "transferable", candidates: "A\nB\nC" }, 0), [3, null]);
  },
  "fields that do not go with the method are left out"({ equal }) {
    const typed = { majority: ">1/2 of marked", none: true };
    equal(readSpec(form(typed), 0).spec.rules.none, false);
    equal(readSpec(form({ ...typed, method: "schulze" }), 0).spec.rules.majority, null);
  },
  "a local time is told in seconds"({ equal }) {
    const { spec } = readSpec(form({ opens: "2026-12-01T18:00", closes: "2026-12-01T19:30" }), 0);
    equal(spec.opens, BigInt(new Date(2026, 11, 1, 18, 0).getTime() / 1_000));
    equal(spec.closes - spec.opens, 5_400n);
  },
  "what is wrong is told at its field"({ equal }) {
    for (const [typed, field, code] of [
      [{ id: "" }, "id", "create.id"],
      [{ id: "-a" }, "id", "create.id"],
      [{ id: "officer" }, "id", "create.idTaken"],
      [{ id: "rpc" }, "id", "create.idTaken"],
      [{ id: "robots.txt" }, "id", "create.idTaken"],
      [{ id: "favicon.ico" }, "id", "create.idTaken"],
      [{ id: "board.test" }, "id", "create.idOfTest"],
      [{ id: "board.test-2" }, "id", "create.idOfTest"],
      [{ candidates: " \n" }, "candidates", "slate.empty"],
      [{ candidates: "Ada\nAda" }, "candidates", "slate.duplicate"],
      [{ candidates: "Ada\n(Blank)" }, "candidates", "create.blankName"],
      [{ candidates: "x".repeat(257) }, "candidates", "slate.longName"],
      [{ title: "x".repeat(257) }, "title", "title.long"],
      [{ seats: "0" }, "seats", "create.number"],
      [{ seats: "5" }, "seats", "rules.seats"],
      [{ marks: "5" }, "marks", "rules.marks"],
      [{ majority: "1/2" }, "majority", "create.share"],
      [{ quorum: ">1/2 of marked" }, "quorum", "rules.quorum"],
      [{ method: "schulze", publication: "live" }, "publication", "rules.live"],
      [{ opens: "2026-12-01T18:00", closes: "2026-12-01T18:00" }, "closes", "create.closesFirst"],
    ]) {
      const { spec, problems } = readSpec(form(typed), 0);
      equal([spec, problems.map((it) => [it.field, it.why.code])], [null, [[field, code]]]);
    }
  },
  "no title makes a test of an election"({ equal }) {
    for (const title of ["Antrag: Covid-Test", "Covid.Test", "Covid test 2", ".test", "x.test-3"]) {
      equal(TEST.test(idFrom(title)), false, title);
    }
    equal(readSpec(form({ id: "board.test" }), 0, true).spec.id, "board.test");
  },
  "an id fits the title"({ equal }) {
    for (const [title, id] of [
      ["Board 2027", "board-2027"],
      ["Große Änderung!", "grosse-anderung"],
      ["  --  ", ""],
      ["李四", ""],
      [`${"a".repeat(39)} b`, "a".repeat(39)],
    ]) {
      equal(idFrom(title), id, title);
    }
  },
};
