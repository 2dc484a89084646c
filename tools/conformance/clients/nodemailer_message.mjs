// A parcel as nodemailer's message object.
import { bytes, order } from './order.mjs';

const person = ([name, address]) => (name ? { name, address } : address);

export function message() {
  const p = order.parcel;
  const files = p.attachments.map((one) => ({
    filename: one.name, content: bytes(one.data), contentType: one.type,
  }));
  const inline = p.inline.map((one) => ({
    filename: one.name, content: bytes(one.data), contentType: one.type, cid: one.name,
    contentDisposition: 'inline',
  }));
  const { 'Reply-To': replyTo, ...headers } = p.headers;
  return {
    from: person(p.sender), to: p.to.map(person), cc: p.cc.map(person), bcc: p.bcc.map(person),
    subject: p.subject, text: p.text ?? undefined, html: p.html ?? undefined,
    attachments: [...files, ...inline], headers, replyTo,
  };
}
