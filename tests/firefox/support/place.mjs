/** Where things are, as `cargo xtask test` says or as a plain build leaves them. */

import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

export const binary = process.env['PLENARY_BINARY'] ?? path.join(root, 'target/release/plenary');
export const chromium = process.env['PLENARY_CHROMIUM'] ?? '/usr/bin/chromium';
export const firefox = process.env['PLENARY_FIREFOX'] ?? '/usr/bin/firefox-esr';

/** The machine's address in the network that `alone.mjs` makes. */
export const ADDRESS = '10.77.0.1';
