import path from 'node:path';
import { defineConfig } from '@playwright/test';
import { resultsFolder } from './support/place';

const kept = process.env['PLENARY_CONFORMANCE'];

type Dialect = { singlePeerConnection: boolean };

/** Each test has whole browser processes to itself, which is all that two cores carry. */
export default defineConfig<Dialect>({
  testDir: '.',
  projects: [
    { name: 'one connection', testMatch: '*.spec.ts' },
    { name: 'two connections', testMatch: ['sdk.spec.ts', 'sessions.spec.ts'], use: { singlePeerConnection: false } },
  ],
  workers: 1,
  fullyParallel: false,
  // A test that passes the second time has found something: it fails.
  retries: 0,
  // A few failures tell more than one; a broken server fails them all.
  maxFailures: 4,
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  // The second keeps what passed, for docs/conformance.md.
  reporter: kept === undefined ? [['list']] : [['list'], ['json', { outputFile: kept }]],
  outputDir: path.join(resultsFolder, 'e2e-results'),
});
