// Adds, lists, shows and removes suppressions of each kind with mailgun.js, following its pages.
import { load, order } from './order.mjs';

const Mailgun = load('mailgun.js').default ?? load('mailgun.js');
const FormDataClass = order.fetch ? globalThis.FormData : load('form-data');
const mailgun = new Mailgun(FormDataClass);
const client = mailgun.client({ username: 'api', key: order.key, url: order.url, useFetch: order.fetch });
const { domain, addresses } = order;
const told = {};
for (const [type, more] of Object.entries({
  bounces: { code: 552, error: 'full' },
  unsubscribes: { tags: ['news', 'offers'] },
  complaints: {},
})) {
  const made = await client.suppressions.create(domain, type, addresses.map((address) => ({ address, ...more })));
  const { tags, ...rest } = more;
  const single = tags ? { ...rest, tag: tags[0] } : rest;
  const one = await client.suppressions.create(domain, type, { address: order.another, ...single });
  const seen = [];
  let query = { limit: 2 };
  for (let pages = 0; pages < 9; pages += 1) {
    const list = await client.suppressions.list(domain, type, query);
    if (list.items.length === 0) break;
    seen.push(...list.items.map((item) => item.address));
    query = { page: list.pages.next.page };
  }
  const shown = await client.suppressions.get(domain, type, addresses[0]);
  const removed = await client.suppressions.destroy(domain, type, addresses[0]);
  const missing = await client.suppressions.get(domain, type, addresses[0]).catch(({ status }) => status);
  const cleared = await client.suppressions.destroyAll(domain, type);
  const left = await client.suppressions.list(domain, type);
  told[type] = { made, one, seen, shown, removed, missing, cleared, left: left.items.length };
}
const allowed = await client.suppressions.create(domain, 'whitelists', { domain: 'partner.test', reason: 'friends' });
const shown = await client.suppressions.get(domain, 'whitelists', 'partner.test');
const removed = await client.suppressions.destroy(domain, 'whitelists', 'partner.test');
told.whitelists = { allowed, shown, removed };
process.stdout.write(JSON.stringify(told));
