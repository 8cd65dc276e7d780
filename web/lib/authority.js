/**
 * The authority that a token opens, over a session whose connection may be made again. The token
 * stays in this page's memory, and goes nowhere but to `Directory.restore`.
 */

import { RpcError } from "../capnp/rpc.js";
import * as schema from "../capnp/officer-schema.js";
import { Refused } from "./refused.js";

/** @typedef {"officer" | "administration" | "registrar" | "auditor"} Role */

/** An id that no election has: a lookup of it fails, and does nothing. */
const NO_ELECTION = "-";

/** A call by which each role is known, except a registrar's, of which every call does something. */
const PROBES = [
  ["officer", (it) => it.as(schema.ReturningOfficer).administer({ id: NO_ELECTION })],
  ["administration", (it) => it.as(schema.Administration).election()],
  ["auditor", (it) => it.as(schema.Auditor).turnout()],
];

export class Authority {
  #session;
  #token;
  /** What the token opens, over each connection. */
  #restored = new WeakMap();
  /** The administrations of a returning officer's, over each connection, by id. */
  #administrations = new WeakMap();

  /**
   * @param {import("./session.js").Session} session
   * @param {Uint8Array} token
   */
  constructor(session, token) {
    this.#session = session;
    this.#token = token;
    /** @type {Role | null} known after `open` */
    this.role = null;
    /** Whether the link worked once, for this page, and opens nothing any more. */
    this.isSpent = false;
  }

  /** What opens the same: the link's token, or this page's own if that is spent. */
  get token() {
    return this.#token;
  }

  /**
   * Restores the capability, and finds out its role.
   * @returns {Promise<Role>}
   * @throws {RpcError | Refused} the token opens nothing
   */
  async open() {
    let tries = 0;
    this.role = await this.#session.again(async (live) => {
      tries += 1;
      const restored = await this.#restore(live).catch((error) => {
        // A link that works once may be spent by the try before, of which the answer was lost.
        const isLost = tries > 1 && error.kind === "failed";
        throw isLost ? new Refused("open.lostAnswer", { said: error.message }) : error;
      });
      await this.#outliveLink(live, restored);
      for (const [role, probe] of PROBES) if (await has(probe(restored))) return role;
      return "registrar";
    });
    return this.role;
  }

  /**
   * A link that works once is spent by the first restore, and would open nothing after the
   * connection was lost: then this page goes on with a token of its own.
   */
  async #outliveLink({ directory }, restored) {
    if (this.isSpent) return;
    try {
      const { capability } = await directory.restore({ token: this.#token });
      capability.release();
    } catch (error) {
      if (!(error instanceof RpcError) || error.kind !== "failed") throw error;
      const { token } = await restored.as(schema.Savable).save();
      this.#token = token.slice();
      this.isSpent = true;
    }
  }

  /**
   * Calls once. A call that changes something is not repeated: its answer may be lost after it was
   * carried out.
   * @template T
   * @param {(on: Powers) => Promise<T>} ask
   * @param {number} [answerMs]
   * @returns {Promise<T>}
   */
  once(ask, answerMs) {
    return this.#session.once(async (live) => ask(await this.#powers(live)), answerMs);
  }

  /**
   * Calls until there is an answer. For what only reads.
   * @template T
   * @param {(on: Powers) => Promise<T>} ask
   * @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  again(ask, signal) {
    return this.#session.again(async (live) => ask(await this.#powers(live)), signal);
  }

  /**
   * @typedef {object} Powers
   * @property {import("./shapes.d.ts").Live} live
   * @property {object} restored what the token opens
   * @property {() => object} officer
   * @property {(id: string) => Promise<object>} administration
   * @property {(id: string) => Promise<object>} registrar
   * @property {(id: string) => Promise<object>} auditor
   */
  async #powers(live) {
    const restored = await this.#restore(live);
    const { role } = this;
    const administration = async (id) =>
      role === "officer"
        ? this.#administer(live, restored, id)
        : restored.as(schema.Administration);
    return {
      live,
      restored,
      officer: () => restored.as(schema.ReturningOfficer),
      administration,
      registrar: async (id) =>
        role === "registrar"
          ? restored.as(schema.Registrar)
          : (await (await administration(id)).registrar()).registrar,
      auditor: async (id) =>
        role === "auditor"
          ? restored.as(schema.Auditor)
          : (await (await administration(id)).auditor()).auditor,
    };
  }

  #restore({ connection, directory }) {
    if (!this.#restored.has(connection)) {
      const asked = directory.restore({ token: this.#token });
      this.#restored.set(
        connection,
        asked.then(({ capability }) => capability),
      );
    }
    return this.#restored.get(connection);
  }

  async #administer({ connection }, restored, id) {
    if (!this.#administrations.has(connection)) this.#administrations.set(connection, new Map());
    const known = this.#administrations.get(connection);
    if (!known.has(id)) {
      const asked = restored.as(schema.ReturningOfficer).administer({ id });
      known.set(
        id,
        asked.then(({ administration }) => administration),
      );
    }
    return known.get(id);
  }
}

/** Whether a call's interface has its method, whatever the call comes to. */
async function has(call) {
  try {
    await call;
    return true;
  } catch (error) {
    if (!(error instanceof RpcError) || error.kind === "disconnected") throw error;
    if (error.kind === "overloaded") throw error;
    return error.kind !== "unimplemented";
  }
}
