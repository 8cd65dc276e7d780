/**
 * The officer's page, `/officer#TOKEN`: from a link to the tally sheet, a step at a time. The token
 * and the voter numbers are in this tab's memory only.
 */

import { issue } from "./officer/issue.js";
import { TEST, readSpec } from "./officer/spec.js";
import { nothingTyped } from "./officer/create.js";
import { Numbers } from "./officer/numbers.js";
import { loadTexts } from "./officer/texts.js";
import { Shown } from "./officer/ways.js";
import { isElectionId } from "./count/definition.js";
import { Authority } from "./lib/authority.js";
import { say } from "./lib/dom.js";
import { languages } from "./lib/language.js";
import { checkServer, handOn, takeFromAddress } from "./lib/link.js";
import { showNumber } from "./lib/number.js";
import { Refused } from "./lib/refused.js";
import { Session, ofRoll } from "./lib/session.js";

export const LIMITS = {
  /** How often an election that is shown is looked at, in milliseconds. */
  lookMs: 2_000,
  /** Numbers of a test election. */
  testNumbers: 3,
};

class Flow extends Numbers {
  #connection = document.getElementById("connection");
  #session = new Session({ onState: (state) => this.#tellState(state) });

  /** The elections that can be run, or of which an auditor's link may be. */
  elections = [];
  onResults = () => {};
  /** What was typed into the form of a new election, and what is wrong with it. */
  typed = nothingTyped();
  problems = [];

  async begin() {
    const opened = takeFromAddress();
    addEventListener("hashchange", () => {
      const link = takeFromAddress();
      if (!link) return;
      if (this.isHeld) this.fail("open.busy");
      else this.open(link);
    });
    this.listen();
    this.language = await languages(document.getElementById("languages"), loadTexts, (language) => {
      this.language = language;
      this.translate();
    });
    this.draw();
    if (opened) await this.open(opened);
  }

  // The link.

  open(link) {
    const authority = new Authority(this.#session, link.token);
    return this.work("working.open", async () => {
      await checkServer(link);
      const role = await authority.open();
      if (role === "auditor") return this.#handOn(link, authority);
      const told = authority.isSpent ? { key: "open.once" } : null;
      const opened = { authority, told, elections: [], here: null, made: [] };
      if (role === "officer") {
        opened.elections = await this.#askAll(authority);
      } else {
        const id = role === "registrar" ? link.election : await this.#administered(authority);
        if (id === "") throw new Refused("open.noElection");
        opened.here = new Shown(await this.#ask(authority, id));
      }
      Object.assign(this, opened);
      return role === "officer" ? "overview" : "election";
    });
  }

  /** An auditor's link is for another page, of an election that it need not name. */
  async #handOn({ election }, auditor) {
    this.auditor = auditor;
    if (isElectionId(election)) return this.audit(election);
    this.elections = await this.#askAll(auditor);
    return "audited";
  }

  audit(id) {
    const { token, isSpent } = this.auditor;
    handOn(`/${id}/audit`, token, isSpent);
    return null;
  }

  async #administered(authority) {
    const { info } = await authority.again(async (on) => {
      const { election } = await (await on.administration("")).election();
      return election.info();
    });
    return info.id;
  }

  // What is shown.

  async #askAll(authority, signal) {
    const { elections } = await authority.again(({ live }) => live.directory.elections(), signal);
    signal?.throwIfAborted();
    return elections;
  }

  /** Shows all elections. */
  showAll() {
    return this.work(
      "working.loadAll",
      async (signal) => {
        this.elections = await this.#askAll(this.authority, signal);
        this.here = null;
        return "overview";
      },
      true,
    );
  }

  /** Shows an election. */
  show(id) {
    return this.work(
      "working.load",
      async (signal) => {
        this.here = new Shown(await this.#ask(this.authority, id, signal));
        return "election";
      },
      true,
    );
  }

  async #ask(authority, id, signal) {
    const [{ info }, { results }] = await authority.again(async ({ live }) => {
      const election = await live.election(id);
      return Promise.all([election.info(), election.results()]);
    }, signal);
    signal?.throwIfAborted();
    return { info, results };
  }

  /** Loads the election that is shown, again. */
  async reload(signal) {
    const { here } = this;
    Object.assign(here, await this.#ask(this.authority, here.info.id, signal));
  }

  /** Loads it together with all that share its roll: the questions of one paper. */
  async loadPaper(signal) {
    const { here } = this;
    await this.reload(signal);
    here.paper = ofRoll(here.info, await this.#askAll(this.authority, signal));
  }

  /** Looks again and again at the election that is shown. */
  async look(signal) {
    const { here } = this;
    while (!signal.aborted) {
      await this.#session.pause(LIMITS.lookMs, signal);
      const { state, unconfirmed } = here.info;
      try {
        await this.reload(signal);
      } catch {
        // The line about the connection says so; the next look may succeed.
        continue;
      }
      if (here.info.state !== state || here.info.unconfirmed !== unconfirmed) return this.draw();
      this.onResults();
    }
  }

  isTest({ id }) {
    return TEST.test(id);
  }

  votingLink(number) {
    return `${this.base}/${this.here.info.id}#${showNumber(number)}`;
  }

  /** The same at the address of this page, whatever voters are given. */
  ownVotingLink(number) {
    return `/${this.here.info.id}#${showNumber(number)}`;
  }

  // Creating.

  async create(typed, isTest) {
    this.typed = typed;
    const shared = this.elections.find(({ id }) => id === typed.roll);
    const { spec, problems, ranks } = readSpec(
      isTest ? this.#asTest(typed) : typed,
      Number(shared?.voters ?? 0),
      isTest,
    );
    this.problems = problems;
    if (problems.length > 0) {
      this.draw();
      return document.querySelector("main .problems")?.focus();
    }
    await this.work("working.create", async () => {
      const { outcome } = await this.authority.once((on) => on.officer().create({ spec }));
      if (outcome.which !== "done")
        throw new Refused("create.refused", { said: outcome.refused ?? "" });
      this.elections = await this.#askAll(this.authority);
      this.here = new Shown(await this.#ask(this.authority, spec.id));
      if (isTest) return this.#beginTest();
      this.typed = nothingTyped();
      this.told = ranks ? { key: "create.fewRanks", values: { ranks } } : null;
      return "election";
    });
  }

  /** The same election under another id, with a roll of its own and results as they come. */
  #asTest(typed) {
    const base = typed.id.replace(TEST, "").slice(0, 50);
    const ids = new Set(this.elections.map(({ id }) => id));
    let id = `${base}.test`;
    for (let at = 2; ids.has(id); at++) id = `${base}.test-${at}`;
    const title = this.language.text("test.name", { title: typed.title || typed.id });
    const publication = typed.method === "plurality" ? "live" : "sealed";
    return {
      ...typed,
      id,
      title: title.replace(/[\u2068\u2069]/g, ""),
      publication,
      roll: "",
      opens: "",
      closes: "",
    };
  }

  async #beginTest() {
    const { id } = this.here.info;
    // These numbers are good for nothing, and are not saved.
    const { numbers } = await issue(this.authority, id, LIMITS.testNumbers, (_, settle) =>
      settle.saved(),
    );
    const { outcome } = await this.authority.once(async (on) =>
      (await on.administration(id)).open(),
    );
    if (outcome.which !== "done") throw new Refused("act.refused", { said: outcome.refused ?? "" });
    await this.reload();
    this.here.test = { numbers };
    return "test";
  }

  #tellState(state) {
    const key = { lost: "connectionLost", connected: "connectionBack" }[state];
    const isShown = key === "connectionLost" || this.#connection.textContent !== "";
    if (this.language && key && isShown) say(this.#connection, this.language.text(key));
  }
}

const flow = new Flow();
flow.begin();
