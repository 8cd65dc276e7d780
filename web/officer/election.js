/** One election, as its officer sees it: how it stands, and what can be done with it. */

import { rulesText } from "../auditor/report.js";
import { reportText, trouble } from "../auditor/server.js";
import { rulesFrom } from "../count/rules.js";
import { element, foreign } from "../lib/dom.js";
import { dayAndTime, moment, when } from "../lib/time.js";
import { button } from "./fields.js";

/** @param {any} flow the `Flow` of officer.js */
export function electionStep(flow) {
  const { language, authority } = flow;
  const { info } = flow.here;
  const text = (key, values) => language.text(key, values);
  const { role } = authority;
  const isRegistrar = role === "registrar";
  return {
    title: info.title || info.id,
    content: [
      foreign("h1", info.title || info.id),
      element("p.hint", {}, text("election.id", { id: info.id })),
      standing(flow),
      info.unconfirmed ? confirmation(flow) : null,
      flow.isTest(info) ? element("p.notice", {}, text("election.test")) : null,
      element("p", {}, rulesText(rulesFrom(info.rules), info.candidates, language)),
      element("h2", {}, text("election.names")),
      element("ol", {}, ...info.candidates.map((name) => foreign("li", name))),
      rollSection(flow),
      isRegistrar ? null : voteSection(flow),
      isRegistrar ? null : afterSection(flow),
      isRegistrar ? null : linksSection(flow),
      role === "officer" ? flow.back("overview") : null,
    ],
  };
}

/** What changes while it is looked at. */
function standing(flow) {
  const { language, here } = flow;
  const text = (key, values) => language.text(key, values);
  const said = element("div", { id: "standing" });
  const draw = () => {
    const { info, results } = here;
    const { ballots, voters } = results?.turnout ?? { ballots: 0n, voters: info.voters };
    const state = element(
      "p.verdict",
      {},
      `${text(`state.${info.state}`)}. ${when(info, language)}`,
    );
    const closes = info.state === "draft" ? moment(info.closes) : null;
    const turnout = text("watch.turnout", { count: ballots, all: voters });
    const meter = element("meter", {
      min: "0",
      max: String(voters || 1n),
      value: String(ballots),
      "aria-label": turnout,
    });
    const voted = element("p", { id: "turnout" }, turnout);
    const parts = [state, result(results, language), voted, meter];
    if (closes) {
      const values = { moment: dayAndTime(closes, language.code) };
      parts[1] = element("p", {}, text("letters.closes", values));
    }
    said.replaceChildren(...parts.filter(Boolean));
  };
  draw();
  flow.onResults = draw;
  return said;
}

/** Who is elected; null before the close. */
function result(results, language) {
  if (results?.status !== "final") return null;
  const { elected, verdict } = results;
  const text = (key, values) => language.text(key, values);
  if (verdict === "noQuorum" || verdict === "noMajority")
    return element("p.verdict", {}, text(`verdict.${verdict}`));
  const names = language.list([...elected]);
  const who =
    elected.length === 0
      ? text("recount.nobody")
      : text("recount.elected", { count: elected.length, names });
  return element("p.verdict", {}, verdict === "vacant" ? `${who} ${text("verdict.vacant")}` : who);
}

function confirmation(flow) {
  const { language } = flow;
  return element(
    "section.outcome.bad",
    {},
    element("p.verdict", {}, language.text("election.unconfirmed")),
    element("p", {}, language.text("election.confirmText")),
    element(
      "p",
      {},
      button(language.text("election.confirm"), () => flow.act("confirm")),
    ),
  );
}

function rollSection(flow) {
  const { language } = flow;
  const { info } = flow.here;
  const text = (key, values) => language.text(key, values);
  const heading = element("h2", {}, text("election.roll"));
  if (info.roll !== "") {
    return element(
      "section",
      {},
      heading,
      element("p", {}, text("election.sharedRoll", { roll: info.roll })),
    );
  }
  const isClosed = info.state === "closed";
  return element(
    "section",
    {},
    heading,
    element(
      "p",
      {},
      text("list.voters", { count: info.voters }),
      ". ",
      info.addedWhileOpen > 0n ? text("election.added", { count: info.addedWhileOpen }) : "",
    ),
    element(
      "p.links",
      {},
      isClosed ? null : button(text("election.issue"), () => flow.go("roll")),
      button(text("election.letters"), () => flow.go("lettersFile"), "quiet"),
      info.state === "draft"
        ? button(text("election.revoke"), () => flow.go("revoke"), "quiet")
        : null,
    ),
  );
}

function voteSection(flow) {
  const { language } = flow;
  const { info } = flow.here;
  const text = (key, values) => language.text(key, values);
  const open = (path, key) =>
    element(
      "a.button.quiet",
      { href: `/${info.id}${path}`, target: "_blank", rel: "noopener" },
      text(key),
    );
  const ask = (key, step) => button(text(`election.${key}`), () => flow.goWithPaper(step));
  return element(
    "section",
    {},
    element("h2", {}, text("election.voting")),
    element(
      "p.links",
      {},
      info.state === "draft" ? ask("open", "confirmOpen") : null,
      info.state === "open" ? ask("close", "confirmClose") : null,
      open("", "election.voterPage"),
      open("/watch", "election.watch"),
    ),
  );
}

function afterSection(flow) {
  const { language } = flow;
  const { info, check, sheet, busy } = flow.here;
  const text = (key, values) => language.text(key, values);
  const isClosed = info.state === "closed";
  return element(
    "section",
    {},
    element("h2", {}, text("election.count")),
    isClosed ? null : element("p", {}, text("server.notClosed")),
    element(
      "p.links",
      {},
      isClosed ? button(text("election.sheet"), () => flow.takeSheet()) : null,
      isClosed
        ? element(
            "a.button.quiet",
            { href: `/${info.id}/audit`, target: "_blank", rel: "noopener" },
            text("list.audit"),
          )
        : null,
      button(text("server.check"), () => flow.checkLedger(), "quiet"),
    ),
    element("p", { id: "busy", role: "status", tabindex: "-1" }, busy ? text(busy) : ""),
    sheet ? element("p.links", {}, sheet.csv, sheet.json) : null,
    sheet
      ? element(
          "p",
          {},
          text("election.fingerprint"),
          " ",
          element("code.mark-of-file", {}, sheet.mark),
        )
      : null,
    check?.report ? reportText(check.report, language) : null,
    check?.error ? element("p.error", {}, trouble(check.error, language)) : null,
  );
}

function linksSection(flow) {
  const { language } = flow;
  const text = (key, values) => language.text(key, values);
  return element(
    "section",
    {},
    element("h2", {}, text("election.links")),
    element("p", {}, text("election.linksText")),
    element(
      "p.links",
      {},
      button(text("election.share"), () => flow.go("links")),
      button(text("election.endLink"), () => flow.go("endLink"), "quiet"),
    ),
  );
}
