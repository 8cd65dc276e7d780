/**
 * The voter's page, `/ELECTION#NUMBER`: one step after the other, from what is elected to the
 * outcome. Nothing is asked for before the voter can see what it is for; nothing is stored before
 * the vote is cast.
 */

import { form } from "./lib/ballot.js";
import { element, say, showStep } from "./lib/dom.js";
import { fresh, languages, loadShared } from "./lib/language.js";
import { numberInHash, showNumber } from "./lib/number.js";
import { Pauses, ofRoll } from "./lib/session.js";
import { timeOfDay, when } from "./lib/time.js";
import { allElections, firstElections, session } from "./voter/early.js";
import {
  answerOf,
  forgetVotes,
  isAnswered,
  keptVotes,
  marksOf,
  noAnswer,
  titleOf,
} from "./voter/paper.js";
import { ballotStep, ending, numberStep, problemsOf, reviewStep } from "./voter/steps.js";

export const LIMITS = {
  /** How often a page that waits for an election to open looks again, in milliseconds. */
  lookMs: 15_000,
};

/** The steps that the browser's back button leads to. */
const BEFORE_CASTING = { number: numberStep, ballot: ballotStep, review: reviewStep };

/**
 * The code for casting, which no ballot waits for. What it imports is asked for once: where that did
 * not come, some browsers have to load the page again.
 */
const loadCasting = () =>
  fresh(async (query) => {
    const files = ["cast", "outcome"].map((name) => import(`./voter/${name}.js${query}`));
    return Object.assign({}, ...(await Promise.all(files)));
  });
let casting = loadCasting();
casting.catch(() => {});

/** The same, asked for again if it has not come. */
const codeForCasting = () => casting.catch(() => (casting = loadCasting()));

class Flow {
  #main = document.querySelector("main");
  #connection = document.getElementById("connection");
  #step = null;
  #shown = "";
  #steps = BEFORE_CASTING;
  #state = "idle";
  #isCasting = false;
  /** The step that is drawn. */
  #drawn = {};
  /** Why there is nothing to vote on, and the timer after which the page looks again. */
  #cannotBe = null;
  #looking = 0;
  /** How many voters' links were opened in this tab. */
  #opened = 0;

  paper = null;
  casting = null;
  language = null;
  /** A number that was opened while the votes of another were being cast. */
  nextNumber = null;
  /** What was opened last before the elections were known. */
  #early = null;

  async begin() {
    this.#open(this.#takeNumber());
    addEventListener("hashchange", () => this.#open(this.#takeNumber()));
    addEventListener("popstate", ({ state }) => this.#visit(state?.step));
    addEventListener("beforeunload", (event) => this.#isUnsaved() && event.preventDefault());
    session.onState = (state) => this.#tellState(state);
    const list = document.getElementById("languages");
    this.language = await languages(list, loadShared, (language) => {
      this.language = language;
      this.#draw(false);
    });
    this.#draw(false);
    this.#setElections(await firstElections);
    const before = keptVotes();
    if (!before) return this.#start(this.#early);
    const ids = before.votes.map(({ election }) => election);
    if (!ids.some((id) => this.infos.has(id))) return this.#tell("left", { id: ids.join(", ") });
    this.nextNumber = this.#early?.number ?? null;
    await this.#resume(before);
  }

  /** Says what nobody has thought of. */
  trouble(error) {
    console.error(error);
    if (!this.language) return; // Without texts, what the page came with stays.
    this.#tell("trouble", { why: error.message ?? String(error) });
  }

  /** Shows a step, as one that the back button leads away from. */
  go(step) {
    history.pushState({ step, had: true }, "");
    this.#step = step;
    this.#draw();
  }

  /** Told by the fields when the voter has changed something. */
  changed = () => {
    this.paper.isReviewed = false;
  };

  /** Casts what has been answered, once, however often the button is pressed. */
  async cast() {
    const { paper } = this;
    const code = await codeForCasting().catch(() => null);
    if (!code) return say(this.#connection, this.language.failed);
    // Somebody may have pressed it again, or gone elsewhere.
    if (this.#step !== "review" || this.paper !== paper) return;
    const answered = paper.questions.filter(isAnswered);
    history.replaceState({ had: true }, "");
    const votes = answered.map((question) => code.vote(question.info.id, marksOf(question)));
    await this.#run(code, votes);
  }

  /** After a number that is not on the roll: the choices stay. */
  correctNumber() {
    const { number } = this.casting;
    const end = ending(number);
    this.casting = null;
    Object.assign(this.paper, {
      typed: showNumber(number),
      problem: { key: "number.unknown", values: { end } },
      isReviewed: true,
    });
    this.go("number");
  }

  /** After votes of which none was sent. */
  backToReview() {
    this.casting = null;
    this.go("review");
  }

  /** After a ballot that was refused: the questions with these outcomes are asked again. */
  async markAgain(outcomes) {
    const { votes, number } = this.casting;
    const again = votes.filter(({ outcome }) => outcomes.includes(outcome?.which));
    const ids = again.map(({ election }) => election);
    this.casting = null;
    this.#setElections(await allElections());
    this.#setPaper(ids.map((id) => this.infos.get(id)));
    this.paper.number = number;
    this.go("ballot");
  }

  /** Forgets everything on this page, for another voter. */
  finish() {
    const { nextNumber } = this;
    for (const { file } of this.casting.votes) URL.revokeObjectURL(file);
    this.casting = null;
    this.nextNumber = null;
    history.replaceState(null, "");
    this.#startAfresh(nextNumber === null ? null : { number: nextNumber });
  }

  /** Takes the number out of the address bar, where others could see it. */
  #takeNumber() {
    const typed = numberInHash(location.hash);
    if (location.hash !== "") {
      history.replaceState(history.state, "", location.pathname + location.search);
    }
    return typed;
  }

  /** The link of another voter was opened in this tab. */
  #open(typed) {
    if (!typed) return;
    if (!this.infos) {
      this.#early = typed;
      return;
    }
    if (this.#isCasting) {
      this.nextNumber = typed.number;
      say(this.#connection, this.language.text("number.waits"));
      return;
    }
    this.casting = null;
    this.#startAfresh(typed);
  }

  /** Begins for another voter, who may come long after the last one. */
  async #startAfresh(typed) {
    const opened = ++this.#opened;
    clearTimeout(this.#looking);
    this.paper = null;
    this.#step = null;
    this.#cannotBe = null;
    this.#draw();
    try {
      const elections = await allElections();
      if (opened !== this.#opened) return;
      this.#setElections(elections);
      this.#start(typed);
    } catch (error) {
      this.trouble(error);
    }
  }

  #setElections(elections) {
    this.infos = new Map(elections.map((info) => [info.id, info]));
  }

  /** Begins with the paper of the election in the address. */
  #start(typed) {
    clearTimeout(this.#looking);
    const id = decodeURIComponent(location.pathname.slice(1));
    const info = this.infos.get(id);
    const shared = info ? ofRoll(info, [...this.infos.values()]) : [];
    const paper = shared.filter(({ state }) => state === "open");
    if (paper.length === 0) return this.#cannot(info, id, typed);
    this.#setPaper(paper);
    if (this.paper.questions.some((question) => question.form === null)) {
      return this.#tell("newer", {});
    }
    if (typed?.number != null) this.paper.number = typed.number;
    const { state } = history;
    if (typed && typed.number === null) this.paper.note = { key: "number.badLink", values: {} };
    else if (state?.recorded) this.paper.note = this.#recordedBefore(state.recorded);
    else if (state?.had && !typed) this.paper.note = { key: "number.gone", values: {} };
    this.#step = this.paper.number === null ? "number" : "ballot";
    const had = this.paper.number !== null;
    history.replaceState({ ...history.state, step: this.#step, had }, "");
    this.#draw(this.#shown !== "");
  }

  #setPaper(infos) {
    const questions = infos.map((info) => ({ info, form: form(info), answer: noAnswer() }));
    const nothing = { number: null, typed: "", problem: null, note: null, isReviewed: false };
    this.paper = { questions, ...nothing };
  }

  #recordedBefore(ms) {
    return { key: "done.before", values: { time: timeOfDay(new Date(ms), this.language.code) } };
  }

  /** Says why there is nothing to vote on, and looks again where that may change. */
  #cannot(info, id, typed) {
    const which = !info ? "missing" : info.state === "closed" ? "closed" : "draft";
    this.#tell(which, { info, id });
    if (which !== "draft") return;
    const ask = async ({ election }) => (await election(id)).info();
    const opened = this.#opened;
    const look = async () => {
      const { info: newer } = await session.again(ask);
      // All elections, which may have long slates, are asked for only when there is news.
      const elections = newer.state === "draft" ? null : await allElections();
      if (opened !== this.#opened) return;
      if (elections) this.#setElections(elections);
      this.#start(typed);
    };
    this.#looking = setTimeout(() => look().catch((error) => this.trouble(error)), LIMITS.lookMs);
  }

  #tell(which, values) {
    this.#step = null;
    this.#cannotBe = { which, ...values };
    this.#draw(this.#shown !== "" && this.#shown !== which);
  }

  /** Goes on with votes that were sent before the page was loaded again. */
  async #resume({ number, votes }) {
    this.#isCasting = true;
    const pauses = new Pauses();
    let code = await codeForCasting().catch(() => null);
    while (!code) {
      say(this.#connection, this.language.text("connectionLost"));
      await session.pause(pauses.next());
      code = await codeForCasting().catch(() => null);
    }
    const known = votes.filter(({ election }) => this.infos.has(election)).map(code.sentVote);
    this.#setPaper(known.map(({ election }) => this.infos.get(election)));
    this.paper.questions.forEach((question, at) => {
      question.answer = answerOf(question.form, known[at].marks);
    });
    this.paper.number = number;
    await this.#run(code, known);
  }

  /** Casts votes. */
  async #run({ Casting, doneStep, sendingStep }, votes) {
    const { infos } = this;
    const { number } = this.paper;
    this.#steps = { ...BEFORE_CASTING, sending: sendingStep, done: doneStep };
    const onChange = () => this.#drawSending();
    this.#isCasting = true;
    try {
      this.casting = new Casting({ session, number, votes, infos, onChange });
      this.#step = "sending";
      this.#draw();
      await this.casting.run();
    } catch (error) {
      return this.trouble(error);
    } finally {
      this.#isCasting = false;
    }
    this.#step = "done";
    const isRecorded = votes.some(({ outcome }) => outcome?.which === "recorded");
    history.replaceState(isRecorded ? { recorded: Date.now() } : { had: true }, "");
    this.#draw();
  }

  /** Goes to a step by the back button, as long as nothing was cast. */
  #visit(step) {
    if (this.casting || this.#isCasting || !this.paper) return;
    if (!Object.hasOwn(BEFORE_CASTING, step)) return;
    if (step !== "number" && this.paper.number === null) return;
    const isReady = problemsOf(this.paper, this.language).length === 0;
    this.#step = step === "review" && !isReady ? "ballot" : step;
    this.#draw();
  }

  #isUnsaved() {
    if (this.#step === null || this.#step === "done") return false;
    return this.#step === "sending" || Boolean(this.paper?.questions.some(isAnswered));
  }

  #tellState(state) {
    const isBack = this.#state === "lost" && state === "connected";
    this.#state = state;
    if (!this.language) return;
    const text = state === "lost" ? "connectionLost" : isBack ? "connectionBack" : null;
    say(this.#connection, text ? this.language.text(text) : "");
  }

  /** Draws the step anew. The focus moves only to another step. */
  #draw(isMoved = true) {
    const step = this.#step ? this.#steps[this.#step](this) : this.#noStep();
    const shown = step.key ?? this.#step ?? this.#cannotBe?.which ?? "";
    const focus = isMoved && shown !== this.#shown;
    this.#shown = shown;
    this.#drawn = step;
    // What was said of the connection is over with the step, if it is back.
    if (focus && this.#state !== "lost") say(this.#connection, "");
    showStep(this.#main, { ...step, focus });
  }

  /** After a change of the votes that are being cast: what is focused, and open, stays so. */
  #drawSending() {
    if (this.#step === "sending" && this.#drawn.update?.()) return;
    this.#draw();
  }

  /** What is shown where nothing can be asked. */
  #noStep() {
    const { language } = this;
    if (!this.#cannotBe) {
      const title = language.text("list.vote");
      const connecting = element("p", {}, language.text("connecting"));
      return { title, content: [element("h1", {}, title), connecting] };
    }
    const { which, info, ...values } = this.#cannotBe;
    const title = language.text(`${which === "left" ? "missing" : which}.title`);
    const link = (href, key) => element("p", {}, element("a", { href }, language.text(key)));
    return {
      title,
      content: [
        element("h1", {}, title),
        info ? element("h2", { dir: "auto" }, titleOf(info)) : null,
        info && which === "draft" ? element("p", {}, when(info, language)) : null,
        element("p", {}, language.text(`${which}.text`, values)),
        which === "draft" ? element("p.hint", {}, language.text("draft.looking")) : null,
        which === "closed" ? link(`/${info.id}/watch`, "closed.result") : null,
        which === "left" ? this.#forgetButton() : null,
        link("/", "allElections"),
      ],
    };
  }

  #forgetButton() {
    const onclick = () => {
      forgetVotes();
      this.#start(this.#early);
    };
    return element("button", { type: "button", onclick }, this.language.text("left.forget"));
  }
}

const flow = new Flow();
flow.begin().catch((error) => flow.trouble(error));
