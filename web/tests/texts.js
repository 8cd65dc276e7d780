/** Every language has the same texts, with the same values in them. */

import { texts as deShared } from "../texts/de.js";
import { texts as enShared } from "../texts/en.js";
import { texts as deObserver } from "../texts/observer.de.js";
import { texts as enObserver } from "../texts/observer.en.js";

const de = { ...deShared, ...deObserver };
const en = { ...enShared, ...enObserver };

/** The forms of a text: one, or those of a plural. */
const formsOf = (text) => (typeof text === "string" ? [text] : Object.values(text));

/** The values in a form of a text. */
const valuesIn = (form) => [...new Set(form.match(/\{\w+\}/g))].sort();

/** The values that all forms of a text have together. */
const allValues = (text) => [...new Set(formsOf(text).flatMap(valuesIn))].sort().join(" ");

/** The plural forms that a text has, in a language with these forms. */
function missingForms(text, forms) {
  return typeof text === "string" ? [] : forms.filter((form) => typeof text[form] !== "string");
}

export const tests = {
  "every language has the same keys"({ equal }) {
    equal(Object.keys(deShared).sort().join("\n"), Object.keys(enShared).sort().join("\n"));
    equal(Object.keys(de).sort().join("\n"), Object.keys(en).sort().join("\n"));
  },
  "a text has the same values in every language"({ equal }) {
    for (const [key, text] of Object.entries(en)) equal(allValues(de[key]), allValues(text), key);
  },
  "a text that counts has every plural form of its language"({ equal }) {
    for (const [code, texts] of Object.entries({ de, en })) {
      const forms = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
      for (const [key, text] of Object.entries(texts)) {
        equal(missingForms(text, forms).join(), "", `${code} ${key}`);
      }
    }
  },
  "no text is empty"({ equal }) {
    for (const texts of [de, en]) {
      for (const [key, text] of Object.entries(texts)) {
        equal(formsOf(text).filter((form) => form.trim() === "").length, 0, key);
      }
    }
  },
};
