/** The texts of the officer's and the auditor's pages are the same in every language. */

const NAMES = ["officer", "auditor", "refused"];

async function texts(code) {
  const all = await Promise.all(NAMES.map((name) => import(`../texts/${name}.${code}.js`)));
  return Object.assign({}, ...all.map(({ texts }) => texts));
}

/** The values in a text, in all its forms. */
function valuesIn(text) {
  const forms = typeof text === "string" ? text : Object.values(text).join(" ");
  return [...new Set(forms.match(/\{\w+\}/g))].sort().join(" ");
}

export const tests = {
  async "every language has the same keys, with the same values"({ equal }) {
    const [en, de] = [await texts("en"), await texts("de")];
    equal(Object.keys(de).sort(), Object.keys(en).sort());
    for (const [key, text] of Object.entries(en)) equal(valuesIn(de[key]), valuesIn(text), key);
  },
  async "a text that counts has every plural form of its language"({ equal }) {
    for (const code of ["en", "de"]) {
      const forms = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
      for (const [key, text] of Object.entries(await texts(code))) {
        if (typeof text === "string") continue;
        equal(Object.keys(text).sort(), [...forms].sort(), `${code} ${key}`);
      }
    }
  },
};
