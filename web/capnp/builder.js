// Plain objects to messages, each in one segment: https://capnproto.org/encoding.html

import { WIRE_LIMITS } from "./reader.js";
import { store, Unfit } from "./types.js";

/** @import { Type } from "./shapes.d.ts" */

const WORD = 8;
const STRUCT = 0, LIST = 1, OTHER = 3;
const COMPOSITE = 7;

/** The code of the size of a list's elements, by their bits; of pointers it is 6. */
const CODES = new Map([[0, 0], [1, 1], [8, 2], [16, 3], [32, 4], [64, 5]]);

const utf8 = new TextEncoder();

/** A message that is being made. */
export class Builder {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  /** Behind the table of segments, which has one. */
  #end = WORD;
  #bytesMax;
  #capability;

  constructor(capability, /** @type {{ messageBytes: number }} */ limits = WIRE_LIMITS) {
    this.#capability = capability;
    this.#bytesMax = limits.messageBytes;
  }

  /** The message whose root is this struct. */
  finish(type, value) {
    this.#pointer(type, value, this.#room(WORD));
    this.#view.setUint32(4, (this.#end - WORD) / WORD, true);
    return this.#bytes.slice(0, this.#end);
  }

  #room(bytes) {
    const at = this.#end;
    this.#end += Math.ceil(bytes / WORD) * WORD;
    if (this.#end > this.#bytesMax) throw new RangeError("the message would be too long");
    if (this.#end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  #point(pointer, to, kind, high) {
    this.#view.setInt32(pointer, ((to - pointer - WORD) / WORD << 2) | kind, true);
    this.#view.setUint32(pointer + 4, high >>> 0, true);
  }

  #pointer(type, value, pointer) {
    if (value === null || value === undefined) return;
    switch (type.kind) {
      case "struct": return this.#struct(type, value, pointer);
      case "list": return this.#list(type.of, value, pointer);
      case "text":
        if (typeof value !== "string") throw new Unfit(type.name);
        return this.#blob(utf8.encode(value), 1, pointer);
      case "data":
        if (!(value instanceof Uint8Array)) throw new Unfit(type.name);
        return this.#blob(value, 0, pointer);
      case "any":
        if (!value.type) throw new Unfit(type.name);
        return this.#pointer(value.type, value.value, pointer);
      case "interface": {
        const index = this.#capability(value, type);
        if (index === null) return;
        this.#view.setUint32(pointer, OTHER, true);
        return this.#view.setUint32(pointer + 4, index, true);
      }
    }
    throw new Unfit(type.name);
  }

  #struct(type, value, pointer) {
    const { data, pointers: count } = type;
    const at = this.#room((data + count) * WORD);
    // A struct of no size points to the word before it: another offset would make it null.
    this.#point(pointer, data + count ? at : pointer, STRUCT, (count << 16) | data);
    this.#fields(type, value, at, at + data * WORD);
  }

  #fields(type, value, data, pointers) {
    if (typeof value !== "object") throw new Unfit(type.name);
    const { fields } = type;
    for (const name of Object.keys(value)) {
      if (!fields.has(name) && !(name === "which" && type.tag >= 0)) {
        throw new TypeError(`${type.name} has no field ${name}`);
      }
    }
    let which = "";
    for (const [name, field] of fields) {
      // Not what every object has, such as `constructor`.
      const isGiven = !(name in Object.prototype) || Object.hasOwn(value, name);
      const given = isGiven ? value[name] : undefined;
      if (given === undefined) continue;
      if (field.member >= 0) {
        if (which) throw new TypeError(`${type.name} can have ${which} or ${name}`);
        which = name;
        this.#view.setUint16(data + type.tag * 2, field.member, true);
      }
      try {
        this.#field(field, given, data, pointers);
      } catch (error) {
        if (error instanceof Unfit) error.place(`${type.name}.${name}`);
        throw error;
      }
    }
  }

  #field({ type, offset, fallback }, value, data, pointers) {
    if (type.kind === "group") {
      return this.#fields(type.of, value, data, pointers);
    }
    if (type.bits === undefined) return this.#pointer(type, value, pointers + offset * WORD);
    if (type.kind === "bool") {
      return this.#bool(data * 8 + offset, value, Boolean(fallback?.getUint8(0)));
    }
    const at = data + (offset * type.bits) / 8;
    store(type, this.#view, at, value);
    for (let byte = 0; fallback && byte < type.bits / 8; byte++) {
      this.#bytes[at + byte] ^= fallback.getUint8(byte);
    }
  }

  #bool(bit, value, fallback) {
    if (typeof value !== "boolean") throw new Unfit("bool");
    if (value !== fallback) this.#bytes[Math.floor(bit / 8)] |= 1 << (bit % 8);
  }

  #blob(bytes, zeros, pointer) {
    const length = bytes.length + zeros;
    const at = this.#room(length);
    this.#bytes.set(bytes, at);
    this.#point(pointer, at, LIST, (length << 3) | 2);
  }

  #list(of, values, pointer) {
    if (!(Array.isArray(values) || ArrayBuffer.isView(values))) throw new Unfit(`[${of.name}]`);
    const { length } = /** @type {any[]} */ (values);
    if (of.kind === "struct") return this.#structs(of, values, pointer);
    const bits = of.bits ?? 64;
    const code = of.bits === undefined ? 6 : Number(CODES.get(bits));
    const at = this.#room(length * bits / 8);
    if (length >= 2 ** 29) throw new RangeError("the message would be too long");
    this.#point(pointer, at, LIST, (length << 3) | code);
    for (let index = 0; index < length; index++) {
      if (of.kind === "bool") this.#bool(at * 8 + index, values[index], false);
      else if (of.bits === undefined) this.#pointer(of, values[index], at + index * WORD);
      else store(of, this.#view, at + (index * bits) / 8, values[index]);
    }
  }

  #structs(type, values, pointer) {
    const { data, pointers: count } = type;
    const words = data + count;
    const at = this.#room((1 + values.length * words) * WORD);
    this.#point(pointer, at, LIST, ((values.length * words) << 3) | COMPOSITE);
    this.#view.setUint32(at, values.length << 2, true);
    this.#view.setUint32(at + 4, (count << 16) | data, true);
    for (let index = 0; index < values.length; index++) {
      const start = at + (1 + index * words) * WORD;
      this.#fields(type, values[index], start, start + data * WORD);
    }
  }
}
