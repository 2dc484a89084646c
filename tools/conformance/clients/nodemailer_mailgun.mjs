// Sends a parcel with nodemailer through nodemailer-mailgun-transport.
import { done, load, order, rfc2822, spec } from './order.mjs';
import { message } from './nodemailer_message.mjs';

const transport = load('nodemailer-mailgun-transport')({
  auth: { api_key: order.key, domain: order.domain }, url: order.url,
});
const p = order.parcel;
const mail = message();
// Given as objects, names would be put before the address without quotes.
mail.from = spec(p.sender);
for (const name of ['to', 'cc', 'bcc']) mail[name] = p[name].map(spec).join(', ');
mail['o:tag'] = p.tags;
for (const [name, value] of Object.entries(p.variables)) mail[`v:${name}`] = value;
for (const [name, value] of Object.entries(mail.headers)) mail[`h:${name}`] = value;
if (mail.replyTo) mail['h:Reply-To'] = mail.replyTo;
delete mail.headers;
delete mail.replyTo;
if (p.recipient_variables) mail['recipient-variables'] = JSON.stringify(p.recipient_variables);
if (p.deliver_at) mail['o:deliverytime'] = rfc2822(p.deliver_at);
if (p.test_mode) mail['o:testmode'] = 'yes';
const answer = await load('nodemailer').createTransport(transport).sendMail(mail);
done(answer.id);
