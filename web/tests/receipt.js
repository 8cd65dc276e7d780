/** Receipts, as src/election/receipt.rs and src/bin/capvote-client/receipt.rs have them. */

import { encode } from "../lib/base32.js";
import { unbase32 } from "../lib/decode.js";
import { isOfVote, readReceipt, readReceiptFile, receiptsOf } from "../lib/read-receipt.js";
import {
  boundToNumber,
  receiptFileText,
  receiptOfMarks,
  receiptOfName,
  receiptText,
} from "../lib/receipt.js";
import { Sha256, hex } from "../lib/sha256.js";

const RECEIPT = "SCL2-PAQJ-SY77-PWPK-INXW-TM32-HSZR-GJKF";
const ZEROS = new Uint8Array(16);

/** The receipt as programs and people write it. */
function written() {
  const between = (separator) => RECEIPT.replaceAll("-", separator);
  const wide = Array.from(RECEIPT, (it) => String.fromCharCode(it.charCodeAt(0) + 0xfee0));
  return [
    RECEIPT,
    RECEIPT.toLowerCase(),
    ...["", " ", "\u2011", "\u2013", "\u00A0", "\u200B", "-\u00AD\n"].map(between),
    wide.join(""),
    `\uFEFF“${RECEIPT}”\r\n`,
    `(${RECEIPT}).`,
    `${RECEIPT};`,
  ];
}

function file() {
  const vote = {
    candidate: "",
    marks: [{ candidate: "Grace Hopper", mark: 2 }],
    nonce: new Uint8Array(16).fill(0xab),
    number: 1n,
    election: "board",
    receipt: RECEIPT,
    ledger: new Uint8Array(16).fill(1),
    epoch: 1n,
  };
  return receiptFileText(vote);
}

export const tests = {
  "the vectors of docs/clients.md"({ equal }) {
    equal(receiptText(receiptOfName("board", "Ada", ZEROS)), RECEIPT);
    const marks = [
      { name: "Ada", mark: 2 },
      { name: "Grace", mark: 1 },
    ];
    const text = receiptText(receiptOfMarks("board", marks, ZEROS));
    equal(text, "K6QT-3PUY-5KBA-UPDI-P7YS-46XI-Q3DX-MNTF");
  },
  "base32 as in RFC 4648, and one text for the same bytes"({ equal }) {
    const examples = {
      "": "",
      f: "MY",
      fo: "MZXQ",
      foo: "MZXW6",
      foob: "MZXW6YQ",
      foobar: "MZXW6YTBOI",
    };
    for (const [plain, coded] of Object.entries(examples)) {
      const bytes = new TextEncoder().encode(plain);
      equal(encode(bytes), coded);
      equal(unbase32(coded), bytes);
    }
    for (const text of ["M", "MZ", "MY1", "my", "MZXW6YR"]) equal(unbase32(text), null, text);
  },
  "a receipt is read as programs and people change it"({ equal }) {
    const receipt = receiptOfName("board", "Ada", ZEROS);
    for (const text of written()) equal(readReceipt(text), receipt, text);
    const others = ["", "AAAA", RECEIPT.slice(0, -1), `${RECEIPT}-AAAA`, RECEIPT.replace("S", "1")];
    for (const text of others) equal(readReceipt(text), null, text);
  },
  "a receipt file is read as editors and mail leave it"({ equal }) {
    const text = file();
    const lines = (prefix) =>
      text
        .split("\n")
        .map((line) => `${prefix}${line}\n`)
        .join("");
    for (const changed of [
      text,
      text.replaceAll("\n", "\r\n"),
      `\uFEFF${text}\n\n`,
      text.replace('"', "“").replaceAll('"', "”"),
      text.replaceAll("  ", "\u00A0 ").replaceAll(": ", ":\u200B "),
      lines("> "),
      lines(">> "),
      `Dear Ann,\n\nyour receipt:\n${text}\n\nBye\n`,
    ]) {
      const key = readReceiptFile(changed);
      equal(key?.nonce, new Uint8Array(16).fill(0xab), changed);
      equal(receiptText(key.receipt), RECEIPT);
      equal([key.marks[0].candidate, key.marks[0].mark, key.epoch], ["Grace Hopper", 2, 1]);
    }
    for (const other of ["", "{}", "a receipt", "}{", '{"candidate": "Ada"}', "[1]", "null"]) {
      equal(readReceiptFile(other), null, other);
    }
  },
  "a receipt file that two readers may read differently is none"({ equal }) {
    const text = file();
    const other = `"receipt": "${RECEIPT.replace("S", "T")}"`;
    for (const changed of [
      text.replace("{", `{ ${other}, `),
      text.replace(/\}\s*$/, `, ${other} }`),
      text.replace("{", `{ "rec\\u0065ipt": "", `),
      text.replace('"mark": 2', '"mark": 2.0'),
      text.replace('"mark": 2', '"mark": 2e0'),
    ]) {
      equal(readReceiptFile(changed), null, changed);
    }
    const more = '"2.0 \\" {": [{}, { "a": true }, { "a": -5 }], "nonc": null, ';
    const odd = text.replace("{", `{ ${more}`);
    equal(receiptText(readReceiptFile(odd).receipt), RECEIPT);
  },
  "long runs of what stands around a receipt are read in a moment"({ equal }) {
    const longest = 1 << 19;
    for (const around of ['"', "(", ".", " ", "\u201c", "`"]) {
      for (const text of [`a${around.repeat(longest)}b`, `${around.repeat(longest)}b`]) {
        equal(readReceipt(text), null, around);
        equal(readReceiptFile(text), null, around);
      }
    }
  },
  "a receipt is found by its nonce, however names are stored"({ equal }) {
    const composed = receiptOfName("board", "José", ZEROS);
    const key = { ...readReceiptFile(file()), receipt: null, marks: null, nonce: ZEROS };
    for (const candidate of ["José", "Jose\u0301"]) {
      const receipts = receiptsOf({ ...key, candidate }, "board").map(hex);
      equal(receipts.includes(hex(composed)), true, candidate);
    }
  },
  "a receipt of another vote than the file says is told"({ equal }) {
    const nothing = { receipt: null, marks: null, nonce: ZEROS, election: "board", epoch: null };
    const key = { ...nothing, candidate: "Ada" };
    equal(isOfVote(key, "board", receiptOfName("board", "Ada", ZEROS)), true);
    equal(isOfVote(key, "board", receiptOfName("board", "Grace", ZEROS)), false);
    const marks = [{ candidate: "Ada", mark: 1 }];
    const marked = { ...nothing, candidate: "", marks };
    for (const mark of [1, 2]) {
      const receipt = receiptOfMarks("board", [{ name: "Ada", mark }], ZEROS);
      equal(isOfVote(marked, "board", receipt), mark === 1);
    }
    // Where there is only a receipt, no file says anything else.
    equal(isOfVote(readReceiptFile(RECEIPT), "board", ZEROS), true);
  },
  "a file is bound to a number without telling it"({ equal }) {
    const hash = new Sha256().update("capvote receipt file 1\0").update(ZEROS);
    equal(
      boundToNumber(ZEROS, 258n),
      hex(hash.update(Uint8Array.of(2, 1, 0, 0, 0, 0, 0, 0)).digest()),
    );
  },
};
