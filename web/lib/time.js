/** Moments as people read them, in the language of the page and the time zone of the device. */

/** The last moment that a `Date` can be, in milliseconds since 1970. */
const DATE_MS_MAX = 8.64e15;

const STEPS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/**
 * The moment of a schedule.
 * @param {bigint} seconds since 1970-01-01 00:00:00 UTC
 * @returns {Date | null} null for 0, which is no moment, and for what no calendar has
 */
export function moment(seconds) {
  const ms = Number(seconds) * 1_000;
  return seconds > 0n && ms <= DATE_MS_MAX ? new Date(ms) : null;
}

/** A moment with its day, its time, and the time zone. */
export function dayAndTime(date, language) {
  const options = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  const time = { hour: "numeric", minute: "2-digit", timeZoneName: "short" };
  return new Intl.DateTimeFormat(language, { ...options, ...time }).format(date);
}

/** The time of day, to the second. */
export function timeOfDay(date, language) {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(date);
}

/** How far away a moment is, such as "in 3 hours" or "2 days ago". */
export function away(date, language, now = Date.now()) {
  const seconds = (date.getTime() - now) / 1_000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? STEPS.at(-1);
  return format.format(Math.trunc(seconds / size), unit);
}

/**
 * When voting begins or ends, in a sentence.
 * @param {object} info an `ElectionInfo`
 * @param {import("./language.js").Language} language
 */
export function when(info, language) {
  if (info.state === "closed") return language.text("when.closed");
  const what = info.state === "open" ? "closes" : "opens";
  const date = moment(info[what]);
  if (!date) return language.text(`when.${what}ByHand`);
  const values = { moment: dayAndTime(date, language.code), away: away(date, language.code) };
  return language.text(`when.${what}`, values);
}
