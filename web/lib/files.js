/** Files that a person chooses or drops, and files that a page gives out. None of them is sent. */

import { element } from "./dom.js";

export const LIMITS = {
  /** How long a file that is being saved is kept for that, in milliseconds. */
  savingMs: 60_000,
};

/**
 * A place to choose files, or to drop them on: a labelled field, which the keyboard reaches, in a
 * box that takes what is dropped.
 * @param {object} place
 * @param {string} place.id
 * @param {string} place.label
 * @param {string} place.hint
 * @param {string} [place.accept] as of a file field
 * @param {boolean} [place.multiple]
 * @param {(files: File[]) => void} place.onFiles
 * @returns {HTMLElement}
 */
export function filePlace({ id, label, hint, accept, multiple, onFiles }) {
  const input = element("input", {
    id,
    type: "file",
    accept,
    multiple,
    "aria-describedby": `${id}-hint`,
  });
  // So that the same file can be chosen again, after it was changed.
  input.addEventListener("click", () => {
    input.value = "";
  });
  input.addEventListener("change", () => {
    const files = [...input.files];
    if (files.length > 0) onFiles(files);
  });
  const place = element(
    "div.drop",
    {},
    element("label", { for: id }, label),
    element("p.hint", { id: `${id}-hint` }, hint),
    input,
  );
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    const files = [...event.dataTransfer.files];
    if (files.length === 0) return;
    // The field names what was read.
    input.files = event.dataTransfer.files;
    onFiles(multiple ? files : files.slice(0, 1));
  });
  return place;
}

/**
 * The bytes of a file.
 * @param {File} file
 * @param {number} most in bytes
 * @returns {Promise<Uint8Array | null>} null if it has more
 */
export async function bytesOf(file, most) {
  if (file.size > most) return null;
  return new Uint8Array(await file.arrayBuffer());
}

/**
 * A link that saves a file, which is made when the link is used.
 * @param {string} text
 * @param {string} name of the file
 * @param {() => Iterable<BlobPart>} parts
 * @param {string} type
 * @param {Record<string, unknown>} [attributes]
 * @returns {HTMLAnchorElement}
 */
export function saveLink(text, name, parts, type, attributes = {}) {
  // With an address of its own the keyboard reaches it.
  const link = element("a.button", { href: "#", download: name, ...attributes }, text);
  link.addEventListener("click", () => {
    const href = URL.createObjectURL(new Blob([...parts()], { type }));
    link.href = href;
    setTimeout(() => URL.revokeObjectURL(href), LIMITS.savingMs);
  });
  return link;
}
