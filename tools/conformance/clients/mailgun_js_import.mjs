// Imports a file of each suppression list with mailgun.js, and asks how far it is until it is done.
import { load, order } from './order.mjs';

const Mailgun = load('mailgun.js').default ?? load('mailgun.js');
const FormDataClass = order.fetch ? globalThis.FormData : load('form-data');
const mailgun = new Mailgun(FormDataClass);
const client = mailgun.client({ username: 'api', key: order.key, url: order.url, useFetch: order.fetch });
const { domain, files } = order;
const { suppressions } = client;
const told = {};
for (const [list, content] of Object.entries(files)) {
  // As text it goes without the name of a file.
  const file = list === 'bounces' ? content : { data: Buffer.from(content), filename: `${list}.csv` };
  const taken = await suppressions.upload(domain, list, file);
  let progress;
  do {
    progress = (await suppressions.request.get(`/v3/${domain}/${list}/import/${taken.id}`)).body;
  } while (['queued', 'running'].includes(progress.state));
  told[list] = { message: taken.message, progress };
}
process.stdout.write(JSON.stringify(told));
