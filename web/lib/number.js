/**
 * Voter numbers as people type and paste them: digits of any script, separators of any kind, and
 * characters that nobody sees, as PDFs, word processors and messengers give them.
 */

/** @import { Typed } from "./shapes.d.ts" */

export const LIMITS = {
  /** The longest text that is looked at. A link with a number is shorter. */
  typedCharacters: 4_096,
};

/** The digits of the largest number. Numbers are issued with all of them. */
export const DIGITS = 20;

const LARGEST = 18_446_744_073_709_551_615n;
const GROUP_DIGITS = 4;

/** Marks around a text, and the end of a sentence, are not of it. */
const BEFORE = /^[\s\p{Cf}"'`*_<([“”„‘’‚«»‹›]+/u;
const BEHIND = /[\s\p{Cf}"'`*_>)\]“”„‘’‚«»‹›.,;]+$/u;

/** White space, hyphens and dashes, and what nobody sees. */
const SEPARATOR = /[\s\p{Pd}\u2212\u2043\u30FC\p{Default_Ignorable_Code_Point}\p{Cf}]/u;

const IS_DIGIT = /^\p{Nd}$/u;

/**
 * Reads a voter number, or the one in a voter's whole link.
 * @param {string} text
 * @returns {Typed}
 */
export function readNumber(text) {
  let digits = "";
  let others = text.length > LIMITS.typedCharacters;
  const typed = afterHash(text.slice(0, LIMITS.typedCharacters));
  for (const character of typed.replace(BEFORE, "").replace(BEHIND, "")) {
    const digit = digitOf(character);
    if (digit !== null) digits += digit;
    else others ||= !SEPARATOR.test(character);
  }
  const isOne = !others && digits.length > 0 && digits.length <= DIGITS;
  const number = isOne ? BigInt(digits) : null;
  return {
    number: number !== null && number <= LARGEST ? number : null,
    digits: digits.length,
    others,
  };
}

/** A voter number as it is shown: five groups of four digits. @param {bigint} number */
export function showNumber(number) {
  const digits = String(number).padStart(DIGITS, "0");
  return digits.match(new RegExp(`.{${GROUP_DIGITS}}`, "g")).join("-");
}

/**
 * The number that a page's address has behind its `#`.
 * @param {string} hash such as "#1234-5678-9012-3456-7890"; may be percent-encoded
 * @returns {Typed | null} null if there is nothing
 */
export function numberInHash(hash) {
  const text = hash.replace(/^#/, "");
  if (text === "") return null;
  try {
    return readNumber(decodeURIComponent(text));
  } catch {
    return readNumber(text); // A stray percent sign.
  }
}

/** Of a link, what stands behind its `#`. */
function afterHash(text) {
  return /^\s*\w+:\/\//.test(text) ? text.slice(text.indexOf("#") + 1) : text;
}

/** The digit from 0 to 9 that a character of any script is; null if it is none. */
function digitOf(character) {
  if (character >= "0" && character <= "9") return character;
  if (!IS_DIGIT.test(character)) return null;
  // Unicode has the ten digits of each script in a row, from zero.
  let before = 0;
  const code = character.codePointAt(0);
  while (IS_DIGIT.test(String.fromCodePoint(code - before - 1))) before += 1;
  return String(before % 10);
}
