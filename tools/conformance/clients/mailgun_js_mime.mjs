// Sends ready MIME with mailgun.js, which puts the string into a plain form field.
import { done, load, order } from './order.mjs';

const Mailgun = load('mailgun.js').default ?? load('mailgun.js');
const client = new Mailgun(load('form-data')).client({ username: 'api', key: order.key, url: order.url });
const answer = await client.messages.create(order.domain, { to: order.to, message: order.mime });
if (answer.message !== 'Queued. Thank you.') throw new Error(JSON.stringify(answer));
done(answer.id);
