/** Fields of forms, each with its label, its hint and what is wrong with it. */

import { element } from "../lib/dom.js";

/**
 * A field with a label above it.
 * @param {object} field
 * @param {string} field.id
 * @param {string} field.label
 * @param {string} [field.hint]
 * @param {string} [field.problem] what is wrong
 * @param {string} [field.tag] "input", "textarea" or "select"
 * @param {Record<string, unknown>} [field.attributes]
 * @param {string} [field.value]
 * @param {Node[]} [field.options] of a select
 * @returns {HTMLElement}
 */
export function field({
  id,
  label,
  hint,
  problem,
  tag = "input",
  attributes = {},
  value,
  options = [],
}) {
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  const control = element(
    tag,
    {
      id,
      name: id,
      "aria-describedby": described || null,
      "aria-invalid": problem ? "true" : null,
      ...attributes,
    },
    ...options,
  );
  if (value !== undefined) control.value = value;
  return element(
    "div.field",
    {},
    element("label", { for: id }, label),
    hint && element("p.hint", { id: `${id}-hint` }, hint),
    problem && element("p.error", { id: `${id}-problem` }, problem),
    control,
  );
}

/**
 * Radio buttons, or one check box.
 * @param {object} choice
 * @param {string} choice.name
 * @param {string} choice.value
 * @param {string} choice.label
 * @param {string} [choice.hint]
 * @param {boolean} choice.checked
 * @param {"radio" | "checkbox"} [choice.type]
 * @returns {HTMLElement}
 */
export function choice({ name, value, label, hint, checked, type = "radio" }) {
  const id = `${name}-${value}`;
  const input = element("input", {
    id,
    type,
    name,
    value,
    checked,
    "aria-describedby": hint ? `${id}-hint` : null,
  });
  const text = element(
    "span",
    {},
    label,
    hint && element("span.hint.block", { id: `${id}-hint` }, hint),
  );
  return element("label.choice", {}, input, text);
}

/**
 * A group of choices.
 * @param {string} legend
 * @param {(Node | null)[]} choices
 * @param {string} [hint]
 */
export function group(legend, choices, hint) {
  return element(
    "fieldset",
    {},
    element("legend", {}, legend),
    hint && element("p.hint", {}, hint),
    ...choices,
  );
}

/**
 * A button.
 * @param {string} text
 * @param {(() => void) | null} onclick null for the button of a form
 * @param {string} [kind] a class, such as "main" or "quiet"
 */
export function button(text, onclick, kind = "") {
  return element(
    kind ? `button.${kind}` : "button",
    { type: onclick ? "button" : "submit", onclick },
    text,
  );
}

/**
 * What is wrong with a form, as links to the fields.
 * @param {string} title
 * @param {{ field: string, text: string }[]} problems
 */
export function problemBox(title, problems) {
  if (problems.length === 0) return null;
  const items = problems.map(({ field, text }) => {
    const go = (event) => {
      event.preventDefault();
      document.getElementById(field)?.focus();
    };
    return element("li", {}, element("a", { href: `#${field}`, onclick: go }, text));
  });
  return element(
    "div.problems",
    { tabindex: "-1", role: "alert" },
    element("h2", {}, title),
    element("ul", {}, ...items),
  );
}

/**
 * A text that is to be copied, with a button for that.
 * @param {object} secret
 * @param {string} secret.id
 * @param {string} secret.label
 * @param {string} secret.value
 * @param {string} secret.copy the text of the button
 * @param {string} secret.copied what it says then
 */
export function copyField({ id, label, value, copy, copied }) {
  const input = element("input", { id, readonly: true, value, spellcheck: "false" });
  const said = element("span", { role: "status" });
  const act = async () => {
    input.select();
    try {
      await navigator.clipboard.writeText(value);
      said.textContent = copied;
    } catch {
      // On plain http there is no clipboard; the text is selected.
      said.textContent = "";
    }
  };
  return element(
    "div.field",
    {},
    element("label", { for: id }, label),
    input,
    element("p.links", {}, button(copy, act), said),
  );
}
