/** The first step of the officer's page: a link is dropped or pasted. */

import { element } from "../lib/dom.js";
import { bytesOf, filePlace } from "../lib/files.js";
import { LIMITS as LINK_LIMITS, readLink } from "../lib/link.js";
import { button, field } from "./fields.js";

/** @param {any} flow the `Flow` of officer.js */
export function entryStep(flow) {
  const { language } = flow;
  const text = (key, values) => language.text(key, values);
  const take = (typed) => {
    const link = readLink(typed);
    if (!link) return flow.fail("link.none");
    return flow.open(link);
  };
  const takeFiles = async ([file]) => {
    const bytes = await bytesOf(file, 4 * LINK_LIMITS.link);
    take(bytes ? new TextDecoder().decode(bytes) : "");
  };
  const submit = (event) => {
    event.preventDefault();
    take(event.target.elements.link.value);
  };
  return {
    title: text("officer.title"),
    content: [
      element("h1", {}, text("officer.title")),
      element("p", {}, text("entry.text")),
      filePlace({
        id: "file",
        label: text("entry.file"),
        hint: text("entry.fileHint"),
        onFiles: takeFiles,
      }),
      element(
        "form",
        { onsubmit: submit },
        field({
          id: "link",
          label: text("entry.link"),
          hint: text("entry.linkHint"),
          attributes: { class: "secret", autocomplete: "off", spellcheck: "false" },
        }),
        element("p", {}, button(text("entry.open"), null)),
      ),
    ],
  };
}
