/** What an officer does with an election that exists: acts, links, numbers, the sheet. */

import { LIMITS as FETCH_LIMITS, fetchSheet } from "../auditor/fetch.js";
import * as schema from "../capnp/officer-schema.js";
import { bytesOf, saveLink } from "../lib/files.js";
import { addressWith, isForThisServer, readLink } from "../lib/link.js";
import { readNumber } from "../lib/number.js";
import { Refused } from "../lib/refused.js";
import { csvParts, fingerprint, jsonParts } from "../lib/sheet.js";
import { inSlices } from "../lib/steps.js";
import { LIMITS as PEOPLE_LIMITS, readPeople } from "./people.js";

export const LIMITS = {
  /** Numbers that are revoked at a time, as the server allows. */
  revoked: 100_000,
  /** How long a check of the ledger may take, in milliseconds. */
  checkMs: 600_000,
  /** How long an act may take: a close of a large election takes some seconds. */
  actMs: 120_000,
};

/** Where each role's links lead. */
const PATHS = {
  auditor: (id) => `/${id}/audit`,
  registrar: (id) => `/officer?election=${id}`,
  administration: (id) => `/officer?election=${id}`,
};

/** The part of the flow that acts on the election that is shown. */
export class Keeping {
  /** What is told once, in the next step. */
  told = null;
  /** Links that were made in this tab. */
  made = [];
  check = null;
  sheet = null;
  busy = null;
  /** The address of this server that links have. */
  base = location.origin;

  /** Opens, closes or confirms the election. */
  act(what) {
    const { id } = this.info;
    return this.work(what === "open" ? "working.openElection" : `working.${what}`, async () => {
      const call = async (on) => (await on.administration(id))[what]();
      const { outcome } = await this.authority.once(call, LIMITS.actMs);
      await this.reload();
      done(outcome);
      this.told = { key: `${what}.done` };
      return "election";
    });
  }

  // Numbers.

  /** The people in a file of an earlier issue, all with numbers. */
  async peopleWithNumbers(file) {
    const bytes = await bytesOf(file, PEOPLE_LIMITS.file);
    if (!bytes) throw new Refused("roll.tooLarge", { mib: PEOPLE_LIMITS.file >> 20 });
    const people = readPeople(bytes);
    const rows = people.rows.filter(({ number }) => number !== null);
    if (rows.length === 0) throw new Refused("roll.noNumbers");
    return { ...people, rows };
  }

  async revokeFile(file) {
    try {
      const { rows } = await this.peopleWithNumbers(file);
      await this.#revoke(rows.map(({ number }) => number));
    } catch (error) {
      this.failed(error);
    }
  }

  revokeTyped(text) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const numbers = lines.map((line) => readNumber(line).number);
    const wrong = numbers.findIndex((number) => number === null || number === 0n);
    if (lines.length === 0) return this.fail("revoke.none");
    if (wrong >= 0) return this.fail("revoke.wrong", { line: wrong + 1 });
    return this.#revoke(numbers);
  }

  #revoke(numbers) {
    const { id } = this.info;
    if (numbers.length > LIMITS.revoked)
      return this.fail("revoke.tooMany", { count: LIMITS.revoked });
    return this.work("working.revoke", async () => {
      const call = async (on) => (await on.registrar(id)).revokeNumbers({ numbers });
      const { outcome } = await this.authority.once(call, LIMITS.actMs);
      await this.reload();
      done(outcome);
      this.told = { key: "revoke.done", values: { count: numbers.length } };
      return "election";
    });
  }

  // Links.

  /**
   * Makes a link for somebody else.
   * @param {"auditor" | "registrar" | "administration"} role
   * @param {boolean} once whether the first use spends it
   */
  makeLink(role, once) {
    const { id } = this.info;
    return this.work("working.link", async () => {
      const { token } = await this.authority.once(async (on) =>
        (await on[role](id)).save({ once }),
      );
      this.made.unshift({
        id,
        role,
        once,
        token: token.slice(),
        address: addressWith(this.base, PATHS[role](id), token),
        isEnded: false,
      });
      return null;
    });
  }

  /** Ends a link that was made in this tab. */
  endMade(link) {
    return this.work("working.endLink", async () => {
      try {
        await this.#endToken(link.token);
      } catch (error) {
        // To end a link is to open it first, which one that is spent does not allow.
        if (link.once && error.kind === "failed") throw new Refused("links.opened");
        throw error;
      }
      link.isEnded = true;
      return null;
    });
  }

  /** Ends a link that was pasted, and voids the numbers that were issued under it if asked to. */
  endTyped(text, how) {
    const link = readLink(text);
    if (!link) return this.fail("link.none");
    if (!isForThisServer(link)) return this.fail("link.otherServer", { host: link.host });
    const { id } = this.info;
    return this.work("working.endLink", async () => {
      let voided = 0n;
      if (how === "void") {
        const call = async (on) => (await on.administration(id)).voidNumbers({ token: link.token });
        const answer = await this.authority.once(call, LIMITS.actMs);
        done(answer.outcome);
        voided = answer.voided;
      } else {
        await this.#endToken(link.token);
      }
      await this.reload();
      this.told = {
        key: how === "void" ? "endLink.voided" : "endLink.done",
        values: { count: voided },
      };
      return "election";
    });
  }

  #endToken(token) {
    return this.authority.once(async ({ live }) => {
      const { capability } = await live.directory.restore({ token });
      await capability.as(schema.Savable).revoke();
    });
  }

  // After the close.

  /** Takes the tally sheet from the server, and makes files of it. */
  takeSheet() {
    return this.#inPlace("server.busy.sheet", async () => {
      const ask = async (on) => fetchSheet(await on.auditor(this.info.id), this.info);
      const sheet = await this.authority.once(ask, FETCH_LIMITS.sheetMs);
      const bytes = new Uint8Array(await new Blob([...csvParts(sheet)]).arrayBuffer());
      const { id } = this.info;
      const save = (key, type, parts) =>
        saveLink(
          this.language.text(`election.save${key}`),
          `${id}.sheet.${type}`,
          parts,
          `text/${type}`,
        );
      this.sheet = {
        csv: save("Csv", "csv", () => csvParts(sheet)),
        json: save("Json", "json", () => jsonParts(sheet)),
        mark: await inSlices(fingerprint(bytes)),
      };
    });
  }

  /** Has the server check its ledger. */
  checkLedger() {
    return this.#inPlace("server.busy.check", async () => {
      const ask = async (on) => (await on.auditor(this.info.id)).checkLedger();
      this.check = await this.authority.once(ask, LIMITS.checkMs);
    });
  }

  /** Works while the step stays as it is. */
  async #inPlace(key, work) {
    if (this.busy) return;
    this.busy = key;
    this.draw();
    try {
      this.check = null;
      await work();
    } catch (error) {
      this.check = { error };
    }
    this.busy = null;
    this.draw();
    document.getElementById("busy")?.focus();
  }
}

/** Checks that an act was carried out. */
function done(outcome) {
  if (outcome.which !== "done") throw new Refused("act.refused", { said: outcome.refused ?? "" });
}
