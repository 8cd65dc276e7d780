/**
 * Small helpers for pages that are made by script. Everything that comes from a server or a person
 * is set as text: nothing here reads markup.
 */

/** What stands before every step's title in the title of the document. */
const PAGE = "capvote";

/**
 * Makes an element.
 * @param {string} name with classes behind dots, such as "p.hint"
 * @param {Record<string, unknown>} [attributes] functions are listeners, such as `onclick`; `null`,
 *   `undefined` and `false` leave an attribute out; `true` is an attribute without a value
 * @param {...(Node | string | null | undefined | false)} children texts are set as they are
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length > 0) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((it) => it !== null && it !== undefined && it !== false));
  return made;
}

/** An element for a text that somebody else wrote, which may be of any language and direction. */
export function foreign(name, text, attributes = {}) {
  return element(name, { dir: "auto", ...attributes }, text);
}

/**
 * Shows a step in the place of the last one, and moves the focus to its heading, which screen
 * readers read then; not when a page is first shown.
 * @param {HTMLElement} into
 * @param {{ title: string, content: (Node | null | false)[], focus?: boolean }} step `title` is
 *   that of the document; the content has one `h1`
 */
export function showStep(into, { title, content, focus = true }) {
  document.title = `${title} – ${PAGE}`;
  into.replaceChildren(...content.filter(Boolean));
  if (!focus) return;
  const heading = into.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/**
 * Says something to screen readers, and shows it: `into` has the role of a status, and is there
 * before the text is, or some would not read it.
 */
export function say(into, text) {
  if (into.textContent !== text) into.textContent = text;
}
