/** Links that work once, and numbers that are issued, over connections that are lost. */

import { RpcError } from "../capnp/rpc.js";
import { Authority } from "../lib/authority.js";
import { issue } from "../officer/issue.js";

const lost = () => new RpcError("disconnected", "lost");

/** A session whose tries to restore come to these errors, one after another. */
function sessionOf(errors) {
  return {
    async again(ask) {
      for (const error of errors) {
        const restore = () => Promise.reject(error);
        try {
          return await ask({ connection: {}, directory: { restore } });
        } catch (thrown) {
          if (thrown.kind !== "disconnected") throw thrown;
        }
      }
      throw new Error("asked too often");
    },
  };
}

/** What is thrown: the code of what is refused, or the kind of an exception. */
async function thrown(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return error.code ?? error.kind;
  }
}

/**
 * An authority to issue two numbers, on rolls that have so many numbers at each look.
 * @param {bigint[]} rolls
 * @param {() => void} [after] what comes of the answer, once the numbers are drawn
 */
function issuing(rolls, after = () => {}) {
  const looks = [...rolls];
  return {
    again: async () => ({ info: { voters: looks.shift() } }),
    async once(ask) {
      const registrar = {
        async issue({ into }) {
          await into.numbers({ numbers: [1n, 2n] });
          await into.done();
          after();
          return { outcome: { which: "done" } };
        },
      };
      return ask({ registrar: async () => registrar });
    },
  };
}

const issued = (...args) => issue(issuing(...args), "board", 2, (_, { saved }) => saved());

export const tests = {
  async "who lost the answer to a link that works once is told so"({ equal }) {
    const spent = new RpcError("failed", "this link works once, and was opened before");
    const open = (...errors) => thrown(new Authority(sessionOf(errors), new Uint8Array(32)).open());
    equal(await open(spent), "failed");
    equal(await open(lost(), spent), "open.lostAnswer");
  },
  async "numbers are on the roll that has grown by them"({ equal }) {
    equal(await issued([3n, 5n]), { numbers: [1n, 2n], isCertain: true });
    equal(await thrown(issued([3n, 3n])), "issue.elsewhere");
    const lose = () => {
      throw lost();
    };
    equal(await issued([3n, 5n], lose), { numbers: [1n, 2n], isCertain: false });
    equal(await thrown(issued([3n, 6n], lose)), "issue.unknown");
  },
};
