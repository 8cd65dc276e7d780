/** The parts of the auditor's page that show what the server says. */

import { element, foreign } from "../lib/dom.js";
import { RpcError } from "../capnp/rpc.js";
import { hex } from "../lib/sha256.js";
import { Refused } from "../lib/refused.js";
import { wide } from "../lib/tables.js";
import { why } from "../officer/texts.js";
import { compare } from "./compare.js";
import { rulesText } from "./report.js";

/** @param {any} page the `Auditor` of auditor.js */
export function comparePart({ language, sheet, server }) {
  if (!sheet?.sheet || !server) return null;
  const rows = compare(sheet.sheet, sheet.counted, server);
  const other = rows.filter(({ isSame }) => !isSame);
  const slates = { own: sheet.sheet.header?.candidates ?? [], server: server.info.candidates };
  const head = element(
    "tr",
    {},
    ...["what", "own", "server", "same"].map((key) =>
      element("th", { scope: "col" }, language.text(`compare.${key}`)),
    ),
  );
  const cells = rows.map(({ what, own, server, isSame }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, language.text(`compare.${what}`)),
      foreign("td", shown(what, own, slates.own, language)),
      foreign("td", shown(what, server, slates.server, language)),
      element(isSame ? "td" : "td.error", {}, language.text(isSame ? "compare.yes" : "compare.no")),
    ),
  );
  return [
    element("h2", {}, language.text("compare.heading")),
    other.length === 0
      ? element("p.verdict", {}, language.text("compare.allSame", { count: rows.length }))
      : element("p.error", {}, language.text("compare.others", { count: other.length })),
    server.count ? null : element("p", {}, language.text("compare.notClosed")),
    wide(language.text("compare.table"), head, cells),
    element("p.hint", {}, language.text("compare.hint")),
  ];
}

/** A value for people. */
function shown(what, value, slate, language) {
  if (["slate", "elected"].includes(what)) {
    const names = JSON.parse(value);
    return names.length > 0 ? language.list(names) : "–";
  }
  if (what === "rules") return rulesText(JSON.parse(value), slate, language);
  if (what === "verdict") return language.text(`compare.is.${value}`);
  return value === "" ? "–" : value;
}

/** @param {any} page the `Auditor` of auditor.js */
export function serverPart(page) {
  const { language, authority, audit, serverTrouble } = page;
  const parts = [element("h2", {}, language.text("server.title"))];
  if (serverTrouble) {
    parts.push(
      element("p.error", {}, trouble(serverTrouble, language)),
      button("server.again", () => page.askServer(), language),
    );
  }
  parts.push(...(authority ? authorized(page) : linkForm(page)));
  if (audit.busy === "open" && !authority)
    parts.push(element("p", { role: "status" }, language.text("server.busy.open")));
  if (audit.trouble)
    parts.push(element("p.error", { role: "alert" }, trouble(audit.trouble, language)));
  return parts;
}

/**
 * What went wrong with a call, in a sentence.
 * @param {Error} error
 * @param {import("../lib/language.js").Language} language
 */
export function trouble(error, language) {
  if (error instanceof Refused) {
    const text = why(language, error);
    return text.charAt(0).toUpperCase() + text.slice(1);
  }
  const kinds = ["disconnected", "overloaded", "unimplemented", "failed"];
  const isCall = error instanceof RpcError && kinds.includes(error.kind);
  const key = isCall ? error.kind : "other";
  return language.text(`trouble.${key}`, { why: error.message });
}

function button(key, onclick, language, disabled = false) {
  return element(
    "button",
    {
      type: "button",
      onclick: disabled ? null : onclick,
      "aria-disabled": disabled ? "true" : null,
    },
    language.text(key),
  );
}

function authorized(page) {
  const { language, authority, audit, server } = page;
  const isBusy = audit.busy !== null;
  const { turnout, report } = audit;
  const isClosed = server?.info.state === "closed";
  return [
    authority.isSpent ? element("p.notice", {}, language.text("open.once")) : null,
    turnout &&
      element(
        "p",
        {},
        language.text("watch.turnout", {
          count: turnout.ballots,
          all: turnout.voters,
        }),
      ),
    server && !isClosed ? element("p", {}, language.text("server.notClosed")) : null,
    element(
      "p.links",
      {},
      isClosed ? button("server.sheet", () => page.takeFromServer(), language, isBusy) : null,
      button("server.check", () => page.checkLedger(), language, isBusy),
      button("server.turnout", () => page.askTurnout(), language, isBusy),
    ),
    element("p", { role: "status" }, isBusy ? language.text(`server.busy.${audit.busy}`) : ""),
    report && reportText(report, language),
  ].filter(Boolean);
}

/**
 * What a check of the ledger found.
 * @param {object} report a `LedgerReport`
 * @param {import("../lib/language.js").Language} language
 */
export function reportText({ entries, ballots, numbersUsed, head, unscrubbed }, language) {
  const isSound = ballots === numbersUsed;
  return element(
    `div.outcome.${isSound ? "good" : "bad"}`,
    {},
    element("p.verdict", {}, language.text(isSound ? "server.sound" : "server.unsound")),
    element("p", {}, language.text("server.report", { entries, ballots, numbers: numbersUsed })),
    head.length > 0
      ? element(
          "p",
          {},
          language.text("server.head"),
          " ",
          element("code.mark-of-file", {}, hex(head)),
        )
      : null,
    unscrubbed ? element("p.error", {}, language.text("server.unscrubbed")) : null,
  );
}

function linkForm(page) {
  const { language } = page;
  const input = element("input", {
    id: "link",
    class: "secret",
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "link-hint link-error",
  });
  const error = element("p.error", { id: "link-error" });
  const open = (event) => {
    event.preventDefault();
    const why = page.takeLink(input.value);
    if (why === null) return;
    error.textContent = why;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  };
  const form = element(
    "form",
    { onsubmit: open },
    element("label", { for: "link" }, language.text("server.link")),
    element("p.hint", { id: "link-hint" }, language.text("server.linkHint")),
    input,
    error,
    element("p", {}, element("button", {}, language.text("server.open"))),
  );
  // It stays open when the page is drawn anew, such as in another language.
  const toggle = ({ target }) => {
    page.isLinkAsked = target.open;
  };
  const summary = element("summary", {}, language.text("server.holds"));
  return [element("details", { open: page.isLinkAsked, ontoggle: toggle }, summary, form)];
}
