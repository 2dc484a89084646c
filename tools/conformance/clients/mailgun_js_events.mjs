// Reads a recipient's events with mailgun.js one by one, following its pages, and shows two errors.
import { load, order } from './order.mjs';

const Mailgun = load('mailgun.js').default ?? load('mailgun.js');
const FormDataClass = order.fetch ? globalThis.FormData : load('form-data');
const make = (key) =>
  new Mailgun(FormDataClass).client({ username: 'api', key, url: order.url, useFetch: order.fetch });
const client = make(order.key);
const recipient = order.parcel.to[0][1];

const kinds = [];
let pages = 0;
let query = { recipient, limit: 1, ascending: 'yes' };
for (;;) {
  const answer = await client.events.get(order.domain, query);
  pages += 1;
  if (answer.items.length === 0 || pages > 5) break;
  kinds.push(...answer.items.map((one) => one.event));
  for (const name of ['first', 'last', 'next', 'previous']) new URL(answer.pages[name].url);
  query = { page: answer.pages.next.page ?? answer.pages.next.number };
}

const fails = async (call) => {
  try {
    await call();
    return null;
  } catch ({ status, message, details, type }) {
    return { status, message, details, type };
  }
};
const mail = { from: 'a@sender.test', subject: 's', text: 't' };
const wrongKey = await fails(() => make('key-wrong').messages.create(order.domain, { ...mail, to: recipient }));
const missingTo = await fails(() => client.messages.create(order.domain, mail));
process.stdout.write(JSON.stringify({ kinds, pages, wrongKey, missingTo }));
