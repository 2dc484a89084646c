// Reads the order from standard input and loads modules from where the clients are installed.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

export const order = JSON.parse(readFileSync(0, 'utf8'));
export const load = createRequire(`${order.modules}/order.js`);
export const spec = ([name, address]) =>
  name ? `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}" <${address}>` : address;
export const bytes = (text) => Buffer.from(text, 'base64');
export const rfc2822 = (seconds) => new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
export const done = (id) => process.stdout.write(JSON.stringify({ id }));
