/** The elections that a returning officer runs. */

import { element, foreign } from "../lib/dom.js";
import { when } from "../lib/time.js";
import { button } from "./fields.js";

/** @param {any} flow the `Flow` of officer.js */
export function overviewStep(flow) {
  const { language, elections } = flow;
  const text = (key, values) => language.text(key, values);
  const items = elections.map((info) =>
    element(
      "li",
      {},
      foreign("h2", info.title || info.id),
      element(
        "p",
        {},
        `${text(`state.${info.state}`)}. ${when(info, language)} `,
        `${text("list.voters", { count: info.voters })}.`,
      ),
      info.unconfirmed ? element("p.error", {}, text("election.unconfirmed")) : null,
      element(
        "p.links",
        {},
        button(text("overview.run", { id: info.id }), () => flow.show(info.id)),
      ),
    ),
  );
  return {
    title: text("officer.title"),
    content: [
      element("h1", {}, text("officer.title")),
      element(
        "p.links",
        {},
        button(text("overview.new"), () => flow.go("create")),
      ),
      elections.length > 0
        ? element("ul.elections", {}, ...items)
        : element("p", {}, text("overview.none")),
    ],
  };
}

/** Of which election an auditor's link is. @param {any} flow the `Flow` of officer.js */
export function auditedStep(flow) {
  const { language, elections } = flow;
  const items = elections.map(({ id, title }) =>
    element(
      "li",
      {},
      foreign("h2", title || id),
      button(language.text("audited.check", { id }), () => flow.audit(id)),
    ),
  );
  return {
    title: language.text("audited.title"),
    content: [
      element("h1", {}, language.text("audited.title")),
      element("p", {}, language.text("audited.text")),
      element("ul.elections", {}, ...items),
    ],
  };
}
