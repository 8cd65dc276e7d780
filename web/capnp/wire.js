// Messages from and to plain objects, by tables such as schema.js.
//
// A struct is a plain object with its fields' names, or null for a null pointer. Of a union only
// the member that is set is there, and `which` names it; for one that the tables do not know it is
// undefined. An enum is its value's name, or the number of one that the tables do not know.
// Integers of 64 bits are BigInt, Data is a Uint8Array of its own. Null pointers to text, data and
// lists are empty ones. Bytes of a text that are not UTF-8 become U+FFFD.

import { Builder } from "./builder.js";
import { Reader, WIRE_LIMITS } from "./reader.js";

/** @import { Type, WireLimits } from "./shapes.d.ts" */

export { AnyPointer, Malformed, WIRE_LIMITS } from "./reader.js";
export { define } from "./types.js";

/**
 * The struct at a message's root.
 *
 * @param {Type} type a struct
 * @param {Uint8Array} bytes one whole message, with its table of segments
 * @param {{ capability?: (index: number, type: Type) => unknown,
 *   limits?: Readonly<WireLimits> }} [options] `capability`: what a
 *   capability is, by its place in the message's table
 * @returns {any}
 * @throws {import("./reader.js").Malformed}
 */
export function decode(type, bytes, { capability, limits = WIRE_LIMITS } = {}) {
  const reader = new Reader(bytes, limits);
  if (capability) reader.capability = capability;
  return reader.root(type);
}

/**
 * The message that has this struct at its root. What is missing has its default value.
 *
 * @param {Type} type a struct
 * @param {any} value
 * @param {{ capability?: (value: any, type: Type) => number | null,
 *   limits?: { messageBytes: number } }} [options] `capability`: the place of a capability in the
 *   message's table
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {TypeError} if the value is not of the type
 * @throws {RangeError} if the message is too long
 */
export function encode(type, value, { capability = () => null, limits = WIRE_LIMITS } = {}) {
  return new Builder(capability, limits).finish(type, value);
}
