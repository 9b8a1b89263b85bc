/** Serves the page, bundled, from another origin than the server's. */

import { build } from 'esbuild';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';

const HTML = '<!doctype html><html lang="en"><meta charset="utf-8"><title>livekit-client</title><body><script src="/page.js"></script></body></html>';

export async function serveSite() {
  const bundle = await build({
    entryPoints: [path.resolve(import.meta.dirname, '../page.js')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    logLevel: 'silent',
  });
  const script = bundle.outputFiles[0].text;
  const server = createServer((request, answer) => {
    const [type, body] = request.url === '/page.js' ? ['text/javascript', script] : ['text/html', HTML];
    answer.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
