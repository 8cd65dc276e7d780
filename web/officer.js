/**
 * The officer's page, `/officer#TOKEN`: from a link to the tally sheet, a step at a time. The token
 * and the voter numbers are in this tab's memory only.
 */

import { issue } from "./officer/issue.js";
import { readSpec } from "./officer/spec.js";
import { createStep, nothingTyped } from "./officer/create.js";
import { electionStep } from "./officer/election.js";
import { entryStep } from "./officer/entry.js";
import { button } from "./officer/fields.js";
import { lettersStep } from "./officer/letters.js";
import { Numbers } from "./officer/numbers.js";
import { overviewStep } from "./officer/overview.js";
import { peopleStep, rollStep, savingStep } from "./officer/roll.js";
import {
  confirmCloseStep,
  confirmOpenStep,
  endLinkStep,
  lettersFileStep,
  linksStep,
  revokeStep,
  testStep,
} from "./officer/acts.js";
import { trouble } from "./auditor/server.js";
import { Authority } from "./lib/authority.js";
import { element, say, showStep } from "./lib/dom.js";
import { languages } from "./lib/language.js";
import { takeFromAddress } from "./lib/link.js";
import { showNumber } from "./lib/number.js";
import { Refused } from "./lib/refused.js";
import { Session } from "./lib/session.js";
import { loadTexts } from "./officer/texts.js";

export const LIMITS = {
  /** How often an election that is shown is looked at, in milliseconds. */
  lookMs: 2_000,
  /** Numbers of a test election. */
  testNumbers: 3,
};

const STEPS = {
  entry: entryStep,
  overview: overviewStep,
  create: createStep,
  election: electionStep,
  roll: rollStep,
  people: peopleStep,
  saving: savingStep,
  letters: lettersStep,
  lettersFile: lettersFileStep,
  confirmOpen: confirmOpenStep,
  confirmClose: confirmCloseStep,
  revoke: revokeStep,
  links: linksStep,
  endLink: endLinkStep,
  test: testStep,
  working: workingStep,
};

/** Steps that the back button does not lead to: what they show is over. */
const PASSING = ["saving", "people", "working", "test", "confirmOpen", "confirmClose"];

/** How the ids of test elections end. */
const TEST = /-test(-\d+)?$/;

class Flow extends Numbers {
  #main = document.querySelector("main");
  #connection = document.getElementById("connection");
  #session = new Session({ onState: (state) => this.#tellState(state) });
  #step = "entry";
  #looking = new AbortController();

  language = null;
  authority = null;
  /** The elections that can be run, and the one that is shown. */
  elections = [];
  info = null;
  results = null;
  onResults = () => {};
  /** What was typed into the form of a new election, and what is wrong with it. */
  typed = nothingTyped();
  problems = [];
  test = null;

  async begin() {
    const opened = takeFromAddress();
    addEventListener("hashchange", () => {
      const link = takeFromAddress();
      if (link) this.open(link);
    });
    addEventListener("popstate", ({ state }) => this.#visit(state?.step));
    addEventListener("beforeunload", (event) => {
      if (this.saving || this.#step === "letters") event.preventDefault();
    });
    this.language = await languages(document.getElementById("languages"), loadTexts, (language) => {
      this.language = language;
      // What is being saved or typed is not to be lost by a change of language.
      if (this.#step !== "saving") this.#draw(false);
    });
    this.#draw(false);
    if (opened) await this.open(opened);
  }

  // Ways.

  go(step) {
    history.pushState({ step }, "");
    this.#step = step;
    this.#draw();
  }

  /** A button that leads back. */
  back(step) {
    const to = step ?? (this.info ? "election" : "overview");
    return element(
      "p",
      {},
      button(this.language.text(`back.${to}`), () => this.#return(to), "quiet"),
    );
  }

  async #return(to) {
    if (to === "overview") await this.#loadElections();
    this.go(to);
  }

  #visit(step) {
    const isGone =
      !this.authority || !step || PASSING.includes(step) || (step === "letters" && !this.letters);
    if (this.saving) return history.pushState({ step: "saving" }, "");
    this.#step = isGone ? (this.info ? "election" : this.authority ? "overview" : "entry") : step;
    this.#draw();
  }

  /** Says what is wrong above the step, which keeps what was typed. */
  fail(key, values) {
    this.#alert(this.language.text(key, values));
  }

  /** Says why something failed. */
  failed(error) {
    this.#alert(trouble(error, this.language));
  }

  #alert(text) {
    this.#main.querySelector("#alert")?.remove();
    const box = element(
      "div.problems",
      { id: "alert", role: "alert", tabindex: "-1" },
      element("p.error", {}, text),
    );
    this.#main.querySelector("h1").after(box);
    box.focus();
  }

  /**
   * Works, and shows that; then goes on, or says what went wrong in the step before.
   * @param {string} key the text of what is done
   * @param {() => Promise<string | null>} work the step to go to; null to stay
   */
  async work(key, work) {
    const before = this.#step;
    this.working = key;
    this.#step = "working";
    this.#draw();
    try {
      const next = await work();
      if (next) return this.go(next);
      this.#step = before;
      this.#draw();
    } catch (error) {
      this.saving = null;
      this.#step = before;
      this.#draw(false);
      this.#alert(trouble(error, this.language));
    }
  }

  // The link.

  open(link) {
    this.forget();
    const authority = new Authority(this.#session, link.token);
    return this.work("working.open", async () => {
      const role = await authority.open();
      this.authority = authority;
      if (authority.isSpent) this.told = { key: "open.once" };
      if (role === "officer") {
        await this.#loadElections();
        return "overview";
      }
      if (role === "auditor") throw new Refused("open.auditor");
      const id = role === "registrar" ? link.election : await this.#administered();
      if (id === "") throw new Refused("open.noElection");
      await this.#load(id);
      return "election";
    });
  }

  /** Forgets what belongs to another link. */
  forget() {
    Object.assign(this, {
      authority: null,
      elections: [],
      info: null,
      results: null,
      people: null,
      letters: null,
    });
    this.made = [];
  }

  async #administered() {
    const { info } = await this.authority.again(async (on) => {
      const { election } = await (await on.administration("")).election();
      return election.info();
    });
    return info.id;
  }

  async #loadElections() {
    const { elections } = await this.authority.again(({ live }) => live.directory.elections());
    this.elections = elections;
    this.info = null;
  }

  /** Shows an election. */
  show(id) {
    return this.work("working.load", async () => {
      await this.#load(id);
      return "election";
    });
  }

  async #load(id) {
    const [{ info }, { results }] = await this.authority.again(async ({ live }) => {
      const election = await live.election(id);
      return Promise.all([election.info(), election.results()]);
    });
    if (this.info?.id !== id) Object.assign(this, { check: null, sheet: null, busy: null });
    Object.assign(this, { info, results });
  }

  /** Loads the election that is shown, again. */
  reload() {
    return this.#load(this.info.id);
  }

  isTest({ id }) {
    return TEST.test(id);
  }

  votingLink(number) {
    return `${this.base}/${this.info.id}#${showNumber(number)}`;
  }

  /** The same at the address of this page, whatever voters are given. */
  ownVotingLink(number) {
    return `/${this.info.id}#${showNumber(number)}`;
  }

  // Creating.

  async create(typed, isTest) {
    this.typed = typed;
    const shared = this.elections.find(({ id }) => id === typed.roll);
    const { spec, problems, ranks } = readSpec(
      isTest ? this.#asTest(typed) : typed,
      Number(shared?.voters ?? 0),
    );
    this.problems = problems;
    if (problems.length > 0) {
      this.#draw(false);
      return this.#main.querySelector(".problems")?.focus();
    }
    await this.work("working.create", async () => {
      const { outcome } = await this.authority.once((on) => on.officer().create({ spec }));
      if (outcome.which !== "done")
        throw new Refused("create.refused", { said: outcome.refused ?? "" });
      await this.#loadElections();
      await this.#load(spec.id);
      if (isTest) return this.#beginTest(spec.id);
      this.typed = nothingTyped();
      this.told = ranks ? { key: "create.fewRanks", values: { ranks } } : null;
      return "election";
    });
  }

  /** The same election under another id, with a roll of its own and results as they come. */
  #asTest(typed) {
    const base = typed.id.replace(TEST, "").slice(0, 50);
    const ids = new Set(this.elections.map(({ id }) => id));
    let id = `${base}-test`;
    for (let at = 2; ids.has(id); at++) id = `${base}-test-${at}`;
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

  async #beginTest(id) {
    // These numbers are good for nothing, and are not saved.
    const numbers = await issue(this.authority, id, LIMITS.testNumbers, (_, settle) =>
      settle.saved(),
    );
    const { outcome } = await this.authority.once(async (on) =>
      (await on.administration(id)).open(),
    );
    if (outcome.which !== "done") throw new Refused("act.refused", { said: outcome.refused ?? "" });
    await this.#load(id);
    this.test = { numbers };
    return "test";
  }

  // Showing.

  draw() {
    this.#draw(false);
  }

  /** Shows a step to which the back button does not lead. */
  pass(step) {
    this.#step = step;
    this.#draw();
  }

  #draw(focus = true) {
    this.#looking.abort();
    this.#looking = new AbortController();
    this.onResults = () => {};
    showStep(this.#main, { ...STEPS[this.#step](this), focus });
    if (this.told && this.#step !== "working") this.#tellOnce();
    if (this.#step === "election" || this.#step === "confirmClose")
      this.#look(this.#looking.signal);
  }

  /** Says once what came of the last step. */
  #tellOnce() {
    const { key, values } = this.told;
    this.told = null;
    this.#main
      .querySelector("h1")
      .after(element("p.notice", { role: "status" }, this.language.text(key, values)));
  }

  /** Looks again and again at the election that is shown. */
  async #look(signal) {
    while (!signal.aborted) {
      await this.#session.pause(LIMITS.lookMs, signal);
      if (signal.aborted) return;
      const { state, unconfirmed } = this.info;
      try {
        await this.reload();
      } catch {
        // The line about the connection says so; the next look may succeed.
        continue;
      }
      if (signal.aborted) return;
      if (this.info.state !== state || this.info.unconfirmed !== unconfirmed)
        return this.#draw(false);
      this.onResults();
    }
  }

  #tellState(state) {
    const key = { lost: "connectionLost", connected: "connectionBack" }[state];
    const isShown = key === "connectionLost" || this.#connection.textContent !== "";
    if (this.language && key && isShown) say(this.#connection, this.language.text(key));
  }
}

/** What is shown while the server works. */
function workingStep({ language, working }) {
  const title = language.text(working);
  return {
    title,
    content: [
      element("h1", {}, title),
      element("p", { role: "status" }, language.text("working.wait")),
    ],
  };
}

const flow = new Flow();
flow.begin();
