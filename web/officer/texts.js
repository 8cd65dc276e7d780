/** The texts of the officer's and the auditor's pages: with what the other pages say, their own. */

import { load as loadObservers } from "../observer/texts.js";

/** The sentence about a round, in each language that was loaded. */
const sentences = new Map();

/**
 * @param {string} code of the language
 * @returns {Promise<{ texts: object }>}
 */
export async function loadTexts(code) {
  const own = ["officer", "auditor", "refused"].map(
    (name) => import(`../texts/${name}.${code}.js`),
  );
  const rounds = import(`../texts/rounds.${code}.js`);
  const all = await Promise.all([loadObservers(code), ...own]);
  sentences.set(code, (await rounds).roundSentence);
  return { texts: Object.assign({}, ...all.map(({ texts }) => texts)) };
}

/**
 * What happened in a round, in a sentence.
 * @param {import("../lib/language.js").Language} language
 * @param {import("../count/sentence.js").RoundFacts} facts
 */
export function roundSentence({ code }, facts) {
  return sentences.get(code)(facts);
}

/**
 * Why something is refused, in a sentence.
 * @param {import("../lib/language.js").Language} language
 * @param {import("../lib/refused.js").Refused} refused
 * @returns {string}
 */
export function why(language, { code, values }) {
  const shown = { ...values };
  if (values.why) shown.why = why(language, values.why);
  if (Array.isArray(values.found)) {
    shown.found = values.found.map((it) => language.text(`sheet.found.${it}`)).join(", ");
  }
  return language.text(`refused.${code}`, shown);
}
