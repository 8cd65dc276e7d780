/** SHA-256 against the standard's examples and the browser's own. */

import { unhex } from "../lib/decode.js";
import { Sha256, hex, sha256 } from "../lib/sha256.js";

/** FIPS 180-4's examples, as the NIST gives them. */
const EXAMPLES = [
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
];

/** Longer than three blocks, so that every place in a block is an end. */
const LENGTHS = 200;

export const tests = {
  "the standard's examples"({ equal }) {
    for (const [text, hash] of EXAMPLES) equal(hex(sha256(text)), hash, text.slice(0, 20));
  },
  async "every length has the hash of the browser's own, in one piece and in several"({ equal }) {
    for (let length = 0; length < LENGTHS; length++) {
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      const own = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      equal(hex(sha256(bytes)), hex(own), `${length} bytes`);
      const parts = new Sha256();
      const size = 1 + (length % 70);
      for (let at = 0; at < length; at += size) parts.update(bytes.subarray(at, at + size));
      equal(hex(parts.digest()), hex(own), `${length} bytes in pieces of ${size}`);
    }
  },
  "hexadecimal digits are those of lower case"({ equal }) {
    equal(unhex("00ff"), Uint8Array.of(0, 255));
    for (const text of ["0", "0G", "FF", " 0", "é0"]) equal(unhex(text), null, text);
  },
};
