/** QR codes: a code that an independent reader (jsQR) has read, and how it is drawn. */

import { qrElement } from "../qr/svg.js";
import { hex, sha256 } from "../lib/sha256.js";

const LINK = "https://vote.example.org/board#1234-5678-9012-3456-7890";

/** The SHA-256 of the path that was read as `LINK`. */
const READ = "0600e3eb26639d31da5e2146e80171fa8bf6c4554cb88c8f7a0405d5cf267d14";

export const tests = {
  "a link becomes the code that another program has read"({ equal }) {
    const code = qrElement(LINK, "a link");
    equal(hex(sha256(code.querySelector("path").getAttribute("d"))), READ);
  },
  "a code has its light border, and is named for those who do not see it"({ equal }) {
    const code = qrElement(LINK, "a link");
    equal([code.getAttribute("role"), code.getAttribute("aria-label")], ["img", "a link"]);
    equal(code.getAttribute("viewBox"), "0 0 41 41");
    const [first] = /^M\d+ \d+/.exec(code.querySelector("path").getAttribute("d"));
    equal(first, "M4 4");
  },
};
