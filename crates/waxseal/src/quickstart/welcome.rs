//! What somebody who tries Waxseal sees first: a key, a line that sends, code, where the mail is.

use std::fmt;

use super::folder::Folder;
use crate::roles::Addresses;

/// Everything the text names.
pub(super) struct Welcome<'a> {
    pub(super) addresses: &'a Addresses,
    pub(super) api_key: &'a str,
    pub(super) domain: &'a str,
    /// Login and password, where they have just been made.
    pub(super) smtp: Option<&'a (String, String)>,
    pub(super) folder: &'a Folder,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, domain) = (self.api_key, self.domain);
        let url = self.addresses.http.first().map(|address| format!("http://{address}")).unwrap_or_default();
        let folder = self.folder.path().display();
        let fate = if self.folder.is_temporary() { "deleted at the end" } else { "kept" };
        write!(
            f,
            "\
Waxseal runs on this machine. Mail of the sandbox domain {domain} is captured; none leaves.

  API      {url}
  key      {key}
  data     {folder} ({fate})

Send a message:

  curl -s --user 'api:{key}' {url}/v3/{domain}/messages \\
    -F from='You <you@{domain}>' -F to='friend@example.org' \\
    -F subject='Hello' -F text='My first message.'

JavaScript (npm install mailgun.js form-data):

  import Mailgun from 'mailgun.js'; import FormData from 'form-data';
  const mg = new Mailgun(FormData).client({{ username: 'api', key: '{key}', url: '{url}' }});
  await mg.messages.create('{domain}', {{ from: 'you@{domain}', to: 'friend@example.org', subject: 'Hello', text: 'From JavaScript.' }});

Python (pip install mailgun):

  from mailgun.client import Client
  mg = Client(auth=('api', '{key}'), api_url='{url}')
  mg.messages.create(domain='{domain}', data={{'from': 'you@{domain}', 'to': 'friend@example.org', 'subject': 'Hello', 'text': 'From Python.'}})

"
        )?;
        if let (Some((login, password)), Some(address)) = (self.smtp, self.addresses.submission.first()) {
            writeln!(f, "SMTP: {address} with STARTTLS, login {login}, password {password}\n")?;
        }
        write!(
            f,
            "\
Read the mail:

  curl -s --user 'api:{key}' {url}/v1/inbox

To see other outcomes, write to defer@{domain}, bounce@{domain} or complain@{domain}.
Below is a line for each thing that happens. Ctrl-C ends it.

"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_what_is_needed() {
        let folder = Folder::given_or_temporary("quickstart", None).expect("folder");
        let addresses = Addresses {
            http: vec!["127.0.0.1:8080".parse().expect("address")],
            submission: vec!["127.0.0.1:2587".parse().expect("address")],
            ..Addresses::default()
        };
        let smtp = ("postmaster@sandbox.test".to_owned(), "secret".to_owned());
        let text = Welcome {
            addresses: &addresses,
            api_key: "key-1",
            domain: "sandbox.test",
            smtp: Some(&smtp),
            folder: &folder,
        }
        .to_string();
        assert!(text.contains("curl -s --user 'api:key-1' http://127.0.0.1:8080/v3/sandbox.test/messages"));
        assert!(text.contains("key: 'key-1', url: 'http://127.0.0.1:8080' }"));
        assert!(text.contains("api_url='http://127.0.0.1:8080')"));
        assert!(
            text.contains(
                "SMTP: 127.0.0.1:2587 with STARTTLS, login postmaster@sandbox.test, password secret"
            )
        );
        assert!(text.contains("deleted at the end"));
    }
}
