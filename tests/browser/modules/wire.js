// Messages from and to plain objects.

import { types } from "/-/capnp/officer-schema.js";
import { decode, define, encode, Malformed } from "/-/capnp/wire.js";
import { show } from "./cases.js";

const bytes = (base64) => Uint8Array.from(atob(base64), (it) => it.charCodeAt(0));

const base64 = (bytes) => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};

/** A type by its name; `Election.vote.params` is a method's. */
function find(all, name) {
  const [outer, method, side] = name.split(".");
  return side ? all[outer].methods.get(method)[side] : all[name];
}

/** What each message says, and the message that says that again. */
export function readAndWrite(table, messages) {
  const all = table ? define(table) : types;
  return messages.map(([name, message]) => {
    const type = find(all, name);
    const value = decode(type, bytes(message));
    return [show(value), base64(encode(type, value))];
  });
}

/** The type of a list: `[u8]`, `[[text]]`, `[Share]`. */
export function listType(name) {
  const inner = name.slice(1, -1);
  const of = inner[0] === "[" ? listType(inner)
    : types[inner] ?? define(`struct A 1 1\n a ${inner} 0`).A.fields.get("a").type;
  return { kind: "list", name, of };
}

export function list(name, message) {
  const type = listType(name);
  const value = decode(type, bytes(message));
  return [show(value), base64(encode(type, value))];
}

export function readList(name, message) {
  return show(decode(listType(name), bytes(message)));
}

/** Numbers from 0 to 1, the same for the same seed: Mulberry32. */
export function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Words that lead out of messages, around in them, or to lists of very many elements. */
const WORDS = [
  0xffffffffn, 0xffffffff_ffffffffn, 0xfffffff9_00000001n, 0x00000007_00000001n,
  0x00000000_00000002n, 0x00000001_00000006n, 0xffffffff_fffffffcn, 0x00000001_fffffffcn,
  0x0000ffff_ffffffffn, 0xffff0000_7ffffffcn, 0xfffffff8_00000001n, 0xffffffff_fffffffdn,
];

function copyWord(message, from, to) {
  message.copyWithin(to, from, from + 8);
}

/** Changes a few bytes or words of a message, its length, or its table of segments. */
export function altered(original, random) {
  const below = (end) => Math.floor(random() * end);
  const message = original.slice();
  const view = new DataView(message.buffer);
  for (let left = 1 + below(4); left > 0; left--) {
    const word = 8 * below(message.length / 8);
    switch (below(7)) {
      case 0: message[below(message.length)] = below(256); break;
      case 1: message[below(message.length)] ^= 1 << below(8); break;
      case 2: view.setBigUint64(word, WORDS[below(WORDS.length)], true); break;
      case 3: copyWord(message, 8 * below(message.length / 8), word); break;
      case 4: view.setUint32(word, (below(64) - 32) << 2 | below(4), true); break;
      case 5: view.setUint32(word + 4, below(40) << 3 | below(8), true); break;
      case 6: view.setUint32(4 * below(4), below(20), true); break;
    }
  }
  return below(20) === 0 ? message.subarray(0, below(message.length)) : message;
}

/** What reading a message comes to, and how long it takes. */
function timed(type, message) {
  const before = performance.now();
  let kind = "read", error;
  try {
    decode(type, message);
  } catch (thrown) {
    kind = thrown instanceof Malformed ? "refused" : "other";
    error = thrown?.stack ?? thrown;
  }
  return { kind, error, ms: performance.now() - before };
}

/** Reads this many altered messages. */
export function alter(originals, seed, count) {
  const random = generator(seed);
  const messages = originals.map(([name, message]) => [find(types, name), bytes(message)]);
  const result = { read: 0, refused: 0, other: [], slowestMs: 0, heapMib: 0 };
  for (let index = 0; index < count; index++) {
    const [type, original] = messages[Math.floor(random() * messages.length)];
    const message = altered(original, random);
    const outcome = timed(type, message);
    if (outcome.kind === "other") result.other.push(`${index}: ${outcome.error}`);
    else result[outcome.kind]++;
    // The machine does other things, too: what took long is read again.
    let { ms } = outcome;
    for (let again = 0; again < 3 && ms > 5; again++) ms = Math.min(ms, timed(type, message).ms);
    result.slowestMs = Math.max(result.slowestMs, ms);
    if (index % 1_000 === 0 || ms > 20) {
      result.heapMib = Math.max(result.heapMib, performance.memory.usedJSHeapSize / 2 ** 20);
    }
  }
  return result;
}
