/** Lets the examples import what is installed for the tests, so that it need not be installed twice. */

import { register } from 'node:module';

const here = new URL('../package.json', import.meta.url).href;
const hooks = `export const resolve = (name, context, next) => /^[@a-z]/.test(name) && !name.startsWith('node:') && !name.startsWith('file:')
  && context.parentURL?.includes('/examples/') ? next(name, { ...context, parentURL: ${JSON.stringify(here)} }) : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
