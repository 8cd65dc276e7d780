/**
 * The languages of the pages. Each has its texts in one file, with the same keys; a page loads the
 * one that it shows.
 *
 * A text is a string, or an object with a string for each plural form of the language, chosen by
 * the value `count`. `{name}` in it stands for a value. Values that are texts are kept apart from
 * the direction of the text around them.
 */

import { element } from "./dom.js";

const LANGUAGES = { en: "English", de: "Deutsch" };
const FALLBACK = "en";

/**
 * The texts that all pages share, in a language.
 * @param {string} code such as "en"
 * @returns {Promise<{ texts: object }>}
 */
export const loadShared = (code) => import(`../texts/${code}.js`);

/** Where the choice of a person who has switched is kept. It is no secret. */
const KEPT = "capvote language";

/** The marks of a text whose direction is its own (Unicode, UAX 9). */
const [ISOLATE, END] = ["\u2068", "\u2069"];

/** The language of the page, and its texts. */
export class Language {
  #texts = {};
  #plural;
  #number;

  /**
   * Reads a language's texts.
   * @param {string} code such as "en"
   * @param {(code: string) => Promise<{ texts: object }>} load the module with the texts
   * @returns {Promise<Language>}
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
   * A text.
   * @param {string} key
   * @param {Record<string, string | number | bigint>} [values] numbers are written as in the
   *   language
   * @returns {string}
   */
  text(key, values = {}) {
    const entry = this.#texts[key];
    if (entry === undefined) throw new Error(`there is no text ${key}`);
    const form = typeof entry === "string" ? entry : entry[this.#form(values.count)];
    return (form ?? entry.other).replace(/\{(\w+)\}/g, (_, name) => this.#value(values[name]));
  }

  /**
   * A number, as it is written in the language.
   * @param {number | bigint} value
   * @returns {string}
   */
  number(value) {
    return this.#number.format(value);
  }

  /**
   * Texts as a list, each with a direction of its own.
   * @param {string[]} items
   * @returns {string}
   */
  list(items) {
    const format = new Intl.ListFormat(this.code, { type: "conjunction" });
    return format.format(items.map((item) => ISOLATE + item + END));
  }

  #form(count) {
    return this.#plural.select(Number(count));
  }

  #value(value) {
    if (typeof value === "number" || typeof value === "bigint") return this.number(value);
    return ISOLATE + value + END;
  }
}

/**
 * The language to begin with: the one chosen before, else the first of the browser's that there is.
 * @returns {string}
 */
export function preferred() {
  const wanted = [kept(), ...(navigator.languages ?? [])];
  const codes = wanted.map((tag) => tag?.toLowerCase().split("-")[0]);
  return codes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? FALLBACK;
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
    for (const button of into.children) {
      button.setAttribute("aria-pressed", String(button.lang === code));
    }
    return language;
  };
  const choose = async (code) => {
    keep(code);
    onChange(await set(code));
  };
  const buttons = Object.entries(LANGUAGES).map(([code, name]) =>
    element("button.quiet", { type: "button", lang: code, onclick: () => choose(code) }, name),
  );
  into.replaceChildren(...buttons);
  return set(preferred());
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
