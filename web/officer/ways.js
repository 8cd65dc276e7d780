/** Which step of the officer's page is shown, and what leads from one to the next. */

import { trouble } from "../auditor/server.js";
import { element, showStep } from "../lib/dom.js";
import {
  confirmCloseStep,
  confirmOpenStep,
  endLinkStep,
  lettersFileStep,
  linksStep,
  revokeStep,
  testStep,
} from "./acts.js";
import { createStep } from "./create.js";
import { electionStep } from "./election.js";
import { entryStep } from "./entry.js";
import { button } from "./fields.js";
import { lettersStep } from "./letters.js";
import { auditedStep, overviewStep } from "./overview.js";
import { peopleStep, rollStep, savingStep } from "./roll.js";

const STEPS = {
  entry: entryStep,
  overview: overviewStep,
  audited: auditedStep,
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

/** Steps that are about no election, and those of them that only a returning officer has. */
const OFFICERS = ["overview", "create"];
const OF_NONE = ["entry", "audited", ...OFFICERS];

/**
 * An election that is shown, with all that was asked, read and made for it. Whoever works for it
 * keeps to this object: what comes late, when another election is shown, ends up here, unseen.
 */
export class Shown {
  check = null;
  sheet = null;
  busy = null;
  /** The elections that share its roll, itself among them, when they were last asked for. */
  paper = [];
  /** The people to issue numbers to; the numbers that wait to be saved; and letters. */
  people = null;
  saving = null;
  letters = null;
  /** The numbers of a test election. */
  test = null;

  /** @param {{ info: object, results: object }} loaded */
  constructor({ info, results }) {
    Object.assign(this, { info, results });
  }
}

export class Ways {
  #main = document.querySelector("main");
  #step = "entry";
  /** Ends with what is drawn. */
  #drawn = new AbortController();
  /** What is waited for. */
  #working = null;

  language = null;
  authority = null;
  /** The authority of an auditor's link, for another page. */
  auditor = null;
  /** The election that is shown. @type {Shown | null} */
  here = null;
  /** What is told once, in the next step. */
  told = null;

  listen() {
    addEventListener("popstate", ({ state }) => {
      // A link that somebody follows here comes by the same event.
      if (location.hash === "") this.#visit(state ?? {});
    });
    addEventListener("beforeunload", (event) => {
      if (this.here?.saving || this.#step === "letters") event.preventDefault();
    });
  }

  /** Whether something is under way that nobody leaves: its outcome has to be told. */
  get isHeld() {
    return this.#working !== null && !this.#working.mayLeave;
  }

  /** Whether the page of this election is what is seen. */
  isAt(here) {
    return this.here === here && this.#step === "election";
  }

  go(step) {
    const id = OF_NONE.includes(step) ? null : this.here.info.id;
    history.pushState({ step, id }, "");
    this.pass(step);
  }

  /** Shows a step to which the back button does not lead. */
  pass(step) {
    this.#step = step;
    this.draw(true);
  }

  /** A button that leads back. */
  back(step) {
    const to = step ?? (this.here ? "election" : "overview");
    const act = () => (to === "overview" ? this.showAll() : this.go(to));
    return element("p", {}, button(this.language.text(`back.${to}`), act, "quiet"));
  }

  #visit({ step, id }) {
    if (this.isHeld) return history.pushState({ step: "working" }, "");
    this.#leave();
    const isOfficer = this.authority?.role === "officer";
    const isElsewhere = Boolean(id) && id !== this.here?.info.id;
    if (isElsewhere && isOfficer) return this.show(id);
    const isGone =
      !(step === "audited" ? this.auditor : this.authority) ||
      !step ||
      isElsewhere ||
      PASSING.includes(step) ||
      (OFFICERS.includes(step) && !isOfficer) ||
      (step === "letters" && !this.here.letters);
    this.pass(isGone ? (this.here ? "election" : this.authority ? "overview" : "entry") : step);
  }

  /** Ends what is waited for. */
  #leave() {
    if (!this.#working) return;
    this.#working.leaving.abort();
    this.#step = this.#working.before;
    this.#working = null;
  }

  /** Says what is wrong above the step, which keeps what was typed. */
  fail(key, values) {
    this.#alert(this.language.text(key, values));
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
   * @param {(signal: AbortSignal) => Promise<string | null>} work the step to go to; null to stay
   * @param {boolean} [mayLeave] whether the back button ends it, which `signal` tells; only for
   *   what changes nothing on the server
   */
  async work(key, work, mayLeave = false) {
    this.#leave();
    const before = this.#step;
    const leaving = new AbortController();
    this.#working = { before, mayLeave, leaving };
    this.working = key;
    this.pass("working");
    let [next, failed] = [null, null];
    try {
      next = await work(leaving.signal);
    } catch (error) {
      failed = error;
    }
    if (leaving.signal.aborted) return;
    this.#working = null;
    if (next) return this.go(next);
    this.#step = before;
    this.draw(!failed);
    if (failed) this.#alert(trouble(failed, this.language));
  }

  /** Draws anew in another language, unless what is being saved would be lost by that. */
  translate() {
    if (this.#step !== "saving") this.draw();
  }

  /** @param {boolean} [focus] whether it is another step than before */
  draw(focus = false) {
    this.#drawn.abort();
    this.#drawn = new AbortController();
    this.onResults = () => {};
    showStep(this.#main, { ...STEPS[this.#step](this), focus });
    if (this.told && this.#step !== "working") this.#tellOnce();
    if (["election", "confirmClose"].includes(this.#step)) this.look(this.#drawn.signal);
  }

  /** Says once what came of the last step. */
  #tellOnce() {
    const { key, values, isBad } = this.told;
    this.told = null;
    if (isBad) return this.fail(key, values);
    this.#main
      .querySelector("h1")
      .after(element("p.notice", { role: "status" }, this.language.text(key, values)));
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
