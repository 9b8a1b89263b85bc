/** Where things are, as `cargo xtask test` says or as a plain build leaves them. */

import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

export const binary = process.env['PLENARY_BINARY'] ?? path.join(root, 'target/release/plenary');
export const chromium = process.env['PLENARY_CHROMIUM'] ?? '/usr/bin/chromium';
export const resultsFolder = process.env['PLENARY_RESULTS'] ?? path.join(root, 'target');
export const screenshotFolder = path.join(resultsFolder, 'e2e-screenshots');

/** A minute shows what is wrong in general; `cargo xtask soak` looks for ten. */
export const CLEAN_RUN_SECONDS = Number(process.env['PLENARY_SOAK_SECONDS'] ?? 60);
