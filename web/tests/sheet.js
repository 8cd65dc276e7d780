/** Tally sheets that capvote-client wrote: read, written again, counted, and altered. */

import { receiptOfName, receiptText } from "../lib/receipt.js";
import { LIMITS as CSV_LIMITS } from "../lib/csv.js";
import {
  LIMITS,
  Sheet,
  csvParts,
  fingerprint,
  jsonParts,
  readSheet,
  readSheetFile,
  recount,
} from "../lib/sheet.js";
import { atOnce } from "../lib/steps.js";
import { compareBytes } from "../count/lot.js";
import { plainRules } from "../count/rules.js";

const FILES = ["plain.csv", "plain.json", "marked.csv", "marked.json"];

async function text(name) {
  const answer = await fetch(new URL(`sheets/${name}`, import.meta.url));
  return answer.text();
}

const read = (text) => atOnce(readSheet(text));

/** Why a text is refused; null if it is not. */
function refusal(text) {
  try {
    const { values, code } = read(text).contradiction() ?? { values: null, code: null };
    return code && { code, ...values };
  } catch (error) {
    return { code: error.code, ...error.values };
  }
}

export const tests = {
  async "a sheet is written again as it was read, in both forms"({ equal }) {
    for (const name of FILES) {
      const sheet = read(await text(name));
      const [kind] = name.split(".");
      equal(
        [...jsonParts(sheet.header ? sheet : read(await text(`${kind}.json`)))].join(""),
        await text(`${kind}.json`),
        name,
      );
      equal([...csvParts(sheet)].join(""), await text(`${kind}.csv`), name);
      equal(sheet.contradiction(), null);
    }
  },
  "a sheet of a restored election without ballots is read as it was written"({ equal }) {
    const sheet = new Sheet("board", null, { ledger: "a7".repeat(16), epoch: 2 });
    const written = [...csvParts(sheet)].join("");
    equal([...csvParts(read(written))].join(""), written);
  },
  async "a sheet is counted as capvote-client recount counts it"({ equal }) {
    const expected = {
      plain: { ballots: 5, marked: 4, elected: ['Grace "Amazing" Hopper'], verdict: "decided" },
      marked: {
        ballots: 7,
        marked: 6,
        elected: ['Grace "Amazing" Hopper', "Ada Lovelace"],
        verdict: "decided",
      },
    };
    for (const name of FILES) {
      const { slate, count } = atOnce(recount(read(await text(name))));
      const elected = count.elected.map((place) => slate[place]);
      const { ballots, marked } = count.wholes;
      const found = { ballots: Number(ballots), marked: Number(marked), elected };
      equal({ ...found, verdict: count.verdict }, expected[name.split(".")[0]], name);
    }
  },
  async "every altered, missing and added character is found"({ equal }) {
    for (const name of FILES) {
      const whole = await text(name);
      for (let at = 0; at < whole.length; at++) {
        const other = whole[at] === "7" ? "8" : "7";
        for (const altered of [
          whole.slice(0, at) + other + whole.slice(at + 1),
          whole.slice(0, at) + whole.slice(at + 1),
          whole.slice(0, at) + other + whole.slice(at),
        ]) {
          if (altered === whole) continue;
          equal(refusal(altered) !== null, true, `${name} at ${at}`);
        }
      }
    }
  },
  async "every cut is found, but for whole ballots of a sheet that does not count them"({ equal }) {
    for (const name of FILES) {
      const whole = await text(name);
      for (let at = 0; at < whole.length; at++) {
        const isWhole = name === "plain.csv" && at > 0 && whole[at - 1] === "\n";
        equal(refusal(whole.slice(0, at)) !== null, !isWhole, `${name} at ${at}`);
      }
    }
  },
  async "a refusal says where"({ equal }) {
    const [csv, json] = [await text("marked.csv"), await text("marked.json")];
    const lines = csv.split("\n");
    const where = (at, change) => {
      const { code, line, flaw } = refusal(
        lines.map((it, place) => (place === at ? change(it) : it)).join("\n"),
      );
      return { code, line, flaw };
    };
    equal(
      where(13, (it) => it.replace(",1,", "1,,")),
      { code: "sheet.mismatch", line: 14, flaw: "changed" },
    );
    equal(
      where(16, (it) => it.replace("2", "4")),
      { code: "sheet.ballot", line: 17, flaw: "changed" },
    );
    equal(where(11, (it) => `${it}0`).code, "sheet.headCheck");
    equal(
      where(15, (it) => it.slice(0, 20)),
      { code: "sheet.columnCount", line: 16, flaw: "unreadable" },
    );
    const { line, flaw } = refusal(json.slice(0, json.indexOf('"nonce"')));
    equal([line > 20, flaw], [true, "unreadable"]);
    equal(refusal(json.replace('"marks": [\n        1', '"marks": [\n        2')).ballot, 4);
    const without = lines.filter((_, at) => at !== 14).join("\n");
    equal(refusal(without), { code: "sheet.otherNumber", written: 7, found: 6, flaw: "changed" });
  },
  async "a file that was saved again is told from a changed one"({ equal }) {
    for (const name of ["plain.csv", "marked.csv"]) {
      const whole = await text(name);
      for (const [saved, found] of [
        [`\uFEFF${whole}`, "byteOrderMark"],
        [whole.replaceAll("\n", "\r\n"), "lineEnds"],
        [whole.trimEnd(), "lastLine"],
        [`${whole}\n`, "emptyLine"],
        [
          whole.replaceAll(",", ";").replace("and; ", "and, ").replace('"; and', '", and'),
          "separators",
        ],
      ]) {
        const why = refusal(saved);
        equal(
          [why.code, why.flaw, why.found.includes(found)],
          ["sheet.rewritten", "rewritten", true],
          found,
        );
      }
    }
    const [heading, first, ...rest] = (await text("plain.csv")).trimEnd().split("\n");
    const sorted = `${[heading, ...rest, first].join("\n")}\n`;
    equal(refusal(sorted).found, ["order"]);
  },
  async "a document that two readers may read differently is no sheet"({ equal }) {
    const json = await text("plain.json");
    for (const changed of [
      json.replace('"title"', '"title": "x",\n  "title"'),
      json.replace('"title"', '"__proto__": 1,\n  "title"'),
      json.replace(/"voters": (\d+)/, '"voters": $1.0'),
      json.replace(/"voters": (\d+)/, '"voters": $1e0'),
      json.replace('"nonce"', '"n\\u006fnce": "",\n      "nonce"'),
    ]) {
      equal(changed === json, false);
      equal(refusal(changed).flaw, "unreadable", changed);
    }
    equal(refusal(JSON.stringify(JSON.parse(json))).flaw, "rewritten");
  },
  async "files that are made to keep the page busy are refused in a moment"({ equal }) {
    const runs = ["\n", " ", "\0", '"', "\t", ";", "\r\n"];
    for (const run of runs) {
      for (const begins of ["a", "#", "election,candidate,nonce,receipt\nboard,", "{"]) {
        const long = run.repeat(1 << 19);
        equal(refusal(`${begins}${long}b`).flaw !== "rewritten", true, begins);
        equal(refusal(`${begins}b${long}`).flaw !== "rewritten", true, begins);
      }
    }
    const names = Array.from({ length: 100_000 }, (_, at) => `name ${at}`);
    const header = { title: "", candidates: names, voters: names.length, rules: plainRules() };
    const sheet = new Sheet("board", header, null);
    // Each ballot has a name of its own; they are in no order that a file could have.
    const ballots = names.map((name, at) => {
      const nonce = new Uint8Array(16);
      new DataView(nonce.buffer).setUint32(0, at);
      return { name, nonce, receipt: receiptOfName("board", name, nonce) };
    });
    ballots.sort((one, other) => compareBytes(one.receipt, other.receipt));
    for (const { name, nonce, receipt } of ballots) {
      sheet.add(name, nonce, receiptText(receipt), {});
    }
    equal(sheet.contradiction(), null);
    const document = [...jsonParts(sheet)].join("");
    equal(refusal(document).code, "sheet.document");
  },
  "ballots that were added contradict the sheet"({ equal }) {
    const nonce = new Uint8Array(16);
    const receipt = receiptText(receiptOfName("board", "Ada", nonce));
    const header = { title: "", candidates: ["Ada"], voters: 2, rules: plainRules() };
    const sheet = new Sheet("board", header, null);
    sheet.add("Ada", nonce, receipt, {});
    equal(sheet.contradiction(), null);
    sheet.add("Ada", nonce, receipt, {});
    equal(sheet.contradiction().code, "sheet.repeated");
    equal(new Sheet("board", { ...header, voters: 0 }, null).contradiction(), null);
  },
  "bounds hold: the largest file, and the longest line"({ equal }) {
    const refused = (work) => {
      try {
        atOnce(work());
        return null;
      } catch (error) {
        return error.code;
      }
    };
    const large = { length: LIMITS.file + 1 };
    equal(
      refused(() => readSheetFile(large)),
      "sheet.tooLarge",
    );
    equal(
      refused(() => readSheetFile(Uint8Array.of(0xff))),
      "sheet.encoding",
    );
    const long = `election,candidate,nonce,receipt\nboard,"${"x".repeat(CSV_LIMITS.record)}`;
    equal(
      refused(() => readSheet(`${long}",00,AA\n`)),
      "csv.longRecord",
    );
    equal(
      refused(() => readSheet("")),
      "sheet.empty",
    );
  },
  async "the fingerprint is the file's SHA-256"({ equal }) {
    const bytes = new TextEncoder().encode(await text("marked.csv"));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const digits = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    equal(atOnce(fingerprint(bytes)), digits);
  },
};
