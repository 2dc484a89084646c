// Sends a parcel with mailgun.js, over axios or over fetch.
import { bytes, done, load, order, rfc2822, spec } from './order.mjs';

const Mailgun = load('mailgun.js').default ?? load('mailgun.js');
const FormDataClass = order.fetch ? globalThis.FormData : load('form-data');
const client = new Mailgun(FormDataClass).client({
  username: 'api', key: order.key, url: order.url, useFetch: order.fetch,
});

const p = order.parcel;
const data = { from: spec(p.sender), to: p.to.map(spec), subject: p.subject };
if (p.cc.length) data.cc = p.cc.map(spec);
if (p.bcc.length) data.bcc = p.bcc.map(spec);
if (p.text !== null) data.text = p.text;
if (p.html !== null) data.html = p.html;
// With fetch a file's type is that of its Blob.
const file = (one) => ({
  filename: one.name, contentType: one.type,
  data: order.fetch ? new Blob([bytes(one.data)], { type: one.type }) : bytes(one.data),
});
if (p.attachments.length) data.attachment = p.attachments.map(file);
if (p.inline.length) data.inline = p.inline.map(file);
if (p.tags.length) data['o:tag'] = p.tags;
for (const [name, value] of Object.entries(p.variables)) data[`v:${name}`] = value;
for (const [name, value] of Object.entries(p.headers)) data[`h:${name}`] = value;
if (p.recipient_variables) data['recipient-variables'] = JSON.stringify(p.recipient_variables);
if (p.deliver_at) data['o:deliverytime'] = rfc2822(p.deliver_at);
if (p.test_mode) data['o:testmode'] = true;

const answer = await client.messages.create(order.domain, data);
if (answer.status !== 200 || answer.message !== 'Queued. Thank you.') throw new Error(JSON.stringify(answer));
done(answer.id);
