/** What an election's definition has to keep to, whoever made it. */

import { Refused } from "../lib/refused.js";
import { LIMITS, checkRules } from "./rules.js";

const ENCODER = new TextEncoder();

/** Half a character, which no text in UTF-8 has. */
const HALF = /\p{Surrogate}/u;

/**
 * Whether a text is the id of an election.
 * @param {string} text
 */
export function isElectionId(text) {
  return text.length <= LIMITS.id && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text);
}

/**
 * Checks the names of a slate, in ballot order.
 * @param {string[]} names
 * @throws {Refused} with what is wrong, and the place of the name, from 1
 */
export function checkSlate(names) {
  const { candidates: most, candidateBytes } = LIMITS;
  if (names.length === 0) throw new Refused("slate.empty");
  if (names.length > most) throw new Refused("slate.tooMany", { most, names: names.length });
  const first = new Map();
  for (const [at, name] of names.entries()) {
    const place = at + 1;
    if (name === "") throw new Refused("slate.emptyName", { place });
    if (HALF.test(name)) throw new Refused("slate.halfCharacter", { place });
    if (ENCODER.encode(name).length > candidateBytes) {
      throw new Refused("slate.longName", { place, most: candidateBytes });
    }
    if (first.has(name)) {
      throw new Refused("slate.duplicate", { first: first.get(name), second: place, name });
    }
    first.set(name, place);
  }
}

/**
 * Checks title, slate and rules.
 * @param {{ title: string, candidates: string[], rules: import("./rules.js").Rules }} definition
 * @param {"live" | "sealed"} [publication]
 * @throws {Refused}
 */
export function checkDefinition({ title, candidates, rules }, publication = "sealed") {
  const most = LIMITS.titleBytes;
  if (HALF.test(title)) throw new Refused("title.halfCharacter");
  if (ENCODER.encode(title).length > most) throw new Refused("title.long", { most });
  checkSlate(candidates);
  checkRules(rules, candidates.length, publication);
}
