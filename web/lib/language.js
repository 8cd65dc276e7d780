/**
 * The languages of the pages, each with its texts in one file. A text is a string, or one for each
 * plural form, chosen by the value `count`; `{name}` in it stands for a value.
 */

import { element, say } from "./dom.js";

const LANGUAGES = { en: "English", de: "Deutsch" };

/** What is said where texts, or other code, did not come: the texts may be what is missing. */
const FAILED = {
  en: ["A part of this page could not be loaded. Try again, or load the page again.", "Try again"],
  de: [
    "Ein Teil dieser Seite ließ sich nicht laden. Versuchen Sie es erneut, oder laden Sie die \
Seite neu.",
    "Erneut versuchen",
  ],
};

const FALLBACK = "en";

/** The texts that all pages share, in a language such as "en". */
export const loadShared = (code) => fresh((query) => import(`../texts/${code}.js${query}`));

/**
 * Imports modules, and once more if they do not come, by a query: some browsers never ask again for
 * an address that has failed.
 * @template T
 * @param {(query: string) => Promise<T>} load
 */
export const fresh = (load) => load("").catch(() => load(`?${Math.random()}`));

/** Where the choice of a person who has switched is kept. It is no secret. */
const KEPT = "capvote language";

/** The marks of a text whose direction is its own (Unicode, UAX 9). */
const [ISOLATE, END] = ["\u2068", "\u2069"];

/** Such marks in a text of somebody else would reach beyond it. */
const MARKS = /[\u202A-\u202E\u2066-\u2069]/g;

const isolated = (text) => ISOLATE + String(text).replace(MARKS, "") + END;

/** The language of the page, and its texts. */
export class Language {
  #texts = {};
  #plural;
  #number;

  /**
   * @param {string} code such as "en"
   * @param {(code: string) => Promise<{ texts: object }>} load
   */
  static async of(code, load) {
    const language = new Language();
    language.code = code;
    language.#texts = (await load(code)).texts;
    language.#plural = new Intl.PluralRules(code);
    language.#number = new Intl.NumberFormat(code);
    return language;
  }

  /**
   * @param {string} key
   * @param {Record<string, string | number | bigint>} [values]
   */
  text(key, values = {}) {
    const entry = this.#texts[key];
    if (entry === undefined) throw new Error(`there is no text ${key}`);
    const form = typeof entry === "string" ? entry : entry[this.#form(values.count)];
    return (form ?? entry.other).replace(/\{(\w+)\}/g, (_, name) => this.#value(values[name]));
  }

  /** A number, as it is written in the language. @param {number | bigint} value */
  number(value) {
    return this.#number.format(value);
  }

  /** Texts as a list, each with a direction of its own. @param {string[]} items */
  list(items) {
    const format = new Intl.ListFormat(this.code, { type: "conjunction" });
    return format.format(items.map(isolated));
  }

  #form(count) {
    return this.#plural.select(Number(count));
  }

  #value(value) {
    if (typeof value === "number" || typeof value === "bigint") return this.number(value);
    return isolated(value);
  }

  /** That a part of the page did not come. */
  get failed() {
    return FAILED[this.code][0];
  }
}

/** The language chosen before, else the first of the browser's that there is. */
export function preferred() {
  const wanted = [kept(), ...(navigator.languages ?? [])];
  const codes = wanted.map((tag) => tag?.toLowerCase().split("-")[0]);
  return codes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? FALLBACK;
}

/** Shows, in each language, that the texts did not come. Returns when somebody tries again. */
function askAgain() {
  return new Promise((resolve) => {
    const rows = Object.entries(FAILED).map(([lang, [failed, again]]) => {
      const button = element("button", { type: "button", onclick: resolve }, again);
      return element("p", { lang }, failed, " ", button);
    });
    const place = document.querySelector(".loading");
    place.replaceWith(element("div.loading", { role: "alert" }, ...rows));
  });
}

/**
 * Fills the list of languages, and calls `onChange` with a language that is chosen and loaded.
 * @param {HTMLElement} into
 * @param {(code: string) => Promise<{ texts: object }>} load
 * @param {(language: Language) => void} onChange
 * @returns {Promise<Language>} the language to begin with
 */
export async function languages(into, load, onChange) {
  const set = async (code) => {
    const language = await Language.of(code, load);
    document.documentElement.lang = code;
    into.setAttribute("aria-label", language.text("language"));
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.lang === code));
    }
    return language;
  };
  let shown = null;
  const choose = async (code) => {
    const status = document.getElementById("connection");
    const language = await set(code).catch(() => null);
    if (!language) return say(status, shown.failed);
    keep(code);
    if (status.textContent === shown.failed) say(status, "");
    shown = language;
    onChange(language);
  };
  const buttons = Object.entries(LANGUAGES).map(([code, name]) =>
    element("button.quiet", { type: "button", lang: code, onclick: () => choose(code) }, name),
  );
  while (!shown) {
    try {
      shown = await set(preferred());
    } catch {
      await askAgain();
    }
  }
  into.replaceChildren(...buttons);
  return shown;
}

function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // Storage is switched off.
  }
}

function keep(code) {
  try {
    localStorage.setItem(KEPT, code);
  } catch {
    // Storage is switched off; the choice holds for this page.
  }
}

// A page runs this module as soon as it has come, so that its texts come together with its code.
// Whoever waits for them is told what is wrong.
loadShared(preferred()).catch(() => {});
