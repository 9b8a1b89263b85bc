/** Web servers that webhooks are posted to. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebhookReceiver } from 'livekit-server-sdk';
import { KEY, SECRET } from './server.mjs';

/** Checks what comes with the SDK's receiver, and keeps it. */
export async function receiver() {
  const events = [];
  const faults = [];
  const webhooks = new WebhookReceiver(KEY, SECRET);
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const text of request) body += text;
    try {
      events.push(await webhooks.receive(body, request.headers.authorization));
      response.writeHead(200).end();
    } catch (fault) {
      faults.push(fault);
      response.writeHead(400).end();
    }
  });
  return { events, faults, ...(await listening(server)) };
}

/** Takes requests and never answers. */
export async function hanging() {
  const asked = [];
  const server = createServer((request) => asked.push(request.url));
  return { asked, ...(await listening(server)) };
}

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
