/** The steps before a vote is cast: what is refused, and what is said. */

import { form } from "../lib/ballot.js";
import { Language, loadShared } from "../lib/language.js";
import { noAnswer, questionFields } from "../voter/paper.js";
import { numberStep, reviewStep } from "../voter/steps.js";

const INFO = {
  id: "one",
  title: "",
  state: "open",
  closes: 0n,
  candidates: ["Ada", "Grace", "Zoë"],
  blank: true,
  rules: null,
};
const RANKS = { method: "transferable", seats: 1, majority: null, quorum: null, none: false };

/** A voter's page with one question, and the steps that it goes to. */
async function flowOf(rules, places = []) {
  const info = { ...INFO, rules };
  const order = places.map((place) => ({ place, shares: false }));
  const question = { info, form: form(info), answer: { ...noAnswer(), order } };
  const paper = { questions: [question], number: null, typed: "", note: null, problem: null };
  const steps = [];
  const go = (step) => steps.push(step);
  return { language: await Language.of("en", loadShared), paper, steps, go };
}

const textOf = ({ content }) => content.map((it) => it?.textContent ?? "").join("\n");

export const tests = {
  async "a number that is typed has all of its digits"({ equal }) {
    for (const [typed, said] of [
      ["1234-5678-9012-3456", "A voter number has 20 digits. You typed 16."],
      ["1234-5678-9012-3456-7890-1", "A voter number has 20 digits. You typed 21."],
      ["9999-9999-9999-9999-9999", "This is no voter number"],
      ["0000-5678-9012-3456-7890", ""],
    ]) {
      const flow = await flowOf(null);
      const step = numberStep(flow);
      const fields = step.content.find((it) => it?.tagName === "FORM");
      const field = fields.querySelector("input");
      field.value = typed;
      fields.dispatchEvent(new Event("submit", { cancelable: true }));
      equal(fields.querySelector(".error").textContent.slice(0, said.length || 100), said);
      equal([field.value, flow.steps], [typed, said === "" ? ["ballot"] : []]);
    }
  },
  async "names without a rank are counted where they could have one"({ equal }) {
    for (const [marks, isSaid] of [[3, true], [2, false]]) {
      const flow = await flowOf({ ...RANKS, marks }, [1, 0]);
      flow.paper.number = 1n;
      equal(textOf(reviewStep(flow)).includes("has no rank"), isSaid, `${marks} ranks`);
    }
  },
  async "an answer can be cleared when there is one"({ equal }) {
    const { paper, language } = await flowOf(null);
    const of = { language, index: 0, all: 2, onChange() {} };
    const fields = questionFields(paper.questions[0], of);
    const clear = [...fields.querySelectorAll("button")].at(-1);
    equal(clear.hidden, true);
    fields.querySelector("input").dispatchEvent(new Event("change"));
    equal([clear.hidden, paper.questions[0].answer.order.length], [false, 1]);
    clear.click();
    equal([clear.hidden, paper.questions[0].answer.order.length], [true, 0]);
  },
};
