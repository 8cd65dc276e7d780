/** QR codes as SVG elements, made without markup. */

import { qrcode } from "./qrcode.js";

const SVG = "http://www.w3.org/2000/svg";

/** The light border that readers of codes need, in modules (ISO/IEC 18004, 6.3.8). */
const QUIET = 4;

/** The smallest version that is large enough. */
const FITTING = 0;

/** Fifteen of a hundred code words can be restored: a fold in a letter does no harm. */
const CORRECTION = "M";

/**
 * A QR code.
 * @param {string} text of ASCII, such as a link: at most 2,331 characters
 * @param {string} label what it is, for those who do not see it
 * @returns {SVGElement} as large as its style says
 */
export function qrElement(text, label) {
  const code = qrcode(FITTING, CORRECTION);
  code.addData(text, "Byte");
  code.make();
  const modules = code.getModuleCount();
  const size = modules + 2 * QUIET;
  const made = document.createElementNS(SVG, "svg");
  const attributes = {
    class: "qr",
    role: "img",
    "aria-label": label,
    viewBox: `0 0 ${size} ${size}`,
  };
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(
    shape("rect", { class: "light", width: size, height: size }),
    shape("path", { class: "dark", d: path(code, modules) }),
  );
  return made;
}

/** The dark modules, each run of a row as one rectangle. */
function path(code, modules) {
  let drawn = "";
  for (let row = 0; row < modules; row++) {
    for (let column = 0; column < modules; column++) {
      if (!code.isDark(row, column)) continue;
      const from = column;
      while (column + 1 < modules && code.isDark(row, column + 1)) column++;
      const width = column - from + 1;
      drawn += `M${from + QUIET} ${row + QUIET}h${width}v1h-${width}z`;
    }
  }
  return drawn;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
