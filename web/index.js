/** The list of elections, `/`: their states, and the pages of each. */

import { element, foreign, say, showStep } from "./lib/dom.js";
import { languages } from "./lib/language.js";
import { Session, checked } from "./lib/session.js";
import { when } from "./lib/time.js";
import { load } from "./observer/texts.js";

/** What can be voted in comes first. */
const ORDER = ["open", "draft", "closed"];

const main = document.querySelector("main");
const connection = document.getElementById("connection");
let language = null;
let elections = null;

const session = new Session({
  onState: (state) => say(connection, state === "lost" ? language.text("connectionLost") : ""),
});

function draw() {
  const title = language.text("list.title");
  showStep(main, { title, content: [element("h1", {}, title), body()], focus: false });
}

function body() {
  if (elections === null) return element("p", {}, language.text("connecting"));
  if (elections.length === 0) return element("p", {}, language.text("list.none"));
  const place = ({ state }) => (ORDER.indexOf(state) + ORDER.length + 1) % (ORDER.length + 1);
  const sorted = [...elections].sort((one, other) => place(one) - place(other));
  return element("ul.elections", {}, ...sorted.map(card));
}

/** One election, with its pages. */
function card(info) {
  const { id, state } = info;
  const title = info.title.trim() || id;
  const link = (path, key) =>
    element(
      "a.button",
      { href: `/${id}${path}`, "aria-label": language.text(`${key}Of`, { title }) },
      language.text(key),
    );
  const key = ORDER.includes(state) ? `state.${state}` : "state.unspecified";
  const counts = [
    language.text(key),
    language.text("list.names", { count: info.candidates.length }),
    language.text("list.voters", { count: info.voters }),
  ];
  return element(
    "li",
    { "data-election": id },
    foreign("h2", title),
    element("p.hint", {}, counts.join(" · ")),
    element("p", {}, when(info, language)),
    element(
      "p.links",
      {},
      state === "closed" ? null : link("", "list.vote"),
      link("/watch", "list.watch"),
      link("/audit", "list.audit"),
    ),
  );
}

async function look() {
  const answer = await session.again(({ directory }) => directory.elections());
  elections = answer.elections.map(checked);
  draw();
}

function fail(error) {
  const title = language.text("trouble.title");
  const why = language.text("trouble.text", { why: error.message ?? String(error) });
  showStep(main, { title, content: [element("h1", {}, title), element("p", {}, why)] });
}

language = await languages(document.getElementById("languages"), load, (chosen) => {
  language = chosen;
  draw();
});
draw();
look().catch(fail);
document.addEventListener("visibilitychange", () => !document.hidden && look().catch(fail));
