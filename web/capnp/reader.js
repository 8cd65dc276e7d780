// Messages to plain objects: https://capnproto.org/encoding.html

import { load } from "./types.js";

/** @import { Place, Type, WireLimits } from "./shapes.d.ts" */

/** Bytes that are no message, or one beyond the limits. */
export class Malformed extends Error {}

/**
 * The bounds of a message.
 *
 * @type {Readonly<WireLimits>}
 */
export const WIRE_LIMITS = Object.freeze({
  messageBytes: 64 << 20, segments: 512, depth: 64, values: 1 << 21, textBytes: 64 << 20,
});

const WORD = 8;
const STRUCT = 0, LIST = 1, FAR = 2, OTHER = 3;
const COMPOSITE = 7;

/** How many words are read of the shortest message. Of others it is eight times what they have. */
const WORDS_MIN = 4096;

/** The bits of an element's data, and its pointers, by the code of its size. */
const ELEMENTS = [[0, 0], [1, 0], [8, 0], [16, 0], [32, 0], [64, 0], [0, 1]];

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** What is read in the place of a field that a message lacks. */
const NOTHING = new DataView(new ArrayBuffer(8));

/** @type {Place} */
const EMPTY = { segment: 0, view: NOTHING, data: 0, bits: 0, pointers: 0, count: 0 };

/** A pointer to a value of a type that only the application knows. */
export class AnyPointer {
  #reader;
  #segment;
  #at;
  #depth;

  constructor(reader, segment, at, depth) {
    this.#reader = reader;
    this.#segment = segment;
    this.#at = at;
    this.#depth = depth;
  }

  /**
   * The value, read as this type.
   *
   * @param {Type} type a struct, an interface, a list, or text or data
   * @returns {any}
   * @throws {Malformed}
   */
  as(type) {
    return this.#reader.pointer(type, this.#segment, this.#at, this.#depth);
  }
}

/** A message. */
export class Reader {
  /** @type {DataView[]} */
  #segments = [];
  #depthMax;
  #textMax;
  /** How much may still be read: pointers may lead to the same words again and again. */
  #wordsLeft;
  #valuesLeft;

  /**
   * The capability at this place of the message's table.
   *
   * @type {(index: number, type: Type) => any}
   */
  capability = () => null;

  constructor(bytes, limits = WIRE_LIMITS) {
    if (bytes.length > limits.messageBytes) throw new Malformed("the message is too long");
    if (bytes.length < WORD) throw new Malformed("the message is too short");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const count = view.getUint32(0, true) + 1;
    if (count > limits.segments) throw new Malformed("the message has too many segments");
    let at = (4 + 4 * count + 7) & ~7;
    for (let index = 0; index < count; index++) {
      const length = at <= bytes.length ? view.getUint32(4 + 4 * index, true) * WORD : 0;
      if (at + length > bytes.length) throw new Malformed("the message is cut off");
      this.#segments.push(new DataView(bytes.buffer, bytes.byteOffset + at, length));
      at += length;
    }
    if (at !== bytes.length) throw new Malformed("there is something behind the message");
    this.#depthMax = limits.depth;
    this.#textMax = limits.textBytes;
    this.#wordsLeft = bytes.length + WORDS_MIN;
    this.#valuesLeft = limits.values;
  }

  /**
   * The struct at the root; null if there is none.
   *
   * @returns {any}
   */
  root(type) {
    return this.pointer(type, 0, 0, 0);
  }

  /** A struct that has nothing but its defaults. */
  defaults(type) {
    return this.#fields(type, EMPTY, 0);
  }

  /** What a pointer leads to. */
  pointer(type, segment, at, depth) {
    if (depth > this.#depthMax) throw new Malformed("the message is too deep");
    const to = this.#follow(segment, at);
    this.#take(0, 1);
    if (!to) return nothing(type);
    switch (type.kind) {
      case "struct": return this.#struct(type, to, depth);
      case "list": return this.#list(type.of, to, depth);
      case "text": return this.#text(to);
      case "data": return this.#bytes(to).slice();
      case "any": return new AnyPointer(this, segment, at, depth);
      case "interface":
        if (to.low !== OTHER) throw new Malformed("there is no capability where one has to be");
        return this.capability(to.high, type);
    }
    throw new TypeError(`${type.name} is no type of a pointer`);
  }

  #take(words, values) {
    this.#wordsLeft -= words;
    this.#valuesLeft -= values;
    if (this.#wordsLeft < 0 || this.#valuesLeft < 0) {
      throw new Malformed("the message has too many values");
    }
  }

  #view(segment, at, bytes) {
    const view = this.#segments[segment];
    if (!view || at < 0 || at + bytes > view.byteLength) {
      throw new Malformed("a pointer leads out of the message");
    }
    return view;
  }

  /** What a pointer says, wherever it is kept; null for a null pointer. */
  #follow(segment, at) {
    let view = this.#view(segment, at, WORD);
    let low = view.getUint32(at, true), high = view.getUint32(at + 4, true);
    if (low === 0 && high === 0) return null;
    if ((low & 3) === FAR) {
      const isDouble = (low & 4) !== 0;
      segment = high;
      at = (low >>> 3) * WORD;
      view = this.#view(segment, at, isDouble ? 2 * WORD : WORD);
      low = view.getUint32(at, true);
      high = view.getUint32(at + 4, true);
      if (isDouble) {
        if ((low & 7) !== FAR) throw new Malformed("a far pointer leads nowhere");
        const tag = at + WORD;
        segment = high;
        at = (low >>> 3) * WORD;
        low = view.getUint32(tag, true);
        high = view.getUint32(tag + 4, true);
        if (low >>> 2 !== 0) throw new Malformed("a far pointer leads nowhere");
        return { segment, at, low, high };
      }
      if (low === 0 && high === 0) return null;
      if ((low & 3) === FAR) throw new Malformed("a far pointer leads to another");
    }
    return { segment, at: at + WORD + (low >> 2) * WORD, low, high };
  }

  #struct(type, to, depth) {
    if ((to.low & 3) !== STRUCT) throw new Malformed("there is no struct where one has to be");
    const data = to.high & 0xffff, count = to.high >>> 16;
    this.#take(data + count, 0);
    const view = this.#view(to.segment, to.at, (data + count) * WORD);
    const pointers = to.at + data * WORD;
    const place = { segment: to.segment, view, data: to.at, bits: data * 64, pointers, count };
    return this.#fields(type, place, depth);
  }

  #fields(type, place, depth) {
    this.#take(0, type.fields.size);
    const object = {};
    let member = -1;
    if (type.tag >= 0) {
      const at = type.tag * 16;
      member = at + 16 <= place.bits ? place.view.getUint16(place.data + at / 8, true) : 0;
      object.which = undefined;
    }
    for (const [name, field] of type.fields) {
      if (field.member >= 0) {
        if (field.member !== member) continue;
        object.which = name;
      }
      object[name] = this.#field(field, place, depth);
    }
    return object;
  }

  #field({ type, offset, fallback }, place, depth) {
    if (type.kind === "group") return this.#fields(type.of, place, depth);
    if (type.bits === undefined) {
      if (offset >= place.count) return nothing(type);
      return this.pointer(type, place.segment, place.pointers + offset * WORD, depth + 1);
    }
    const bit = offset * type.bits;
    const there = bit + type.bits <= place.bits;
    let view = there ? place.view : NOTHING;
    let at = there ? place.data + (bit >> 3) : 0;
    if (type.kind === "bool") {
      return Boolean(((view.getUint8(at) >> (bit & 7)) & 1) ^ (fallback?.getUint8(0) ?? 0));
    }
    if (fallback) {
      const mixed = new DataView(new ArrayBuffer(8));
      for (let byte = 0; byte < type.bits / 8; byte++) {
        mixed.setUint8(byte, view.getUint8(at + byte) ^ fallback.getUint8(byte));
      }
      view = mixed;
      at = 0;
    }
    return load(type, view, at);
  }

  #bytes(to) {
    if ((to.low & 3) !== LIST || (to.high & 7) !== 2) {
      throw new Malformed("there are no bytes where some have to be");
    }
    const length = to.high >>> 3;
    this.#take(length / WORD, 0);
    const view = this.#view(to.segment, to.at, length);
    return new Uint8Array(view.buffer, view.byteOffset + to.at, length);
  }

  #text(to) {
    const bytes = this.#bytes(to);
    if (bytes.length > this.#textMax) throw new Malformed("a text is too long");
    if (bytes.at(-1) !== 0) throw new Malformed("a text does not end");
    return utf8.decode(bytes.subarray(0, -1));
  }

  #list(of, to, depth) {
    if ((to.low & 3) !== LIST) throw new Malformed("there is no list where one has to be");
    const code = to.high & 7;
    let { at } = to, length = to.high >>> 3, bits, count, step;
    if (code === COMPOSITE) {
      this.#take(length + 1, 0);
      const view = this.#view(to.segment, at, (length + 1) * WORD);
      const low = view.getUint32(at, true), high = view.getUint32(at + 4, true);
      if ((low & 3) !== STRUCT) throw new Malformed("the elements of a list are no structs");
      bits = (high & 0xffff) * 64;
      count = high >>> 16;
      step = bits + count * 64;
      const words = length;
      length = low >>> 2;
      if (length * step > words * 64) throw new Malformed("a list is longer than its words");
      at += WORD;
    } else {
      [bits, count] = ELEMENTS[code];
      step = bits + count * 64;
      this.#take(length * step / 64, 0);
      this.#view(to.segment, at, length * step / 8);
    }
    // Elements may take no words at all. Pointers are counted when they are followed.
    const isPointer = of.bits === undefined && of.kind !== "struct";
    this.#take(step === 0 ? length : 0, isPointer ? 0 : length);
    const fits = of.kind === "struct" ? code !== 1
      : of.kind === "bool" ? code === 1
      : of.bits === undefined ? count > 0
      : bits >= of.bits && (code !== 1 || of.bits === 0);
    if (!fits) throw new Malformed("a list has other elements than it has to have");
    return this.#elements(of, { segment: to.segment, at, length, bits, count, step }, depth);
  }

  /**
   * The elements of a list that is as long as it says. Other elements than these types are what
   * older and newer versions of a schema have in their place.
   */
  #elements(of, { segment, at, length, bits, count, step }, depth) {
    const view = this.#segments[segment];
    const elements = [];
    for (let index = 0; index < length; index++) {
      const data = at + ((index * step) >>> 3), pointers = data + bits / 8;
      if (of.kind === "struct") {
        elements.push(this.#fields(of, { segment, view, data, bits, pointers, count }, depth));
      } else if (of.kind === "bool") {
        elements.push(Boolean((view.getUint8(data) >> (index & 7)) & 1));
      } else if (of.bits === undefined) {
        elements.push(this.pointer(of, segment, pointers, depth + 1));
      } else {
        elements.push(load(of, view, data));
      }
    }
    return elements;
  }
}

/** What a null pointer of this type reads as. */
function nothing(type) {
  switch (type.kind) {
    case "text": return "";
    case "data": return new Uint8Array(0);
    case "list": return [];
    default: return null;
  }
}
