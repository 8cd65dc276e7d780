/** What an officer does with an election that exists: acts, links, numbers, the sheet. */

import { LIMITS as FETCH_LIMITS, fetchSheet } from "../auditor/fetch.js";
import { trouble } from "../auditor/server.js";
import * as schema from "../capnp/officer-schema.js";
import { bytesOf, saveLink } from "../lib/files.js";
import { addressWith, checkServer, readLink } from "../lib/link.js";
import { readNumber } from "../lib/number.js";
import { Refused } from "../lib/refused.js";
import { csvParts, fingerprint, jsonParts } from "../lib/sheet.js";
import { inSlices } from "../lib/steps.js";
import { LIMITS as PEOPLE_LIMITS, checkNumbers, readPeople } from "./people.js";
import { Ways } from "./ways.js";

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

/** What elections are after an act. */
const STATES = { open: "open", close: "closed" };

/** The part of the flow that acts on the election that is shown. */
export class Keeping extends Ways {
  /** Links that were made in this tab. */
  made = [];
  /** The address of this server that links have. */
  base = location.origin;

  /** Shows a step that is about all elections of the roll. */
  goWithPaper(step) {
    const work = async (signal) => {
      await this.loadPaper(signal);
      return step;
    };
    return this.work("working.load", work, true);
  }

  /**
   * Opens, closes or confirms the election, and others of its roll.
   * @param {"open" | "close" | "confirm"} what
   * @param {object[]} [others]
   */
  act(what, others = []) {
    // Letters lead to the election that has the roll. It opens last, with the whole paper.
    const all = [this.here.info, ...others].sort((one, other) => !one.roll - !other.roll);
    return this.work(what === "open" ? "working.openElection" : `working.${what}`, async () => {
      this.told = await this.#actOnAll(what, all);
      return "election";
    });
  }

  /** Acts on one after the other, and tells how far that went. */
  async #actOnAll(what, all) {
    let failed = null;
    for (const { id } of all) {
      const call = async (on) => (await on.administration(id))[what]();
      try {
        done((await this.authority.once(call, LIMITS.actMs)).outcome);
      } catch (error) {
        if (all.length === 1) throw error;
        failed = error;
        break;
      }
    }
    await this.loadPaper();
    const { paper } = this.here;
    const isDone = ({ id }) => paper.some((it) => it.id === id && it.state === STATES[what]);
    const names = (infos) => this.language.list(infos.map(({ id, title }) => title || id));
    const values = { count: all.length, names: names(all.filter(isDone)) || "–" };
    if (!failed || all.every(isDone)) return { key: `${what}.done`, values };
    values.others = names(all.filter((it) => !isDone(it)));
    values.why = failed.values?.said ?? trouble(failed, this.language);
    return { key: `${what}.some`, values, isBad: true };
  }

  // Numbers.

  /** The people in a file, whose numbers may be those of the election that is shown. */
  async peopleIn(file, signal) {
    const bytes = await bytesOf(file, PEOPLE_LIMITS.file);
    if (!bytes) throw new Refused("roll.tooLarge", { mib: PEOPLE_LIMITS.file >> 20 });
    const people = readPeople(bytes);
    await this.reload(signal);
    checkNumbers(people, this.here.info);
    return people;
  }

  /** The same of a file of an earlier issue, all with numbers. */
  async peopleWithNumbers(file, signal) {
    const people = await this.peopleIn(file, signal);
    const rows = people.rows.filter(({ number }) => number !== null);
    if (rows.length === 0) throw new Refused("roll.noNumbers");
    return { ...people, rows };
  }

  revokeFile(file) {
    return this.#revoke(async () => {
      const { rows } = await this.peopleWithNumbers(file);
      return rows.map(({ number }) => number);
    });
  }

  revokeTyped(text) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const numbers = lines.map((line) => readNumber(line).number);
    const wrong = numbers.findIndex((number) => number === null || number === 0n);
    if (lines.length === 0) return this.fail("revoke.none");
    if (wrong >= 0) return this.fail("revoke.wrong", { line: wrong + 1 });
    return this.#revoke(() => numbers);
  }

  #revoke(read) {
    const { id } = this.here.info;
    return this.work("working.revoke", async () => {
      const numbers = await read();
      if (numbers.length > LIMITS.revoked)
        throw new Refused("revoke.tooMany", { count: LIMITS.revoked });
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
    const { id } = this.here.info;
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
    const { id } = this.here.info;
    return this.work("working.endLink", async () => {
      await checkServer(link);
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
    return this.#inPlace("server.busy.sheet", async (here) => {
      const { info } = here;
      const ask = async (on) => fetchSheet(await on.auditor(info.id), info);
      const sheet = await this.authority.once(ask, FETCH_LIMITS.sheetMs);
      const bytes = new Uint8Array(await new Blob([...csvParts(sheet)]).arrayBuffer());
      const save = (key, type, parts) =>
        saveLink(
          this.language.text(`election.save${key}`),
          `${info.id}.sheet.${type}`,
          parts,
          `text/${type}`,
        );
      here.sheet = {
        csv: save("Csv", "csv", () => csvParts(sheet)),
        json: save("Json", "json", () => jsonParts(sheet)),
        mark: await inSlices(fingerprint(bytes)),
      };
    });
  }

  /** Has the server check its ledger. */
  checkLedger() {
    return this.#inPlace("server.busy.check", async (here) => {
      const { id } = here.info;
      const ask = async (on) => (await on.auditor(id)).checkLedger();
      here.check = await this.authority.once(ask, LIMITS.checkMs);
    });
  }

  /** Works while the step stays as it is, and anything else can be done. */
  async #inPlace(key, work) {
    const { here } = this;
    if (here.busy) return;
    Object.assign(here, { busy: key, check: null });
    this.draw();
    try {
      await work(here);
    } catch (error) {
      here.check = { error };
    }
    here.busy = null;
    if (!this.isAt(here)) return;
    this.draw();
    document.getElementById("busy").focus();
  }
}

/** Checks that an act was carried out. */
function done(outcome) {
  if (outcome.which !== "done") throw new Refused("act.refused", { said: outcome.refused ?? "" });
}
