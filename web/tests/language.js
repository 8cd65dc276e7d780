/** The languages of a page, where texts come, do not come, and come later. */

import { Language, fresh, languages } from "../lib/language.js";

const TEXTS = { language: "Language", of: "of {name}" };

const load = async () => ({ texts: TEXTS });
const fails = async () => {
  throw new TypeError("Failed to fetch dynamically imported module");
};

/** A page, as far as languages need one. */
async function onPage(run) {
  const before = [...document.body.childNodes];
  const part = (name, properties) => Object.assign(document.createElement(name), properties);
  const nav = part("nav", { id: "languages" });
  const status = part("p", { id: "connection" });
  const main = part("main", {});
  main.append(part("p", { className: "loading" }));
  document.body.replaceChildren(nav, status, main);
  try {
    await run({ nav, status, main });
  } finally {
    document.body.replaceChildren(...before);
  }
}

/** Turns of the event loop until something is so. */
async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve));
}

export const tests = {
  async "an address that has failed is asked for under another one"({ equal, failure }) {
    const asked = [];
    const second = (query) => {
      asked.push(query);
      return asked.length === 1 ? fails() : query;
    };
    equal(await fresh(second), asked[1]);
    equal([asked.length, asked[0], asked[1].startsWith("?")], [2, "", true]);
    equal((await failure(fresh(fails))) instanceof TypeError, true);
  },
  async "marks of direction in a value do not reach beyond it"({ equal }) {
    const language = await Language.of("en", load);
    const plain = "of \u2068Ada evil\u2069";
    equal(language.text("of", { name: "Ada\u2069\u202e evil\u2066" }), plain);
    equal(language.list(["A\u2069", "\u202bB"]), "\u2068A\u2069 and \u2068B\u2069");
    equal(language.text("of", { name: 1_000n }), "of 1,000");
  },
  async "texts that do not come are asked for by a button, in each language"({ equal }) {
    await onPage(async ({ nav, main }) => {
      let loads = fails;
      const begun = languages(nav, (code) => loads(code), () => {});
      for (const _ of [1, 2]) {
        await until(() => main.querySelector("button"));
        const said = [...main.querySelectorAll("[role=alert] p")].map(({ lang }) => lang);
        equal(said, ["en", "de"]);
        equal(nav.children.length, 0);
        if (_ === 2) loads = load;
        const [button] = main.querySelectorAll("button");
        button.click();
        if (_ === 1) await until(() => main.querySelector("button") !== button);
      }
      equal((await begun).text("language"), "Language");
      equal(nav.children.length, 2);
    });
  },
  async "a language whose texts do not come leaves the one before"({ equal }) {
    await onPage(async ({ nav, status }) => {
      let loads = load;
      const shown = [];
      const onChange = ({ code }) => shown.push(code);
      const { code, failed } = await languages(nav, (code) => loads(code), onChange);
      const other = [...nav.children].find(({ lang }) => lang !== code);
      loads = fails;
      other.click();
      await until(() => status.textContent !== "");
      equal([status.textContent, shown], [failed, []]);
      equal([document.documentElement.lang, other.ariaPressed], [code, "false"]);
      loads = load;
      other.click();
      await until(() => shown.length > 0);
      equal([status.textContent, shown], ["", [other.lang]]);
      [...nav.children].find(({ lang }) => lang === code).click();
      await until(() => shown.length > 1);
    });
  },
};
