/**
 * Runs a command in a network of its own: `node alone.mjs COMMAND…`.
 *
 * Firefox gathers no candidate on loopback, and none at all without a default
 * route. So the network has an interface with an address and a route that
 * leads nowhere; the kernel takes it away with the last process in it.
 */

import { spawnSync } from 'node:child_process';
import { ADDRESS } from './support/place.mjs';


const SET_UP = `
  ip link set lo up &&
  ip link add plenary0 type veth peer name plenary1 &&
  ip address add ${ADDRESS}/24 dev plenary0 &&
  ip link set plenary0 up &&
  ip link set plenary1 up &&
  ip route add default via 10.77.0.2
`.trim();

/** Root may make networks; others may where there are user namespaces. */
const UNSHARE = process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net'];

function inside(script, command, stdio) {
  return spawnSync('unshare', [...UNSHARE, 'sh', '-c', script, ...command], { stdio, encoding: 'utf8' });
}

const trial = inside('true', [], ['ignore', 'pipe', 'pipe']);
if (trial.error !== undefined) throw trial.error;
if (trial.status !== 0) {
  console.log(`skipped: networks of one's own are not permitted here: ${trial.stderr.trim()}`);
  process.exit(0);
}
const { status, signal } = inside(`${SET_UP} && exec "$@"`, ['sh', ...process.argv.slice(2)], 'inherit');
if (signal !== null) console.log(`ended by ${signal}`);
process.exit(status ?? 1);
