/**
 * JSON as other readers of it take it: `JSON.parse` gives the last of two values with one key, and
 * 6.0 as 6.
 */

/**
 * Whether a text, which `JSON.parse` takes, has each key of an object once, and whole numbers
 * without fraction and exponent.
 * @param {string} text
 */
export function isStrict(text) {
  /** The keys of each object that is open; null for a list. */
  const open = [];
  let isKey = false;
  let at = 0;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      const end = afterText(text, at);
      if (isKey) {
        const key = JSON.parse(text.slice(at, end));
        if (open.at(-1).has(key)) return false;
        open.at(-1).add(key);
        isKey = false;
      }
      at = end;
      continue;
    }
    if (character === "{" || character === "[") open.push(character === "{" ? new Set() : null);
    else if (character === "}" || character === "]") open.pop();
    else if (character === "." || (/[eE]/.test(character) && /\d/.test(text[at - 1]))) return false;
    if (character === "{") isKey = true;
    else if (character === "," && open.at(-1)) isKey = true;
    else if (character === "}") isKey = false;
    at++;
  }
  return true;
}

/** Where a text in quotes ends, its closing quote included. */
function afterText(text, start) {
  for (let end = start; ; ) {
    end = text.indexOf('"', end + 1);
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
}
