// Sends a parcel with nodemailer over SMTP, with STARTTLS or TLS from the start.
import { done, load, order } from './order.mjs';
import { message } from './nodemailer_message.mjs';

const transport = load('nodemailer').createTransport({
  host: order.host, port: order.port, secure: order.secure, requireTLS: !order.secure,
  auth: { user: order.login, pass: order.password },
  tls: { ca: order.authority, servername: 'localhost' },
});
const mail = message();
mail.headers = [
  ...Object.entries(mail.headers).map(([key, value]) => ({ key, value })),
  ...order.options.map(([key, value]) => ({ key, value })),
];
mail.messageId = order.messageId;
const answer = await transport.sendMail(mail);
if (answer.rejected.length) throw new Error(`rejected ${answer.rejected.length}`);
transport.close();
done(order.messageId);
