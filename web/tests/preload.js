/** Each page names all modules that it begins with, so that none waits for another to name it. */

const PAGES = ["auditor", "index", "observer", "officer", "voter"];

async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`there is no ${path}`);
  return answer.text();
}

/** The modules that a module imports, and those that these import. */
async function imported(path, known = new Set()) {
  if (known.has(path)) return known;
  known.add(path);
  const text = await read(path);
  for (const [, from] of text.matchAll(/^(?:import|export)[^;]*?from "(\.[^"]+)";/gms)) {
    await imported(new URL(from, new URL(path, "http://page/")).pathname, known);
  }
  return known;
}

const found = (text, pattern) => [...text.matchAll(pattern)].map(([, path]) => path);

export const tests = Object.fromEntries(
  PAGES.map((page) => [
    `${page}.html`,
    async ({ equal }) => {
      const html = await read(`/-/${page}.html`);
      const named = [
        ...found(html, /<link rel="modulepreload" href="([^"]+)">/g),
        ...found(html, /<script type="module"[^>]* src="([^"]+)">/g),
      ];
      equal(new Set(named).size, named.length, "a module is named twice");
      equal(named.sort(), [...(await imported(`/-/${page}.js`))].sort());
    },
  ]),
);
