// Capabilities: who holds what over a connection, and the objects that stand for the peer's.

/** @import { Export, Target, Type } from "./shapes.d.ts" */

/**
 * A call that was not answered, or answered by an exception.
 *
 * `failed`: a fault. `overloaded`: something is full for the moment. `disconnected`: the connection
 * is gone. `unimplemented`: the other side has no such method.
 */
export class RpcError extends Error {
  /**
   * @param {"failed" | "overloaded" | "disconnected" | "unimplemented"} kind
   * @param {string} reason for people
   */
  constructor(kind, reason) {
    super(reason);
    this.name = "RpcError";
    this.kind = kind;
  }
}

/**
 * Things under numbers, the smallest that are free.
 *
 * @template T
 */
export class Numbered {
  /** @type {Map<number, T>} */
  #things = new Map();
  /** @type {number[]} */
  #free = [];
  #max;
  #full;

  constructor(max, full) {
    this.#max = max;
    this.#full = full;
  }

  add(thing) {
    if (this.#things.size >= this.#max) throw new RpcError("overloaded", this.#full);
    const number = this.#free.pop() ?? this.#things.size;
    this.#things.set(number, thing);
    return number;
  }

  /** @param {number} number */
  get(number) {
    return this.#things.get(number);
  }

  /** @param {number} number */
  delete(number) {
    if (this.#things.delete(number)) this.#free.push(number);
  }

  get size() {
    return this.#things.size;
  }

  /** Removes all, and returns them. */
  clear() {
    const things = [...this.#things.values()];
    this.#things.clear();
    this.#free = [];
    return things;
  }
}

/** The objects of this side that the peer holds. */
export class Exports {
  /** @type {Numbered<Export>} */
  #exports;
  /** @type {Map<object, Map<Type, number>>} */
  #ids = new Map();

  /** @param {number} max */
  constructor(max) {
    this.#exports = new Numbered(max, "the other side holds too many objects of this one");
  }

  get size() {
    return this.#exports.size;
  }

  /** The id of an object that the peer is given, once more. */
  add(object, type) {
    let id = this.#ids.get(object)?.get(type);
    if (id === undefined) {
      id = this.#exports.add({ object, type, references: 0 });
      const ids = this.#ids.get(object) ?? new Map();
      this.#ids.set(object, ids.set(type, id));
    }
    this.get(id).references++;
    return id;
  }

  get(id) {
    const found = this.#exports.get(id);
    if (!found) throw new Error("the peer holds no such object");
    return found;
  }

  /** The peer gives an object back, as often as this. */
  release(id, references) {
    const found = this.get(id);
    if (references > found.references) throw new Error("the peer gives back what it does not hold");
    found.references -= references;
    if (found.references > 0) return;
    this.#exports.delete(id);
    const ids = this.#ids.get(found.object);
    ids?.delete(found.type);
    if (ids?.size === 0) this.#ids.delete(found.object);
    letGo(found);
  }

  /** The peer holds nothing any more. */
  clear() {
    this.#ids.clear();
    this.#exports.clear().forEach(letGo);
  }
}

/** Tells an object that the peer has let go of it. */
const letGo = ({ object }) => safely(() => object.released?.());

/** Tells the page something. What it throws is reported as what a listener throws. */
export function safely(tell) {
  try {
    tell();
  } catch (error) {
    globalThis.reportError?.(error);
  }
}

/** The capabilities of the peer that this side holds. */
export class Imports {
  /** @type {Map<number, { references: number, target: WeakRef<object> }>} */
  #slots = new Map();
  #max;
  #give;
  /** Gives back what was lost without being released. */
  #lost = new FinalizationRegistry((id) => {
    const slot = this.#slots.get(id);
    if (slot && !slot.target.deref()) this.release(id, slot.references);
  });

  constructor(max, give) {
    this.#max = max;
    this.#give = give;
  }

  get size() {
    return this.#slots.size;
  }

  /** What stands for a capability that the peer has passed, once more. */
  add(id, create) {
    const slot = this.#slots.get(id);
    let target = /** @type {any} */ (slot?.target.deref());
    if (!target) {
      if (!slot && this.#slots.size >= this.#max) {
        throw new Error("there are too many capabilities");
      }
      target = create();
      this.#lost.register(target, id);
    }
    const references = (slot?.references ?? 0) + 1;
    this.#slots.set(id, { references, target: new WeakRef(target) });
    return target;
  }

  /** Gives a capability back, as often as this. Returns whether it is still held. */
  release(id, references) {
    const slot = this.#slots.get(id);
    if (!slot) return false;
    slot.references -= references;
    if (slot.references <= 0) this.#slots.delete(id);
    this.#give(id, references);
    return slot.references > 0;
  }

  clear() {
    this.#slots.clear();
  }
}

/**
 * A capability of the peer. It has the methods of its interface, each of which takes one object of
 * parameters, and perhaps `CallOptions`, and returns an `Answer`.
 */
export class Remote {
  /** @type {Target} */
  #target;

  /** @param {Target} target */
  constructor(target) {
    this.#target = target;
  }

  /**
   * The same capability, called by another interface. If it has not the methods of that, calls fail
   * with `unimplemented`.
   *
   * @param {Type} type
   * @returns {any}
   */
  as(type) {
    return remote(type, this.#target);
  }

  /**
   * Gives the capability back: once for each time that it was received. After the last time, calls
   * fail. What is never released is given back when it is garbage, at some time.
   */
  release() {
    this.#target.release();
  }

  /** Where calls on a value go, if it is a capability of a peer. */
  static target(value) {
    return value !== null && typeof value === "object" && #target in value ? value.#target : null;
  }
}

/** @type {WeakMap<Type, typeof Remote>} */
const classes = new WeakMap();

/** A method of this name would make a capability look like a promise. */
const NO_NAMES = ["then", "constructor", "as", "release"];

/** A capability of the peer with the methods of this interface. */
export function remote(type, target) {
  let of = classes.get(type);
  if (!of) {
    of = class extends Remote {};
    for (const method of type.methods.values()) {
      if (NO_NAMES.includes(method.name)) continue;
      Object.defineProperty(of.prototype, method.name, {
        value(params, options) {
          return Remote.target(this)?.call(method, params, options);
        },
      });
    }
    classes.set(type, of);
  }
  return new of(target);
}

/** The capabilities that results of this type will have. */
export function pipeline(type, target, path = []) {
  if (type.kind === "interface") return remote(type, target(path));
  const fields = {};
  for (const [name, { type: of, offset }] of type.fields) {
    if (of.kind !== "interface" && of.kind !== "struct") continue;
    Object.defineProperty(fields, name, {
      get: () => pipeline(of, target, [...path, { name, offset }]),
    });
  }
  return fields;
}
