/**
 * The cases of tests/count/cases, which are worked by hand, counted by this implementation. It
 * needs neither node nor a browser: `run` gets a function that fetches a file of the repository.
 */

import { count } from "../count.js";
import { lotSeed } from "../lot.js";
import { plainRules, isRanked, readShare, checkRules } from "../rules.js";
import { roundFacts } from "../sentence.js";
import { votesText } from "../votes.js";
import { atOnce } from "../../lib/steps.js";
import { roundSentence } from "../../texts/rounds.en.js";
import { ballotsOf, readBlt } from "./blt.js";

const FOLDER = "tests/count/cases";

const CASES = [
  "board-of-three",
  "bylaws-not-changed",
  "default-option",
  "exclusion-by-lot",
  "look-back",
  "majority-for-each",
  "motion-carried",
  "no-ballots",
  "no-quorum",
  "no-vote-no-seat",
  "reopen-gathers-a-second-seat",
  "reopen-gets-later-papers",
  "reopen-is-among-the-last",
  "reopen-is-excluded",
  "reopen-takes-two-of-three",
  "reopen-wins",
  "runoff",
  "schulze-example",
  "schulze-tie",
  "surplus",
  "surplus-by-lot",
];

/**
 * Counts every case.
 * @param {(path: string) => Promise<string>} fetchText gives a file of the repository
 * @returns {Promise<{ name: string, error: string | null }[]>} null where the result is the
 *   expected
 */
export async function run(fetchText) {
  const results = [];
  for (const name of CASES) {
    try {
      const file = (file) => fetchText(`${FOLDER}/${name}/${file}`);
      const blt = readBlt(await file("ballots.blt"));
      const { rules, roll } = readRules(await file("rules.txt"), blt.slate.length);
      checkRules(rules, blt.slate.length, "sealed");
      const seed = lotSeed(new Uint8Array());
      const counted = atOnce(count(blt.slate, rules, ballotsOf(blt, rules), roll, seed));
      const found = shown(counted, blt.slate).join("\n");
      const text = await file("result.txt");
      const expected = text
        .trimEnd()
        .split("\n")
        .filter((line) => !line.startsWith("#"))
        .join("\n");
      results.push({
        name,
        error: found === expected ? null : `${found}\n\nexpected:\n${expected}`,
      });
    } catch (error) {
      results.push({ name, error: `${error?.stack ?? error}` });
    }
  }
  return results;
}

/**
 * As {@link run}, with the texts of the files by their paths.
 * @param {Record<string, string>} texts
 */
export function runTexts(texts) {
  return run(async (path) => texts[path]);
}

/** A word a line, and what it is. */
function readRules(text, names) {
  const rules = plainRules();
  let roll = 0n;
  for (const line of text.trimEnd().split("\n")) {
    const [, word, value] = /^(\S+) ?(.*)$/.exec(line);
    switch (word) {
      case "plurality":
      case "transferable":
      case "schulze":
        rules.method = word;
        break;
      case "seats":
      case "marks":
        rules[word] = Number(value);
        break;
      case "majority":
      case "quorum":
        rules[word] = readShare(value);
        break;
      case "roll":
        roll = BigInt(value);
        break;
      case "none":
        rules.none = true;
        break;
      default:
        throw new Error(`not a rule: ${line}`);
    }
  }
  if (isRanked(rules)) rules.marks = names;
  return { rules, roll };
}

/** A count as the files have it. */
function shown(counted, slate) {
  const names = (places, between = ", ") =>
    places.length > 0 ? places.map((place) => slate[place]).join(between) : "nobody";
  const lines = [
    `elected: ${names(counted.elected)}`,
    `verdict: ${capital(counted.verdict)}`,
    ...counted.lots.map(({ order, decided, seats }) => {
      const what = decided === "seats" ? `Seats { seats: ${seats} }` : capital(decided);
      return `lot: ${names(order)}: ${what}`;
    }),
  ];
  for (const [at, round] of counted.rounds.entries()) {
    lines.push(roundSentence(roundFacts(round, counted.rounds[at - 1] ?? null, slate)));
    const each = slate.map(
      (name, place) => `${name} ${votesText(round.votes[place])} ${capital(round.status[place])}`,
    );
    const [exhausted, lost] = [round.exhausted, round.lost].map((it) => votesText(it));
    lines.push(`  ${each.join("; ")}; exhausted ${exhausted}; lost ${lost}`);
  }
  return counted.pairs ? [...lines, ...pairLines(counted.pairs, slate, names)] : lines;
}

function pairLines({ preferred, paths, dropped, places }, slate, names) {
  const rows = (cell) =>
    slate.map((name, one) => {
      const others = slate.map((_, other) => other).filter((other) => other !== one);
      return `  ${name}: ${others.map((other) => cell(one, other)).join(" ")}`;
    });
  return [
    "preferred",
    ...rows((one, other) => preferred[one][other]),
    "paths",
    ...rows((one, other) => paths[one][other]?.wins ?? "-"),
    `dropped: ${names(dropped)}`,
    `places: ${places.map((place) => names(place, " = ")).join(" > ")}`,
  ];
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}
