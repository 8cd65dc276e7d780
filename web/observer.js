/** The observer's page, `/ELECTION/watch`: the results of one election, pushed by the server. */

import { element, foreign, say, showStep } from "./lib/dom.js";
import { languages } from "./lib/language.js";
import { Pauses, Session, checked, isPassing } from "./lib/session.js";
import { Board } from "./observer/board.js";
import { countSections } from "./observer/count.js";
import { load, roundSentence } from "./observer/texts.js";

export const LIMITS = {
  /** How long a server may say nothing before it is asked for a sign of life, in milliseconds. */
  askMs: 5_000,
  /** How long that may take before the connection counts as lost. */
  signMs: 8_000,
  /** How often an election that is not open is looked at again. */
  lookMs: 15_000,
};

class Observer {
  #main = document.querySelector("main");
  #connection = document.getElementById("connection");
  #session = new Session({ onState: (state) => this.#tellState(state) });
  #id = decodeURIComponent(location.pathname.split("/")[1]);
  #state = "idle";
  #language;
  #info = null;
  #board = null;
  /** The newest results, when they came, and the same by a clock that nobody sets. */
  #results = null;
  #at = null;
  #heard = 0;
  #count = null;
  #counted = element("section");
  #trouble = null;

  async begin() {
    this.#language = await languages(document.getElementById("languages"), load, (language) => {
      this.#language = language;
      this.#draw();
      this.#tellState(this.#state);
    });
    this.#draw();
    await this.#look();
    await this.#watch();
    await this.#look();
    const ask = ({ election }) => election(this.#id).then((it) => it.count());
    this.#count = (await this.#session.again(ask)).count;
    await this.#showCount();
  }

  /** Says what has no remedy here, such as an election that does not exist. */
  fail(error) {
    this.#trouble = error.message ?? String(error);
    this.#draw();
  }

  async #look() {
    const ask = ({ election }) => election(this.#id).then((it) => it.info());
    this.#info = checked((await this.#session.again(ask)).info);
    if (!this.#board) return this.#draw();
    this.#board.info = this.#info;
    this.#show();
  }

  /** Watches until the election is closed, over as many connections as that takes. */
  async #watch() {
    let pauses = new Pauses();
    for (;;) {
      const came = this.#at;
      try {
        return await this.#watchOnce();
      } catch (error) {
        if (!isPassing(error)) throw error;
        // After results have come, the tries begin anew.
        if (this.#at !== came) pauses = new Pauses();
        this.#session.renew();
        this.#tellState("lost");
        await this.#session.pause(pauses.next());
      }
    }
  }

  /** Watches over one connection. Returns when the last results are shown. */
  async #watchOnce() {
    let done;
    const ended = new Promise((resolve) => {
      done = resolve;
    });
    const observer = {
      changed: ({ results }) => {
        const names = results.candidates.map(({ candidate }) => candidate);
        try {
          for (const candidates of [names, results.elected]) checked({ title: "", candidates });
        } catch (error) {
          return this.fail(error);
        }
        this.#results = results;
        this.#at = new Date();
        this.#heard = performance.now();
        this.#show();
      },
      done,
    };
    const watch = async ({ election, ended }) => {
      const { subscription } = await (await election(this.#id)).watch({ observer });
      return { subscription, lost: ended };
    };
    const { subscription, lost } = await this.#session.once(watch);
    const stop = new AbortController();
    try {
      // The signs of life may come over a newer connection, over which nothing is watched.
      await Promise.race([ended, lost, this.#stayAlive(stop.signal)]);
    } finally {
      stop.abort();
      subscription.release();
    }
  }

  /** Asks for signs of life: a network that is gone says nothing. Rejects when there is none. */
  async #stayAlive(signal) {
    let looked = performance.now();
    while (!signal.aborted) {
      await this.#session.pause(LIMITS.askMs, signal);
      if (signal.aborted) return;
      if (performance.now() - this.#heard < LIMITS.askMs) continue;
      const ask = async ({ election }) => (await election(this.#id)).result({ candidate: "" });
      await this.#session.once(ask, LIMITS.signMs);
      if (this.#info.state === "draft" && performance.now() - looked > LIMITS.lookMs) {
        looked = performance.now();
        await this.#look();
      }
    }
  }

  /** Shows the newest results in place, so that screen readers hear who is elected. */
  #show() {
    if (this.#board) this.#board.show(this.#results, this.#at);
    else this.#draw();
  }

  async #showCount() {
    if (!this.#count) return;
    const language = this.#language;
    this.#board.explain(this.#count);
    const sentence = await roundSentence(language.code).catch(() => null);
    if (language !== this.#language) return;
    if (!sentence) return say(this.#connection, language.failed);
    const sections = countSections(this.#count, this.#board.isRanked, language, sentence);
    this.#counted.replaceChildren(...sections);
  }

  #tellState(state) {
    this.#state = state;
    if (!this.#language) return;
    const lost = this.#results ? "watch.lost" : "connectionLost";
    say(this.#connection, state === "lost" ? this.#language.text(lost) : "");
  }

  #draw() {
    const language = this.#language;
    const title = this.#info?.title.trim() || this.#id;
    const content = [foreign("h1", title)];
    if (this.#trouble) {
      content.push(element("p.error", {}, language.text("trouble.text", { why: this.#trouble })));
      content.push(element("p", {}, element("a", { href: "/" }, language.text("allElections"))));
    } else if (this.#info && this.#results) {
      this.#board = new Board(this.#info, language);
      this.#board.show(this.#results, this.#at);
      this.#showCount().catch((error) => this.fail(error));
      content.push(...this.#board.content, this.#counted);
    } else {
      content.push(element("p", {}, language.text("connecting")));
    }
    showStep(this.#main, {
      title: `${title} – ${language.text("watch.title")}`,
      content,
      focus: false,
    });
  }
}

const observer = new Observer();
observer.begin().catch((error) => observer.fail(error));
