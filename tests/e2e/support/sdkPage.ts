/** Pages that are not ours, on npm's livekit-client, served from another origin. */

import { build } from 'esbuild';
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import path from 'node:path';

export class SdkPage {
  private constructor(
    private readonly server: HttpServer,
    readonly url: string,
  ) {}

  /** The library itself and nothing else. */
  static serve(): Promise<SdkPage> {
    return SdkPage.bundle('../raw/page.ts', HTML, '/page.js');
  }

  /** `script` is what the page asks for; it may import what is installed for the tests. */
  static async bundle(entry: string, html: string, script: string): Promise<SdkPage> {
    const bundle = await build({
      entryPoints: [path.resolve(import.meta.dirname, entry)],
      nodePaths: [path.resolve(import.meta.dirname, '../node_modules')],
      bundle: true,
      write: false,
      format: 'iife',
      target: 'es2022',
      logLevel: 'silent',
    });
    const text = bundle.outputFiles[0]?.text ?? '';
    const server = createServer((request, answer) => {
      const [type, body] = request.url === script ? ['text/javascript', text] : ['text/html', html];
      answer.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return new SdkPage(server, `http://localhost:${address.port}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

const HTML = '<!doctype html><html lang="en"><title>livekit-client</title><body><script src="/page.js"></script></body></html>';
