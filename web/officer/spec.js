/**
 * A new election from what was typed into the form: the defaults and refusals of
 * `capvote-client create`.
 */

import { checkDefinition, isElectionId } from "../count/definition.js";
import { isPlain, isRanked, readShare } from "../count/rules.js";
import { Refused } from "../lib/refused.js";

export const LIMITS = {
  /** How many names ranked ballots mark where few vote, and how many voters are not few. */
  fewRanks: 3,
  manyVoters: 1_000,
  /** The largest number in a field of the form. */
  number: 0xffff,
};

/** Names that no election may have: in addresses, they are those of other things. */
const RESERVED_IDS = ["favicon.ico", "officer", "robots.txt", "rpc"];

/** How the ids of test elections end. No id that is made from a title has a dot. */
export const TEST = /\.test(-\d+)?$/;

/** What stands for blank ballots on papers and in results: no candidate can be called so. */
const BLANK_WORDS = ["blank", "(blank)"];

/**
 * @typedef {object} Typed what was typed
 * @property {string} id
 * @property {string} title
 * @property {string} candidates one a line
 * @property {string} method
 * @property {string} seats
 * @property {string} marks empty for the default
 * @property {string} majority empty for none, or a share
 * @property {string} quorum
 * @property {boolean} none
 * @property {boolean} blank
 * @property {"sealed" | "live"} publication
 * @property {string} opens as of a field of date and time, or empty
 * @property {string} closes
 * @property {string} roll the id of the election whose roll it shares, or empty
 */

/**
 * Reads what was typed.
 * @param {Typed} typed
 * @param {number} voters how many are on the roll that it shares; 0 for one of its own
 * @param {boolean} [isTest] whether the election is a test
 * @returns {{ spec: object | null, problems: { field: string, why: Refused }[], ranks: number |
 *   null }} the `ElectionSpec`, or what is wrong; `ranks` if the number of ranks was set for want
 *   of another
 */
export function readSpec(typed, voters, isTest = false) {
  const problems = [];
  const no = (field, code, values) => problems.push({ field, why: new Refused(code, values) });
  const candidates = typed.candidates
    .split("\n")
    .map((name) => name.trim())
    .filter(Boolean);
  if (!isElectionId(typed.id)) no("id", "create.id");
  if (RESERVED_IDS.includes(typed.id)) no("id", "create.idTaken", { id: typed.id });
  if (!isTest && TEST.test(typed.id)) no("id", "create.idOfTest");
  const blank = candidates.find((name) => BLANK_WORDS.includes(name.toLowerCase()));
  if (blank) no("candidates", "create.blankName", { name: blank });
  const ranks = fewRanks(typed, candidates.length, voters);
  const rules = readRules(typed, candidates.length, ranks, no);
  const [opens, closes] = ["opens", "closes"].map((field) => readMoment(typed[field], field, no));
  if (opens > 0n && closes > 0n && closes <= opens) no("closes", "create.closesFirst");
  const { id, title, publication } = typed;
  if (problems.length === 0) {
    try {
      checkDefinition({ title: title.trim(), candidates, rules }, publication);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problems.push({ field: fieldOf(error.code), why: error });
    }
  }
  if (problems.length > 0) return { spec: null, problems, ranks: null };
  const spec = {
    id,
    title: title.trim(),
    candidates,
    publication,
    blank: typed.blank,
    opens,
    closes,
    rules: isPlain(rules) ? null : rules,
    roll: typed.roll,
  };
  return { spec, problems, ranks };
}

/** How many ranks a ballot has, if that was left open and few vote. */
function fewRanks({ marks, method, roll }, names, voters) {
  const isOpen = marks.trim() === "" && method !== "plurality" && names > LIMITS.fewRanks;
  const areFew = roll === "" || voters < LIMITS.manyVoters;
  return isOpen && areFew ? LIMITS.fewRanks : null;
}

function readRules(typed, names, ranks, no) {
  const number = (field, usual) => {
    const text = typed[field].trim();
    if (text === "") return usual;
    const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > LIMITS.number) no(field, "create.number");
    return value;
  };
  const share = (field) => {
    const text = typed[field].trim();
    if (text === "") return null;
    const read = readShare(text);
    if (!read) no(field, "create.share");
    return read;
  };
  const seats = number("seats", 1);
  const rules = {
    method: typed.method,
    seats,
    majority: null,
    quorum: share("quorum"),
    none: false,
  };
  const ranked = isRanked(rules);
  rules.marks = number("marks", ranked ? (ranks ?? Math.max(names, 1)) : seats);
  // Fields that do not go with the method are not shown, and what was typed there is kept.
  if (ranked) rules.none = typed.none;
  else rules.majority = share("majority");
  return rules;
}

/** The seconds since 1970 of a local time. 0 for none. */
function readMoment(text, field, no) {
  if (text === "") return 0n;
  const ms = new Date(text).getTime();
  if (Number.isFinite(ms) && ms > 0) return BigInt(Math.floor(ms / 1_000));
  no(field, "create.moment");
  return 0n;
}

/** The field that a refusal is about. */
function fieldOf(code) {
  const [what, which] = code.split(".");
  if (what === "title") return "title";
  if (what === "slate" || which === "longSlate" || which === "onlyNone") return "candidates";
  const fields = {
    seats: "seats",
    marks: "marks",
    quorum: "quorum",
    share: "quorum",
    live: "publication",
  };
  return fields[which] ?? "candidates";
}

/**
 * An id that fits a title: letters and digits of ASCII, with hyphens.
 * @param {string} title
 * @returns {string}
 */
export function idFrom(title) {
  const plain = title.replaceAll("ß", "ss").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
}
