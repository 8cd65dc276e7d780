/** Steps that ask before something that cannot be undone, and steps about links and numbers. */

import { element, foreign } from "../lib/dom.js";
import { filePlace, saveLink } from "../lib/files.js";
import { button, copyField, field, group, choice } from "./fields.js";

/** Asks before the election is opened. @param {any} flow the `Flow` of officer.js */
export function confirmOpenStep(flow) {
  const { language } = flow;
  const { info } = flow.here;
  const points = ["slate", "roll", "rules"].map((it) => language.text(`open.${it}`));
  if (info.voters === 0n) points.push(language.text("open.nobody"));
  return confirmStep(flow, "open", points);
}

/** Asks before the election is closed. @param {any} flow the `Flow` of officer.js */
export function confirmCloseStep(flow) {
  const { language } = flow;
  const { info, results } = flow.here;
  const { ballots, voters } = results?.turnout ?? { ballots: 0n, voters: info.voters };
  const points = ["votes", "again", "key", "sheet"].map((it) => language.text(`close.${it}`));
  const turnout = language.text("watch.turnout", { count: ballots, all: voters });
  return confirmStep(flow, "close", points, element("p.verdict", {}, turnout));
}

function confirmStep(flow, what, points, standing = null) {
  const { language } = flow;
  const { info } = flow.here;
  const text = (key, values) => language.text(key, values);
  const others = othersLike(flow);
  const names = language.list(others.map(({ id, title }) => title || id));
  const label = text(`${what}.others`, { names });
  const all = choice({ type: "checkbox", name: "others", value: "yes", label, checked: true });
  const agreed = element("input", { type: "checkbox", id: "agreed", name: "agreed" });
  const submit = (event) => {
    event.preventDefault();
    if (!agreed.checked) {
      flow.fail("confirm.first");
      return agreed.focus();
    }
    flow.act(what, event.target.elements.others?.checked ? others : []);
  };
  return {
    title: text(`${what}.title`),
    content: [
      element("h1", {}, text(`${what}.title`)),
      foreign("p.of", info.title || info.id),
      standing,
      element("p", {}, text(`${what}.text`)),
      element("ul", {}, ...points.map((point) => element("li", {}, point))),
      element(
        "form",
        { onsubmit: submit },
        others.length > 0 ? all : null,
        element("label.choice", {}, agreed, element("span", {}, text("confirm.agreed"))),
        button(text(`${what}.act`), null, "main"),
      ),
      flow.back("election"),
    ],
  };
}

/** The elections of the same roll that can be opened or closed like the one that is shown. */
function othersLike({ authority, here: { info, paper } }) {
  const areAlike = (it) => it.id !== info.id && it.state === info.state;
  return authority.role === "officer" ? paper.filter(areAlike) : [];
}

/** Takes numbers off the roll of a draft. @param {any} flow the `Flow` of officer.js */
export function revokeStep(flow) {
  const { language } = flow;
  const { info } = flow.here;
  const text = (key) => language.text(key);
  const submit = (event) => {
    event.preventDefault();
    flow.revokeTyped(event.target.elements.numbers.value);
  };
  return {
    title: text("revoke.title"),
    content: [
      element("h1", {}, text("revoke.title")),
      foreign("p.of", info.title || info.id),
      element("p", {}, text("revoke.text")),
      filePlace({
        id: "file",
        label: text("revoke.file"),
        hint: text("revoke.fileHint"),
        accept: ".csv,text/csv",
        onFiles: ([file]) => flow.revokeFile(file),
      }),
      element(
        "form",
        { onsubmit: submit },
        field({
          id: "numbers",
          label: text("revoke.numbers"),
          hint: text("revoke.numbersHint"),
          tag: "textarea",
          attributes: { rows: "4", autocomplete: "off", spellcheck: "false", inputmode: "numeric" },
        }),
        element("p", {}, button(text("revoke.act"), null)),
      ),
      flow.back("election"),
    ],
  };
}

/** Chooses a file of numbers to make letters of. @param {any} flow the `Flow` of officer.js */
export function lettersFileStep(flow) {
  const { language } = flow;
  const { info, letters } = flow.here;
  const text = (key) => language.text(key);
  return {
    title: text("letters.title"),
    content: [
      element("h1", {}, text("letters.title")),
      foreign("p.of", info.title || info.id),
      element("p", {}, text("lettersFile.text")),
      letters
        ? element(
            "p",
            {},
            button(text("lettersFile.newest"), () => flow.goWithPaper("letters")),
          )
        : null,
      filePlace({
        id: "file",
        label: text("lettersFile.file"),
        hint: text("lettersFile.hint"),
        accept: ".csv,text/csv",
        onFiles: ([file]) => flow.lettersFile(file),
      }),
      flow.back("election"),
    ],
  };
}

/** Makes links for others. @param {any} flow the `Flow` of officer.js */
export function linksStep(flow) {
  const { language, made } = flow;
  const { info } = flow.here;
  const text = (key, values) => language.text(key, values);
  const roles = ["auditor", "registrar", "administration"].filter(
    (role) => role !== "registrar" || info.roll === "",
  );
  const submit = (event) => {
    event.preventDefault();
    const { role, once } = event.target.elements;
    flow.makeLink(role.value, once.checked);
  };
  const links = made.filter(({ id }) => id === info.id);
  return {
    title: text("links.title"),
    content: [
      element("h1", {}, text("links.title")),
      foreign("p.of", info.title || info.id),
      element(
        "form",
        { onsubmit: submit },
        group(
          text("links.role"),
          roles.map((role, at) =>
            choice({
              name: "role",
              value: role,
              label: text(`links.${role}`),
              hint: text(`links.${role}Hint`),
              checked: at === 0,
            }),
          ),
        ),
        choice({
          type: "checkbox",
          name: "once",
          value: "yes",
          label: text("links.worksOnce"),
          hint: text("links.worksOnceHint"),
          checked: false,
        }),
        element("p", {}, button(text("links.make"), null)),
      ),
      ...links.map((link, at) => madeLink(flow, link, at)),
      flow.back("election"),
    ],
  };
}

function madeLink(flow, link, at) {
  const text = (key, values) => flow.language.text(key, values);
  const name = `${link.id}.${link.role}.link`;
  return element(
    "section.outcome",
    {},
    element("h2", {}, text(`links.${link.role}`)),
    link.isEnded
      ? element("p", {}, text("links.ended"))
      : element(
          "div",
          {},
          element("p.notice", {}, text("links.shown")),
          link.once ? element("p", {}, text("links.worksOnceHint")) : null,
          copyField({
            id: `made-${at}`,
            label: text("links.address"),
            value: link.address,
            copy: text("links.copy"),
            copied: text("links.copied"),
          }),
          element(
            "p.links",
            {},
            saveLink(text("links.save"), name, () => [`${link.address}\n`], "text/plain"),
            button(text("links.end"), () => flow.endMade(link), "quiet"),
          ),
        ),
  );
}

/** Ends a link, and voids what was issued under it. @param {any} flow the `Flow` of officer.js */
export function endLinkStep(flow) {
  const { language } = flow;
  const { info } = flow.here;
  const text = (key) => language.text(key);
  const submit = (event) => {
    event.preventDefault();
    const { link, how } = event.target.elements;
    flow.endTyped(link.value, how.value);
  };
  return {
    title: text("endLink.title"),
    content: [
      element("h1", {}, text("endLink.title")),
      foreign("p.of", info.title || info.id),
      element(
        "form",
        { onsubmit: submit },
        field({
          id: "link",
          label: text("endLink.link"),
          hint: text("endLink.linkHint"),
          attributes: { class: "secret", autocomplete: "off", spellcheck: "false" },
        }),
        group(
          text("endLink.how"),
          ["revoke", "void"].map((how) =>
            choice({
              name: "how",
              value: how,
              label: text(`endLink.${how}`),
              hint: text(`endLink.${how}Hint`),
              checked: how === "revoke",
            }),
          ),
        ),
        element("p", {}, button(text("endLink.act"), null)),
      ),
      flow.back("election"),
    ],
  };
}

/** The links of a test election. @param {any} flow the `Flow` of officer.js */
export function testStep(flow) {
  const { language } = flow;
  const { info, test } = flow.here;
  const text = (key, values) => language.text(key, values);
  const links = test.numbers.map((number, at) =>
    element(
      "li",
      {},
      element(
        "a.button",
        { href: flow.ownVotingLink(number), target: "_blank", rel: "noopener noreferrer" },
        text("test.vote", { count: at + 1 }),
      ),
    ),
  );
  return {
    title: text("test.title"),
    content: [
      element("h1", {}, text("test.title")),
      foreign("p.of", info.title || info.id),
      element("p", {}, text("test.text", { count: test.numbers.length })),
      element("ul.rest", {}, ...links),
      element(
        "p.links",
        {},
        element(
          "a.button.quiet",
          { href: `/${info.id}/watch`, target: "_blank", rel: "noopener" },
          text("election.watch"),
        ),
        button(text("test.go"), () => flow.show(info.id)),
      ),
      element(
        "p",
        {},
        button(text("test.real"), () => flow.go("create"), "quiet"),
      ),
    ],
  };
}
