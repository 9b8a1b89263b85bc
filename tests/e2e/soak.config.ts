import { defineConfig } from '@playwright/test';
import base from './playwright.config';

/** The clean run alone, for as long as PLENARY_SOAK_SECONDS says: `cargo xtask soak`. */
export default defineConfig({
  ...base,
  projects: [{ name: 'soak', testMatch: 'clean.spec.ts' }],
});
