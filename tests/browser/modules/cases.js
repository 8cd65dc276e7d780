// Runs the cases of a module, each a function by its name.

/** Fails unless both are the same, however deep. */
export function equal(actual, expected, what = "") {
  const [left, right] = [show(actual), show(expected)];
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

/** The error of something that has to fail. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

const digits = (byte) => byte.toString(16).padStart(2, "0");

/** A value as text. Bytes are in hexadecimal digits, and a BigInt ends with n. */
export function show(value) {
  return JSON.stringify(value, (_, value) =>
    typeof value === "bigint" ? `${value}n`
    : value instanceof Uint8Array ? `#${Array.from(value, digits).join("")}`
    : value);
}

/** How long a case may take. Reached only if it fails. */
const CASE_WAIT_MS = 60_000;

/** Runs the cases that the module exports as `tests`. */
export async function run(url) {
  const { tests } = await import(url);
  const results = [];
  for (const [name, test] of Object.entries(tests)) {
    try {
      const late = new Promise((_, reject) => {
        setTimeout(() => reject(new Error("it does not end")), CASE_WAIT_MS);
      });
      await Promise.race([test({ equal, failure }), late]);
      results.push({ name, error: null });
    } catch (error) {
      results.push({ name, error: `${error?.stack ?? error}` });
    }
  }
  return results;
}
