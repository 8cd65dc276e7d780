/**
 * The auditor's page, `/ELECTION/audit`: a tally sheet is recounted, and receipts are looked for,
 * in this page and by its own code. What the server says is shown beside it.
 */

import { fetchSheet, LIMITS as FETCH_LIMITS } from "./auditor/fetch.js";
import { LIMITS as KINDS_LIMITS, receiptIn } from "./auditor/kinds.js";
import { comparePart, serverPart } from "./auditor/server.js";
import {
  dropPart,
  progressPart,
  proofPart,
  receiptsPart,
  sheetPart,
  titlePart,
} from "./auditor/sections.js";
import { rulesFrom } from "./count/rules.js";
import { Authority } from "./lib/authority.js";
import { element, say } from "./lib/dom.js";
import { bytesOf } from "./lib/files.js";
import { languages } from "./lib/language.js";
import { checkServer, readLink, takeFromAddress, takeHanded } from "./lib/link.js";
import { readReceiptFile, receiptsOf } from "./lib/read-receipt.js";
import { Refused } from "./lib/refused.js";
import { Session } from "./lib/session.js";
import {
  LIMITS as SHEET_LIMITS,
  csvParts,
  fingerprint,
  readSheetFile,
  recount,
} from "./lib/sheet.js";
import { inSlices } from "./lib/steps.js";
import { loadTexts } from "./officer/texts.js";

export const LIMITS = {
  /** How long a check of the ledger may take, in milliseconds. */
  checkMs: 600_000,
};

class Auditor {
  #main = document.querySelector("main");
  #connection = document.getElementById("connection");
  #session = new Session({ onState: (state) => this.#tellState(state) });
  /** Ends the work on the sheet before. */
  #work = new AbortController();
  #parts = {};

  id = decodeURIComponent(location.pathname.split("/")[1]);
  language = null;
  /** The sheet: its name, fingerprint, and either what it says or why it is refused. */
  sheet = null;
  /** How far the work on a sheet is. */
  progress = null;
  /** Receipts to look for: the name of the file or the text, and the key, null if there is none. */
  receipts = [];
  /** What the server says, and why it could not be asked. */
  server = null;
  serverTrouble = null;
  /** Whether the form for an auditor's link is open. */
  isLinkAsked = false;
  /** An auditor's authority, and what it has told. */
  authority = null;
  audit = { turnout: null, report: null, trouble: null, busy: null };

  async begin() {
    const opened = takeFromAddress() ?? takeHanded();
    addEventListener("hashchange", () => this.#open(takeFromAddress()));
    this.language = await languages(document.getElementById("languages"), loadTexts, (language) => {
      this.language = language;
      this.#drawAll();
    });
    this.#drawAll();
    await Promise.all([this.#open(opened), this.askServer()]);
  }

  // What people do.

  /** Takes files: sheets and receipts, in any order. */
  async takeFiles(files) {
    for (const file of files) {
      const bytes = await bytesOf(file, SHEET_LIMITS.file);
      const key = bytes && receiptIn(bytes);
      if (key) this.#addReceipt(file.name, key);
      else await this.#takeSheet(file.name, bytes);
    }
    this.#draw("receipts");
  }

  /** Takes receipts that were typed or pasted, one a line, or the text of a receipt file. */
  takeTyped(text) {
    const file = readReceiptFile(text)?.nonce ? text : null;
    const lines = file ? [file] : text.split("\n").filter((line) => line.trim() !== "");
    for (const line of lines) this.#addReceipt(file ? "" : line.trim(), readReceiptFile(line));
    this.#draw("receipts");
  }

  /** Where a receipt is on the sheet: the place from 0, null if nowhere. */
  find(key) {
    const sheet = this.sheet?.sheet;
    if (!sheet || !key || sheet.election === null) return null;
    const places = receiptsOf(key, sheet.election).map((receipt) => sheet.find(receipt));
    return places.find((place) => place !== null) ?? null;
  }

  /** Asks the server what everyone may know, again. */
  async askServer() {
    this.serverTrouble = null;
    try {
      this.server = await this.#session.again(async ({ election }) => {
        const it = await election(this.id);
        const [{ info }, { results }] = await Promise.all([it.info(), it.results()]);
        const isFinal = info.state === "closed";
        return {
          info,
          results,
          rules: rulesFrom(info.rules),
          count: isFinal ? (await it.count()).count : null,
        };
      });
    } catch (error) {
      this.serverTrouble = error;
    }
    this.#draw("title", "server", "compare");
  }

  /** Takes the sheet from the server, by an auditor's authority. */
  takeFromServer() {
    return this.#act("sheet", async () => {
      const ask = async (on) => {
        const { info } = await (await on.live.election(this.id)).info();
        return fetchSheet(await on.auditor(this.id), info);
      };
      const sheet = await this.authority.once(ask, FETCH_LIMITS.sheetMs);
      const parts = [...csvParts(sheet)];
      const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
      await this.#takeSheet(`${this.id}.csv`, bytes);
    });
  }

  /** Has the server check its ledger. */
  checkLedger() {
    return this.#act("check", async () => {
      const ask = async (on) => (await on.auditor(this.id)).checkLedger();
      this.audit.report = (await this.authority.once(ask, LIMITS.checkMs)).report;
    });
  }

  /** Asks for the turnout. */
  askTurnout() {
    return this.#act("turnout", async () => {
      const ask = async (on) => (await on.auditor(this.id)).turnout();
      this.audit.turnout = (await this.authority.again(ask)).turnout;
    });
  }

  /**
   * Opens an auditor's link that was pasted.
   * @returns {string | null} why it is not opened
   */
  takeLink(text) {
    const link = readLink(text);
    if (!link) return this.language.text("link.none");
    this.#open(link);
    return null;
  }

  // How it is done.

  async #open(link) {
    if (!link) return;
    const authority = new Authority(this.#session, link.token);
    await this.#act("open", async () => {
      const { election } = link;
      if (election !== "" && election !== this.id) throw new Refused("link.otherElection", link);
      await checkServer(link);
      await authority.open();
      authority.isSpent ||= Boolean(link.isOnce);
      Object.assign(this, { authority });
    });
    if (this.authority === authority) await this.askTurnout();
  }

  async #act(busy, work) {
    Object.assign(this.audit, { trouble: null, busy });
    this.#draw("server");
    try {
      await work();
    } catch (error) {
      this.audit.trouble = error;
    }
    this.audit.busy = null;
    this.#draw("server");
  }

  async #takeSheet(name, bytes) {
    this.#work.abort();
    this.#work = new AbortController();
    const { signal } = this.#work;
    this.sheet = null;
    this.#tellProgress(0);
    this.#draw("sheet", "receipts", "compare");
    try {
      const began = performance.now();
      if (!bytes) throw new Refused("sheet.tooLarge", { mib: SHEET_LIMITS.file >> 20 });
      const tell =
        (from) =>
        ({ done, all }) =>
          this.#tellProgress(from + done / (2 * all));
      const mark = await inSlices(fingerprint(bytes), () => {}, signal);
      const sheet = await inSlices(readSheetFile(bytes), tell(0), signal);
      const counted = await inSlices(recount(sheet), tell(0.5), signal);
      const contradiction = sheet.contradiction();
      const seconds = (performance.now() - began) / 1_000;
      this.sheet = { name, mark, sheet, counted, contradiction, seconds };
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      this.sheet = { name, refused: error };
    }
    this.progress = null;
    this.#draw("progress", "sheet", "receipts", "compare");
    this.#parts.sheet.querySelector("h2")?.focus();
  }

  #addReceipt(name, key) {
    if (this.receipts.length < KINDS_LIMITS.receipts) this.receipts.push({ name, key });
  }

  #tellProgress(part) {
    this.progress = part;
    this.#draw("progress");
  }

  #drawAll() {
    for (const name of Object.keys(PARTS)) this.#parts[name] = element("section");
    this.#main.replaceChildren(...Object.values(this.#parts));
    this.#draw(...Object.keys(PARTS));
  }

  #draw(...names) {
    for (const name of names) {
      const content = PARTS[name](this);
      this.#parts[name].hidden = content === null;
      this.#parts[name].replaceChildren(...(content ?? []).filter(Boolean));
    }
  }

  #tellState(state) {
    const key = { lost: "connectionLost", connected: "connectionBack" }[state];
    const isShown = key === "connectionLost" || this.#connection.textContent !== "";
    if (this.language && key && isShown) say(this.#connection, this.language.text(key));
  }
}

/** The parts of the page, in their order. */
const PARTS = {
  title: titlePart,
  drop: dropPart,
  progress: progressPart,
  sheet: sheetPart,
  receipts: receiptsPart,
  compare: comparePart,
  server: serverPart,
  proof: proofPart,
};

const page = new Auditor();
page.begin();
