/**
 * What the page needs from elsewhere, asked for while the rest of its code is still on its way: the
 * page runs this module as soon as it has come.
 */

import { Session, checked } from "../lib/session.js";

/** The connection of this page. */
export const session = new Session();

/**
 * Every election of the server.
 * @returns {Promise<object[]>} each an `ElectionInfo`
 */
export async function allElections() {
  const { elections } = await session.again(({ directory }) => directory.elections());
  return elections.map(checked);
}

/** The answer to the first look. */
export const firstElections = allElections();

// Whoever waits for them is told what is wrong.
firstElections.catch(() => {});
