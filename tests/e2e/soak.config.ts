import { defineConfig } from '@playwright/test';
import base from './playwright.config';
import { CLEAN_RUN_SECONDS } from './support/place';

/** The clean run alone, for as long as PLENARY_SOAK_SECONDS says: `cargo xtask soak`. */
export default defineConfig({
  ...base,
  testMatch: 'clean.spec.ts',
  timeout: (CLEAN_RUN_SECONDS + 90) * 1_000,
});
