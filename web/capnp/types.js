// Types, from the text that schema.js and its like hold:
//
//     enum NAME VALUE...
//     struct NAME DATA-WORDS POINTERS [?OFFSET]   the offset of the tag of an unnamed union
//      FIELD TYPE OFFSET [@TAG] [=DEFAULT]        the tag that sets a union's member; a default
//     interface NAME ID [SUPERCLASS...]
//      METHOD
//      >DATA-WORDS POINTERS                       its parameters, if it has any, and their fields
//      <DATA-WORDS POINTERS                       its results likewise
//
// TYPE is a word below, [TYPE] for a list, {NAME} for a group, or a name. Behind > and < may be the
// name of a struct.

/** @import { Type } from "./shapes.d.ts" */

/** @type {(name: string, kind: string, properties?: object) => any} */
const type = (name, kind, properties) => ({ name, kind, ...properties });

const struct = (name, /** @type {string[]} */ [data, pointers, tag]) => type(name, "struct", {
  data: Number(data), pointers: Number(pointers), tag: tag ? Number(tag.slice(1)) : -1,
  fields: new Map(),
});

const number = (name, kind, bits, view) =>
  type(name, kind, { bits, get: `get${view}`, set: `set${view}` });

const WORDS = new Map([
  type("void", "void", { bits: 0 }),
  type("bool", "bool", { bits: 1 }),
  ...[8, 16, 32, 64].flatMap((bits) => [
    number(`i${bits}`, "int", bits, `${bits > 32 ? "Big" : ""}Int${bits}`),
    number(`u${bits}`, "int", bits, `${bits > 32 ? "BigUint" : "Uint"}${bits}`),
  ]),
  ...[32, 64].map((bits) => number(`f${bits}`, "float", bits, `Float${bits}`)),
  ...["text", "data", "any"].map((name) => type(name, name)),
  // A capability of whatever interface.
  type("cap", "interface", { methods: new Map() }),
].map((type) => [type.name, type]));

const NONE = struct("()", ["0", "0"]);

/**
 * The types that a text defines, by name, and those of `base`, to which it may refer.
 *
 * @param {string} text
 * @param {Record<string, Type>} [base]
 * @returns {Record<string, Type>}
 */
export function define(text, base = {}) {
  const types = new Map(Object.entries(base));
  const links = [];
  let current, method, members;
  for (const line of text.trim().split("\n")) {
    const [first, ...rest] = line.trim().split(" ");
    const side = { ">": "params", "<": "results" }[first[0]];
    if (line[0] !== " ") {
      const [name, ...words] = rest;
      current = members = first === "struct" ? struct(name, words)
        : first === "enum" ? type(name, first, { bits: 16, names: words })
        : type(name, first, { methods: new Map(), id: BigInt(`0x${words.shift()}`), above: words });
      types.set(name, current);
    } else if (!side && rest.length > 0) {
      const { fields } = members;
      links.push(() => fields.set(first, field(types, rest)));
    } else if (!side) {
      method = { name: first, interfaceId: current.id, index: current.methods.size, params: NONE,
        results: NONE };
      current.methods.set(first, method);
    } else if (rest.length > 0) {
      members = method[side] = struct(`${current.name}.${method.name}`, [first.slice(1), ...rest]);
    } else {
      const of = method;
      links.push(() => of[side] = find(types, first.slice(1)));
    }
  }
  for (const link of links) link();
  for (const type of types.values()) inherit(types, type);
  return Object.fromEntries(types);
}

/** Gives an interface the methods of its superclasses. */
function inherit(types, type) {
  for (const name of type.above ?? []) {
    const above = find(types, name);
    inherit(types, above);
    for (const [name, method] of above.methods) {
      if (!type.methods.has(name)) type.methods.set(name, method);
    }
  }
}

function field(types, /** @type {string[]} */ [name, offset, ...rest]) {
  const behind = (mark) => rest.find((word) => word[0] === mark)?.slice(1);
  const bits = behind("=");
  const fallback = bits ? new DataView(new ArrayBuffer(8)) : null;
  fallback?.setBigUint64(0, BigInt(bits ?? 0), true);
  const member = Number(behind("@") ?? -1);
  return { type: find(types, name), offset: Number(offset), member, fallback };
}

function find(types, name) {
  const inner = name.slice(1, -1);
  if (name[0] === "[") return type(name, "list", { of: find(types, inner) });
  if (name[0] === "{") return type(name, "group", { of: find(types, inner) });
  const found = WORDS.get(name) ?? types.get(name);
  if (!found) throw new TypeError(`the tables have no type ${name}`);
  return found;
}

/**
 * Reads a number, an enum's value or nothing at all. A value that the enum does not have is its
 * number.
 */
export function load(type, view, at) {
  if (type.kind === "void") return null;
  if (type.kind === "enum") {
    const value = view.getUint16(at, true);
    return type.names[value] ?? value;
  }
  return view[type.get](at, true);
}

/** Writes what `load` reads. A 64-bit integer may be a BigInt or a number. */
export function store(type, view, at, value) {
  if (type.kind === "void") return;
  if (type.kind === "enum") {
    const known = typeof value === "string" ? type.names.indexOf(value) : value;
    if (!Number.isInteger(known) || known < 0 || known > 0xffff) throw new Unfit(type.name);
    return view.setUint16(at, known, true);
  }
  const isNumber = typeof value === "number";
  if (type.kind === "float") {
    if (!isNumber) throw new Unfit(type.name);
  } else if (isNumber ? !Number.isSafeInteger(value) : typeof value !== "bigint") {
    throw new Unfit(type.name);
  } else if (type.bits === 64) {
    value = BigInt(value);
  }
  view[type.set](at, value, true);
  // A DataView keeps as many bits as there is room for.
  if (type.kind === "int" && load(type, view, at) !== value) throw new Unfit(type.name);
}

/** A value that is not of its type. */
export class Unfit extends TypeError {
  #place = "";

  /** @param {string} type its name */
  constructor(type) {
    super(`there has to be a value of type ${type}`);
  }

  /** Says where it is, unless that is known. */
  place(place) {
    if (this.#place) return;
    this.#place = place;
    Object.assign(this, { message: `${place}: ${this.message}` });
  }
}
