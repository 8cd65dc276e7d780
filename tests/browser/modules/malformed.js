// What no message may be, and what no message is made of.

import { types } from "/-/capnp/schema.js";
import { decode, define, encode, Malformed, WIRE_LIMITS } from "/-/capnp/wire.js";
import { listType } from "./wire.js";

/** A message of one segment with these words. */
function message(...words) {
  const bytes = new Uint8Array(8 + 8 * words.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, words.length, true);
  words.forEach((word, index) => view.setBigUint64(8 + 8 * index, word, true));
  return bytes;
}

/** A list pointer to the next word: of this many elements of this size. */
const list = (length, code) => (BigInt(length * 8 + code) << 32n) | 1n;

const REFUSED = {
  "nothing": new Uint8Array(0),
  "half a word": new Uint8Array(4),
  "no segment": new Uint8Array(8).fill(255),
  "many segments": Uint8Array.of(0, 2, 0, 0, ...new Array(2052).fill(0)),
  "a segment that is cut off": message(1n).subarray(0, 12),
  "a byte too much": Uint8Array.of(...message(0n), 0),
  "no root": message(),
  "a root behind the end": message(0x0001_0000_0000_0004n),
  "a root before the start": message(0x0001_0000_ffff_fff0n),
  "a list as the root": message(list(1, 2), 0n),
  "a capability as the root": message(3n),
  "a far pointer to no segment": message(0x0000_0009_0000_0002n),
  "a far pointer to itself": message(0x0000_0000_0000_0002n),
  "a double-far pointer to no far pointer": message(0x0000_0000_0000_000en, 0n, 0n),
};

/** Of lists: the type that is wanted, and the words. */
const LISTS = [
  ["[u8]", list(9, 2), 0n],
  ["[u16]", list(1, 2), 0n],
  ["[u64]", list(1, 4), 0n],
  ["[bool]", list(1, 2), 0n],
  ["[bool]", list(1, 7), 0x0001_0000_0000_0004n, 0n],
  ["[u8]", list(1, 1), 0n],
  ["[Share]", list(1, 1), 0n],
  ["[text]", list(1, 5), 0n],
  ["[u64]", list(1, 6), 0n],
  // More structs than there are words; elements that are no structs; of no size, very many.
  ["[Share]", list(1, 7), 0x0001_0000_0000_0008n, 0n],
  ["[Share]", list(1, 7), 0x0001_0000_0000_0005n, 0n],
  ["[Share]", list(0, 7), 0x0000_0000_7fff_fffcn],
  ["[void]", list(0x1fff_ffff, 0)],
  // Texts that do not end.
  ["[text]", list(1, 6), list(0, 2), 0n],
  ["[text]", list(1, 6), list(1, 2), 1n],
];

/** Lists of lists, each of which is twice the one before: 2 to the power of this many values. */
const twice = (levels) => message(
  ...Array.from({ length: levels }, (_, level) => [
    // Both of a pair lead to the next pair.
    ...(level === 0 ? [list(2, 6)] : []),
    ...(level < levels - 1 ? [list(2, 6) + 4n, list(2, 6)] : [0n, 0n]),
  ]).flat());

/** As many pointers as this to the same bytes. */
function again(count, bytes) {
  const words = Array.from({ length: count }, (_, index) =>
    list(bytes, 2) + 4n * BigInt(count - 1 - index));
  return message(list(count, 6), ...words, ...new Array(bytes / 8).fill(0n));
}

const refuses = async (failure, read) => {
  const error = await failure((async () => read())());
  if (!(error instanceof Malformed)) throw error;
};

const TYPE_ERRORS = {
  "Election.vote.params.voterNumber: there has to be a value of type u64": [
    { voterNumber: -1n }, { voterNumber: 2n ** 64n }, { voterNumber: 1.5 },
    { voterNumber: 2 ** 60 }, { voterNumber: "1" },
  ],
  "Election.vote.params.candidate: there has to be a value of type text": [{ candidate: 1 }],
  "Election.vote.params.nonce: there has to be a value of type data": [{ nonce: [1, 2] }],
  "Election.vote.params has no field number": [{ number: 1n }],
};

export const tests = {
  async "bytes that are no message are refused"({ failure }) {
    for (const [name, bytes] of Object.entries(REFUSED)) {
      await refuses(failure, () => decode(types.Share, bytes)).catch((error) => {
        throw new Error(`${name}: ${error?.stack ?? error}`);
      });
    }
  },
  async "lists of other elements are refused"({ failure }) {
    for (const [name, ...words] of LISTS) {
      await refuses(failure, () => decode(listType(name), message(...words))).catch((error) => {
        throw new Error(`${name} ${words}: ${error?.stack ?? error}`);
      });
    }
  },
  async "what pointers lead to again and again is not read for ever"({ equal, failure }) {
    equal(decode(listType("[data]"), again(8, 8_000)).length, 8);
    await refuses(failure, () => decode(listType("[data]"), again(100, 80_000)));
    const deep = listType("[".repeat(32) + "u8" + "]".repeat(32));
    await refuses(failure, () => decode(deep, twice(31)));
    const shallow = listType("[[[u8]]]");
    equal(decode(shallow, twice(2)), [[[], []], [[], []]]);
  },
  async "structs without a word take as much as their fields"({ equal, failure }) {
    const { size } = types.ElectionInfo.fields;
    const count = 1_000;
    const bytes = message(list(0, 7), BigInt(count << 2));
    const read = (values) => () =>
      decode(listType("[ElectionInfo]"), bytes, { limits: { ...WIRE_LIMITS, values } });
    const needed = 1 + count * (1 + size);
    await refuses(failure, read(needed - 1));
    equal(read(needed)().length, count);
  },
  async "limits are kept"({ failure }) {
    const value = { names: ["a", "b"] };
    const bytes = encode(types.VoteOutcome, { unknownCandidate: value.names });
    const least = 5 + types.VoteOutcome.fields.size;
    const limits = { messageBytes: 1_000, segments: 1, depth: 2, values: least, textBytes: 2 };
    const read = (changed) => () =>
      decode(types.VoteOutcome, bytes, { limits: { ...limits, ...changed } });
    read({})();
    await refuses(failure, read({ messageBytes: bytes.length - 1 }));
    await refuses(failure, read({ segments: 0 }));
    await refuses(failure, read({ depth: 1 }));
    await refuses(failure, read({ values: least - 1 }));
    await refuses(failure, read({ textBytes: 1 }));
    const write = async () => encode(types.VoteOutcome, { refused: "" }, { limits });
    if (!(await failure(write()) instanceof TypeError)) throw new Error("an unknown field");
    const long = async () => encode(types.Receipt, { election: "x".repeat(2_000) }, { limits });
    if (!(await failure(long()) instanceof RangeError)) throw new Error("a long message");
  },
  async "values of another type are refused"({ equal, failure }) {
    const { params } = types.Election.methods.get("vote");
    for (const [message, values] of Object.entries(TYPE_ERRORS)) {
      for (const value of values) {
        const error = await failure((async () => encode(params, value))());
        equal(error.message, message.replaceAll("Election.vote.params", params.name));
        equal(error instanceof TypeError, true);
      }
    }
    const both = async () => encode(types.VoteOutcome, { closed: null, notOpen: null });
    equal(/closed/.test((await failure(both())).message), true);
  },
  "a name that every object has is a field like others"({ equal }) {
    // The names are a stranger's: none of them may be taken from or put into a prototype.
    const table = `struct Odd 1 3\n constructor text 0\n toString text 1\n __proto__ text 2`;
    const odd = define(table).Odd;
    equal(decode(odd, encode(odd, {})).constructor, "");
    const read = decode(odd, encode(odd, { constructor: "c", toString: "s" }));
    equal([read.constructor, read.toString], ["c", "s"]);
    equal({}.polluted, undefined);
  },
};
