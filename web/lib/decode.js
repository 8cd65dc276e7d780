/** Bytes from the digits and letters that stand for them, which no voter needs. */

import { ALPHABET } from "./base32.js";

/**
 * The bytes that lower-case hexadecimal digits stand for.
 * @param {string} text
 * @returns {Uint8Array | null} null if the text is anything else
 */
export function unhex(text) {
  if (text.length % 2 !== 0) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const high = digit(text.charCodeAt(2 * at));
    const low = digit(text.charCodeAt(2 * at + 1));
    if (high < 0 || low < 0) return null;
    bytes[at] = high * 16 + low;
  }
  return bytes;
}

function digit(code) {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

/**
 * The bytes that a text in base32 stands for.
 * @param {string} text in capitals
 * @returns {Uint8Array | null} null if a character is none of base32, or if no bytes have this text
 */
export function unbase32(text) {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const character of text) {
    const five = ALPHABET.indexOf(character);
    if (five < 0) return null;
    value = ((value << 5) | five) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (value >>> bits) & 0xff;
    }
  }
  // What is left over is zero in the one text that the bytes have.
  const isWhole = bits < 5 && (value & ((1 << bits) - 1)) === 0;
  return isWhole ? bytes : null;
}
