/**
 * CSV as capvote-client reads it: any separator, fields in quotes with `""` for a quote, lines that
 * end with LF, CRLF or CR, and empty lines skipped.
 */

import { Refused } from "./refused.js";

export const LIMITS = {
  /** Characters of a record: a slate of 1,000 names of 256 quotes, each doubled. */
  record: 600_000,
};

const QUOTE = 34;
const LF = 10;
const CR = 13;

/**
 * The records of a text, one by one.
 * @param {string} text
 * @param {string} [separator] one character
 * @yields {{ fields: string[], line: number, start: number, end: number }} the line that it begins
 *   in, from 1, and where it begins and ends in the text, its line end included
 * @throws {Refused} a record is too long, or a quote is not closed
 */
export function* records(text, separator = ",") {
  const comma = separator.charCodeAt(0);
  let [at, line] = [0, 1];
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === LF || code === CR) {
      at = afterEnd(text, at);
      line++;
      continue;
    }
    const start = at;
    const first = line;
    const fields = [];
    for (;;) {
      const read =
        text.charCodeAt(at) === QUOTE ? quoted(text, at, comma, first) : plain(text, at, comma);
      fields.push(read.field);
      line += read.lines;
      at = read.end;
      if (at - start > LIMITS.record) {
        throw new Refused("csv.longRecord", { line: first, most: LIMITS.record });
      }
      if (text.charCodeAt(at) !== comma) break;
      at++;
    }
    if (at < text.length) {
      at = afterEnd(text, at);
      line++;
    }
    yield { fields, line: first, start, end: at };
  }
}

/**
 * A text without these characters at its ends. An expression such as `/"+$/` would look at each run
 * of them once for every character in it.
 * @param {string} characters
 * @param {string} text
 */
export function without(characters, text) {
  let [start, end] = [0, text.length];
  while (start < end && characters.includes(text[start])) start++;
  while (start < end && characters.includes(text[end - 1])) end--;
  return text.slice(start, end);
}

/** Where the next line begins, after the end of one. */
function afterEnd(text, at) {
  return at + (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF ? 2 : 1);
}

function plain(text, start, comma) {
  let end = start;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === comma || code === LF || code === CR) break;
  }
  return { field: text.slice(start, end), end, lines: 0 };
}

/** A field in quotes. What stands between the closing quote and the separator belongs to it. */
function quoted(text, start, comma, line) {
  let end = start + 1;
  for (;;) {
    end = text.indexOf('"', end);
    if (end < 0 || end - start > LIMITS.record) {
      throw new Refused(end < 0 ? "csv.openQuote" : "csv.longRecord", {
        line,
        most: LIMITS.record,
      });
    }
    if (text.charCodeAt(end + 1) !== QUOTE) break;
    end += 2;
  }
  const inside = text.slice(start + 1, end).replaceAll('""', '"');
  const after = plain(text, end + 1, comma);
  const lines = inside.split(/\r\n|\r|\n/).length - 1;
  return { field: inside + after.field, end: after.end, lines };
}

/**
 * A field in quotes, whatever it has.
 * @param {string} field
 */
export function inQuotes(field) {
  return `"${field.replaceAll('"', '""')}"`;
}

/**
 * A field as it is written: in quotes where it needs them.
 * @param {string} field
 * @param {string} [separator]
 */
export function written(field, separator = ",") {
  const needs = /["\r\n]/.test(field) || field.includes(separator) || field !== field.trim();
  return needs ? inQuotes(field) : field;
}
