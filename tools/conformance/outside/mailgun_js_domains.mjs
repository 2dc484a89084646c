// Every method of mailgun.js for domains, their logins, tracking and keys, in the order of a domain's life.
import { load, order } from '../clients/order.mjs';

const Mailgun = load('mailgun.js').default ?? load('mailgun.js');
const FormDataClass = order.fetch ? globalThis.FormData : load('form-data');
const client = new Mailgun(FormDataClass).client({
  username: 'api', key: order.key, url: order.url, useFetch: order.fetch,
});
const { name } = order;
const told = {};
const step = async (label, call) => {
  try {
    told[label] = await call();
  } catch (error) {
    const { status, message, details, type } = error;
    told[label] = { failed: true, status, message, details, type, text: String(error) };
  }
  return told[label];
};
const { domains } = client;
const keys = domains.domainKeys;
const made = await step('create', () => domains.create({
  name, smtp_password: order.password, web_scheme: 'https', spam_action: 'tag', wildcard: true, force_dkim_authority: true, dkim_key_size: '2048',
}));
told.isDate = made.created_at instanceof Date && !Number.isNaN(made.created_at.getTime()) ? 'date' : typeof made.created_at;
await step('taken', () => domains.create({ name }));
await step('list', () => domains.list({ limit: 10, skip: 0, search: name, sort: 'name:asc', state: 'unverified' }));
await step('get', () => domains.get(name));
await step('extended', () => domains.get(name, { extended: true, with_dns: true }));
await step('missing', () => domains.get(`no.${name}`));
await step('update', () => domains.update(name, { spam_action: 'disabled', web_scheme: 'http', wildcard: false, message_ttl: order.fetch ? undefined : 86400 }));
await step('verify', () => domains.verify(name));
await step('connection', () => domains.getConnection(name));
await step('updateConnection', () => domains.updateConnection(name, { require_tls: true, skip_verification: true }));
await step('connectionAfter', () => domains.getConnection(name));
await step('tracking', () => domains.domainTracking.getTracking(name));
await step('open', () => domains.domainTracking.updateTracking(name, 'open', { active: true, place_at_the_top: true }));
await step('click', () => domains.domainTracking.updateTracking(name, 'click', { active: 'htmlonly' }));
await step('unsubscribe', () => domains.domainTracking.updateTracking(name, 'unsubscribe', {
  active: 'yes', html_footer: '<a href="%unsubscribe_url%">off</a>', text_footer: 'off <%unsubscribe_url%>',
}));
await step('webPrefix', () => domains.updateWebPrefix(name, { webPrefix: 'links' }));
await step('selector', () => keys.updateDKIMSelector(name, { dkimSelector: 'js1' }));
await step('authority', () => keys.updateDKIMAuthority(name, { self: true }));
await step('keys', () => keys.list(name));
await step('badPem', () => keys.create({ signingDomain: name, selector: 'js4', pem: 'nonsense' }));
await step('newKey', () => keys.create({ signingDomain: name, selector: 'js2', bits: '2048' }));
await step('imported', () => keys.create({ signingDomain: name, selector: 'js3', pem: order.pem }));
await step('activate', () => keys.activate(name, 'js2'));
await step('listAll', () => keys.listAll());
await step('listAllOf', () => keys.listAll({ signingDomain: name, selector: 'js2' }));
await step('deactivate', () => keys.deactivate(name, 'js2'));
await step('destroyKey', () => keys.destroy(name, 'js2'));
await step('destroyMissing', () => keys.destroy(name, 'js2'));
await step('rotation', () => client.dkimManagement.update(name, { rotation_enabled: true, rotation_interval: '30d' }));
await step('rotate', () => client.dkimManagement.rotateImmediately(name));
const logins = domains.domainCredentials;
await step('login', () => logins.create(name, { login: 'ann', password: order.password }));
await step('loginBob', () => logins.create(name, { login: `bob@${name}`, password: order.password }));
await step('logins', () => logins.list(name, { limit: 10, skip: 0 }));
await step('changed', () => logins.update(name, 'ann', { password: `${order.password}2` }));
await step('loginGone', () => logins.destroy(name, 'ann'));
await step('loginMissing', () => logins.destroy(name, 'ann'));
await step('loginsGone', () => logins.destroyAll(name));
await step('destroy', () => domains.destroy(name));
await step('gone', () => domains.get(name));
process.stdout.write(JSON.stringify(told));
