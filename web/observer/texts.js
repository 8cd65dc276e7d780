/** Loads the texts of the observer's page and of the list of elections, with what all pages share. */

import { fresh, loadShared } from "../lib/language.js";

/**
 * The texts of a language.
 * @param {string} code such as "en"
 * @returns {Promise<{ texts: object }>}
 */
export async function load(code) {
  const [shared, own] = await Promise.all([
    loadShared(code),
    fresh((query) => import(`../texts/observer.${code}.js${query}`)),
  ]);
  return { texts: { ...shared.texts, ...own.texts } };
}

/**
 * What happened in a round of a count, in a sentence. Its code is loaded when there is a count.
 * @param {string} code
 * @returns {Promise<(facts: import("../count/sentence.js").RoundFacts) => string>}
 */
export async function roundSentence(code) {
  const load = (query) => import(`../texts/rounds.${code}.js${query}`);
  return (await fresh(load)).roundSentence;
}
