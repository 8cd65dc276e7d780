/**
 * The people to issue voter numbers to, from a CSV file of a spreadsheet. It is read in the page,
 * and nothing of it is sent.
 */

import { records, written } from "../lib/csv.js";
import { readNumber } from "../lib/number.js";
import { Refused } from "../lib/refused.js";

export const LIMITS = {
  /** Bytes of a list, and people on it; longer ones are for capvote-client. */
  file: 16 << 20,
  people: 100_000,
  /** Rows from which the separator is found, and by which columns with numbers are. */
  sample: 100,
  /** Characters of a field that is looked at as a voting link. */
  link: 500,
  /** Characters of an e-mail address (RFC 3696, erratum 1690, has fewer). */
  mail: 320,
};

/** The column of the numbers, in the files that capvote-client and this page write. */
export const NUMBER_COLUMN = "voter_number";

/** The column of the voting links. */
const LINK_COLUMN = "voting_link";

/** Columns of voting links as they are compared, also those that were called so before. */
const LINKS = /^votinglink(before)*$/;

const SEPARATORS = ["\t", ";", ",", "|"];

/** The years that a column may be named by. */
const YEARS = { first: 1900, last: 2099 };

/**
 * @typedef {object} Person
 * @property {number} line of the file, from 1
 * @property {string[]} fields
 * @property {bigint | null} number the one that the file has
 *
 * @typedef {object} People
 * @property {string[]} heading
 * @property {Person[]} rows
 * @property {number[]} empty the lines of rows without anything in them
 * @property {number[]} formulas the lines of rows with a field that a spreadsheet would compute
 * @property {{ first: number, second: number, shown: string }[]} doubles rows that seem to be the
 *   same person
 * @property {number | null} column of the numbers, from 0
 * @property {string} separator
 */

/**
 * Reads a list.
 * @param {Uint8Array} bytes
 * @returns {People}
 * @throws {Refused} with the line, and the way out
 */
export function readPeople(bytes) {
  const text = textOf(bytes);
  const { separator, from, linesAbove } = formOf(text);
  const rows = [];
  const empty = [];
  let heading = null;
  for (const { fields, line } of records(text.slice(from), separator)) {
    const at = line + linesAbove;
    if (fields.every(isBlank)) {
      if (heading) empty.push(at);
    } else if (!heading) {
      heading = fields;
    } else if (fields.length !== heading.length) {
      throw new Refused("roll.length", {
        line: at,
        has: fields.length,
        count: heading.length,
        separator: named(separator),
      });
    } else if (rows.push({ line: at, fields, number: null }) > LIMITS.people) {
      throw new Refused("roll.tooMany", { count: LIMITS.people });
    }
  }
  checkHeading(heading, rows);
  const column = numberColumn(heading);
  if (column !== null) readNumbers(rows, column);
  const formulas = rows.filter(({ fields }) => fields.some(isFormula)).map(({ line }) => line);
  const people = { heading, rows, empty, formulas, doubles: [], column, separator };
  return { ...people, doubles: doublesOf(people) };
}

/** So many people without a list. @param {number} count @returns {People} */
export function countedPeople(count) {
  const rows = Array.from({ length: count }, (_, at) => ({
    line: at + 1,
    fields: [],
    number: null,
  }));
  const nothing = { empty: [], formulas: [], doubles: [] };
  return { heading: [], rows, ...nothing, column: null, separator: "," };
}

/**
 * The parts of a list with the numbers, and the link of each.
 * @param {People} people whose rows have numbers
 * @param {(number: bigint) => string} show
 * @param {(number: bigint) => string} link
 */
export function* listParts(people, show, link) {
  const { heading, rows, separator } = people;
  const own = ownColumns(people);
  const row = (fields) => `${fields.map((field) => written(field, separator)).join(separator)}\r\n`;
  // With the mark, spreadsheets know that it is UTF-8.
  yield "\uFEFF";
  yield row([...own.map((at) => heading[at]), NUMBER_COLUMN, LINK_COLUMN]);
  for (const { fields, number } of rows)
    yield row([...own.map((at) => fields[at]), show(number), link(number)]);
}

/**
 * The columns that say who somebody is, from 0: all but those with voter numbers or voting links.
 * @param {People} people
 * @returns {number[]}
 */
export function ownColumns({ heading, rows, column }) {
  const numbered = rows.filter(({ number }) => number !== null).slice(0, LIMITS.sample);
  const tells = ({ fields, number }, at) =>
    fields[at].length <= LIMITS.link && readNumber(fields[at]).number === number;
  return heading
    .map((_, at) => at)
    .filter((at) => at !== column && !LINKS.test(plainName(heading[at])))
    .filter((at) => !numbered.some((row) => tells(row, at)));
}

/**
 * Checks that the numbers of a list can be those of an election.
 * @param {People} people
 * @param {{ id: string, voters: bigint }} info of the election
 * @throws {Refused}
 */
export function checkNumbers({ heading, rows }, { id, voters }) {
  const numbered = rows.filter(({ number }) => number !== null);
  const column = heading.findIndex((name) => plainName(name) === plainName(LINK_COLUMN));
  for (const { fields, line } of column >= 0 ? numbered : []) {
    const other = electionOf(fields[column]);
    if (other !== null && other !== id)
      throw new Refused("roll.otherElection", { line, other, id });
  }
  if (BigInt(numbered.length) > voters)
    throw new Refused("roll.moreThanRoll", { count: numbered.length, voters: Number(voters), id });
}

/** The id in a voting link; null if it is none. */
function electionOf(link) {
  try {
    return /^\/([^/]+)$/.exec(new URL(link).pathname)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** The text of a file that is one, without its byte order mark. */
function textOf(bytes) {
  if (bytes.length > LIMITS.file) throw new Refused("roll.tooLarge", { mib: LIMITS.file >> 20 });
  const starts = (...start) => start.every((byte, at) => bytes[at] === byte);
  if (starts(0x50, 0x4b) || starts(0xd0, 0xcf, 0x11, 0xe0)) throw new Refused("roll.spreadsheet");
  if (bytes.subarray(0, 1 << 16).includes(0)) throw new Refused("roll.encoding");
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refused("roll.encoding");
  }
  if (text.trim() === "") throw new Refused("roll.empty");
  if (/^\s*[<{[]/.test(text)) throw new Refused("roll.other");
  return text;
}

/** The separator, and where the rows begin: below a line such as `sep=;`. */
function formOf(text) {
  const first = /^"?sep=(.)"?[^\S\r\n]*(\r\n|\r|\n)/i.exec(text);
  if (first) return { separator: first[1], from: first[0].length, linesAbove: 1 };
  return { separator: separatorOf(text), from: 0, linesAbove: 0 };
}

/** The separator that divides the first rows into equally many fields. */
function separatorOf(text) {
  const fits = SEPARATORS.filter((separator) => {
    const lengths = sample(text, separator).map((fields) => fields.length);
    return lengths[0] > 1 && lengths.every((length) => length === lengths[0]);
  });
  if (fits.length > 0) {
    // Nobody types a tab into a field, and a comma in a text has a blank behind it.
    const isPacked = (separator) => new RegExp(`[${separator}]\\S`).test(text.slice(0, 1 << 16));
    return fits.find((it) => it === "\t") ?? fits.find(isPacked) ?? fits[0];
  }
  const heading = text.trimStart().split(/[\r\n]/, 1)[0];
  const count = (separator) => heading.split(separator).length;
  return SEPARATORS.reduce((best, it) => (count(it) > count(best) ? it : best), ",");
}

function sample(text, separator) {
  const rows = [];
  try {
    for (const { fields } of records(text, separator)) {
      if (!fields.every(isBlank)) rows.push(fields);
      if (rows.length === LIMITS.sample) break;
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return [[]];
  }
  return rows;
}

/** Whether a text shows nothing. */
function isBlank(text) {
  return /^[\s\p{Cf}\p{Default_Ignorable_Code_Point}]*$/u.test(text);
}

/** Questions a first line that looks like a person. */
function checkHeading(heading, rows) {
  if (!heading) throw new Refused("roll.empty");
  const value = heading.find(isValue);
  if (value !== undefined) throw new Refused("roll.noHeading", { value });
  if (rows.length === 0) throw new Refused("roll.nobody");
  const nameless = heading.findIndex(isBlank);
  const row = rows.find(({ fields }) => nameless >= 0 && !isBlank(fields[nameless]));
  if (row) throw new Refused("roll.nameless", { column: nameless + 1, line: row.line });
}

/** Whether a field looks like a person's: an e-mail address, digits alone, an id or a date. */
function isValue(field) {
  const runs = field.match(/\d+/g) ?? [];
  const isYear = (run) => Number(run) >= YEARS.first && Number(run) <= YEARS.last;
  const isLong = runs.some((run) => run.length > 2 && !isYear(run));
  const digitsAlone = runs.length > 0 && /^[\d\s+\-./()]+$/.test(field);
  return field.includes("@") || digitsAlone || isLong || (/^\s*\d/.test(field) && runs.length > 1);
}

/** A name of a column as it is compared. */
function plainName(name) {
  return name.toLowerCase().replace(/[\s_\p{Pd}\p{Cf}]/gu, "");
}

function numberColumn(heading) {
  const own = plainName(NUMBER_COLUMN);
  const found = heading.flatMap((name, at) => (plainName(name) === own ? [at] : []));
  if (found.length > 1) throw new Refused("roll.twoColumns", { name: NUMBER_COLUMN });
  return found[0] ?? null;
}

function readNumbers(rows, column) {
  const lines = new Map();
  for (const row of rows) {
    if (isBlank(row.fields[column])) continue;
    const { number } = readNumber(row.fields[column]);
    if (number === null || number === 0n) throw new Refused("roll.number", { line: row.line });
    const first = lines.get(number);
    if (first) throw new Refused("roll.sameNumber", { first, second: row.line });
    lines.set(number, row.line);
    row.number = number;
  }
}

/** Rows that are the same but for capitals and blanks, or have the same e-mail address. */
function doublesOf(people) {
  const { heading, rows } = people;
  const telling = ownColumns(people).filter((at) => !counts(rows, at));
  const columns = telling.length > 0 ? telling : heading.map((_, at) => at);
  const seen = new Map();
  const doubles = [];
  for (const { line, fields } of rows) {
    const values = columns.map((at) => plain(fields[at]));
    const keys = [values.join("\n"), ...values.filter(isMail)];
    const firsts = keys.map((key) => seen.get(key)).filter(Boolean);
    if (firsts.length > 0) {
      const shown = columns
        .map((at) => fields[at].trim())
        .filter(Boolean)
        .join(", ");
      doubles.push({ first: firsts[0], second: line, shown });
    }
    for (const key of keys) if (!seen.has(key)) seen.set(key, line);
  }
  return doubles;
}

function isMail(value) {
  return value.length <= LIMITS.mail && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value);
}

/** Whether a spreadsheet would compute what is in a field: numbers with a sign are none. */
function isFormula(field) {
  return /^[=@]/.test(field) || /^[+-].*[^\d\s()/.,+–-]/su.test(field);
}

/** Whether a column only counts the rows. */
function counts(rows, at) {
  const first = Number(rows[0].fields[at].trim().replace(/\.$/, ""));
  return (
    rows.length > 1 &&
    (first === 0 || first === 1) &&
    rows.every(({ fields }, row) => fields[at].trim().replace(/\.$/, "") === String(first + row))
  );
}

function plain(field) {
  const text = field
    .normalize("NFKC")
    .toLowerCase()
    .replace(/\p{Cf}/gu, "");
  return text
    .trim()
    .replace(/\s+/g, " ")
    .replace(/^mailto:/, "");
}

function named(separator) {
  return separator === "\t" ? "Tab" : separator;
}
