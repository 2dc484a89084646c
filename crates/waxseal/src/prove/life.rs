//! The life of a customer: everything that can be given, done and refused, by HTTP, SMTP and command.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::Value;
use waxseal_model::AccountId;
use waxseal_smtp::client::Transaction;
use waxseal_system::SystemClock;

use super::{
    canary::Canaries,
    form::Form,
    stage::{REST, Stage},
};
use crate::{
    admin::{Request, Selection, pool, relay::RelayLogin, requests::Asked, source},
    quickstart::{
        http_client::{self, Call},
        smtp_client,
    },
};

/// A customer with an account.
pub(super) struct Customer<'a> {
    pub(super) canaries: &'a Canaries,
    pub(super) account: AccountId,
    pub(super) key: String,
}

impl<'a> Customer<'a> {
    /// Makes an account and lives all of it. One recipient is left waiting, the last of `waiting` on the whole stage.
    pub(super) async fn live(stage: &Stage, canaries: &'a Canaries, waiting: u64) -> Result<Self> {
        let of = |field| canaries.of(field).to_owned();
        let made = stage
            .ask(Request::AccountCreate {
                name: of("owner erased before"),
                email: canaries.address("owner erased before"),
                company: None,
            })
            .await?;
        let account = text(&made, "account_id")?;
        let asked = stage.ask(Request::OwnerErase { account: account.clone() }).await?;
        stage.erased(&text(&asked, "erasure")?).await?;
        for company in ["company before it was corrected", "company"] {
            let correct = Request::AccountCorrect {
                account: account.clone(),
                name: Some(of("account name")),
                email: Some(canaries.address("account email")),
                company: Some(of(company)),
            };
            stage.ask(correct).await?;
        }
        let customer = Self { canaries, account: account.parse()?, key: text(&made, "api_key")? };
        customer.equip(stage, &account).await?;
        customer.be_relayed(stage, &account).await.context("a relay")?;
        customer.be_pooled(stage).await.context("a pool")?;
        customer.be_paused(stage, &account).await.context("a pause")?;
        customer.set_up_a_domain(stage).await.context("settings of a domain")?;
        customer.import(stage).await.context("a file of suppressions")?;
        customer.write(stage).await.context("messages by HTTP")?;
        customer.submit(stage, &account).await.context("messages by SMTP")?;
        customer.be_refused(stage).await.context("what is refused")?;
        stage.at_rest(waiting).await?;
        customer.be_looked_at(stage, &account).await.context("an operator's access")?;
        customer.ask_about_itself(stage, &account).await.context("a request about its data")?;
        customer.be_held(stage, &account).await.context("holds and erasures of people")?;
        customer.ask_for_a_copy(stage).await.context("a copy of what is kept")?;
        Ok(customer)
    }

    async fn equip(&self, stage: &Stage, account: &str) -> Result<()> {
        let account = account.to_owned();
        let domain = self.canaries.domain();
        for (name, sandbox) in [(domain.clone(), false), (self.canaries.sandbox(), true)] {
            stage.ask(Request::DomainCreate { account: account.clone(), name, sandbox }).await?;
        }
        let label = self.canaries.of("label of an API key").to_owned();
        stage.ask(Request::KeyCreate { account: account.clone(), domain: Some(domain), label }).await?;
        let network = self.canaries.of("network that submits").to_owned();
        stage.ask(Request::NetworkCreate { account, network }).await?;
        Ok(())
    }

    /// A domain with a relay. Nothing is sent from there: what is sent is to arrive.
    async fn be_relayed(&self, stage: &Stage, account: &str) -> Result<()> {
        let name = format!("relayed.{}", self.canaries.domain());
        let made = Request::DomainCreate { account: account.to_owned(), name: name.clone(), sandbox: false };
        stage.ask(made).await?;
        let of = |field| self.canaries.of(field).to_owned();
        let relay = Request::RelaySet {
            account: None,
            domain: Some(name),
            url: Some(format!("smtps://{}.test:465", of("host of a relay"))),
            direct: false,
            credentials: Some(RelayLogin {
                user: of("user at a relay"),
                password: of("password at a relay"),
            }),
            share: None,
        };
        stage.ask(relay).await?;
        Ok(())
    }

    /// A pool of an address for the domain with a relay. Nothing is sent from there.
    async fn be_pooled(&self, stage: &Stage) -> Result<()> {
        let address = IpAddr::from([127, 0, 0, 1]);
        let what = source::What::Set { hello: None };
        stage.ask(Request::SourceChange(source::Change { address, what })).await?;
        let members = vec![address.to_string()];
        let set = Some(pool::Wanted { members, overflow: "wait".into() });
        stage.ask(Request::PoolChange(pool::Change { name: "proof".into(), set })).await?;
        let domain = Some(format!("relayed.{}", self.canaries.domain()));
        stage.ask(Request::PoolAssign { account: None, domain, pool: Some("proof".into()) }).await?;
        Ok(())
    }

    /// A pause of one recipient. Nothing is sent from that domain.
    async fn be_paused(&self, stage: &Stage, account: &str) -> Result<()> {
        let recipient = self.canaries.address("recipient");
        let to = recipient.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        let domain = Some(format!("relayed.{}", self.canaries.domain()));
        let account = Some(account.to_owned());
        let which = Selection { account, domain, to, recipient: Some(recipient), ..Selection::default() };
        stage.ask(Request::QueuePause { which, reason: "proof".into(), time: None }).await?;
        Ok(())
    }

    /// A footer, and keys that are to get successors, of the domain with a relay.
    async fn set_up_a_domain(&self, stage: &Stage) -> Result<()> {
        let name = format!("relayed.{}", self.canaries.domain());
        let footer = format!("<p>{}</p>", self.canaries.of("footer of a domain"));
        let footer = Form::new().field("active", "yes").field("html_footer", &footer);
        let rotation = Form::new().field("rotation_enabled", "yes");
        for (path, form) in [
            (format!("/v3/domains/{name}/tracking/unsubscribe"), footer),
            (format!("/v1/dkim_management/domains/{name}/rotation"), rotation),
        ] {
            let (status, answer) = self.call(stage, Method::PUT, &path, &self.key, form).await?;
            ensure!(status == StatusCode::OK, "{path} is answered with {status}: {answer}");
        }
        Ok(())
    }

    /// A file of somebody whom the domain with a relay does not write to.
    async fn import(&self, stage: &Stage) -> Result<()> {
        let path = format!("/v3/relayed.{}/bounces/import", self.canaries.domain());
        let file = format!("address\n{}\n", self.canaries.address("recipient of a file"));
        let form = Form::new().file("file", "bounces.csv", file.as_bytes());
        let (status, answer) = self.call(stage, Method::POST, &path, &self.key, form).await?;
        ensure!(status == StatusCode::ACCEPTED, "a file is answered with {status}: {answer}");
        Ok(())
    }

    async fn write(&self, stage: &Stage) -> Result<()> {
        let of = |field| self.canaries.of(field);
        let domain = self.canaries.domain();
        let sender = format!("{} <{}@{domain}>", of("sender's name"), of("sender"));
        let everything = Form::new()
            .field("from", &sender)
            .field("to", &format!("{} <{}>", of("recipient's name"), self.canaries.address("recipient")))
            .field("cc", &self.canaries.address("recipient in copy"))
            .field("bcc", &self.canaries.address("recipient in blind copy"))
            .field("h:Reply-To", &self.canaries.address("address for replies"))
            .field("subject", of("subject"))
            .field("text", of("text"))
            .field("html", &format!("<p>{}</p>", of("HTML")))
            .field("h:X-Own", of("header"))
            .field("v:own", of("variable"))
            .field(&format!("v:{}", of("name of a variable")), "1")
            .field("o:tag", of("tag"))
            .field("o:archive-to", &format!("http://127.0.0.1:9/{}", of("URL of an archive")))
            .file("attachment", &format!("{}.txt", of("name of a file")), of("file").as_bytes())
            .file("inline", &format!("{}.png", of("name of an inline file")), b"picture");
        self.send(stage, &domain, everything).await?;
        let people = [self.canaries.address("recipient of a batch"), self.canaries.address("recipient")];
        let variables = serde_json::json!({
            people[0].as_str(): { "own": of("variable of a recipient") },
            people[1].as_str(): { "own": "another" },
        });
        let batch = Form::new()
            .field("from", &sender)
            .field("to", &people.join(", "))
            .field("subject", "%recipient.own%")
            .field("text", "one of many")
            .field("recipient-variables", &variables.to_string());
        self.send(stage, &domain, batch).await?;
        for (field, end) in [("recipient that bounces", "+bounce"), ("recipient that is deferred", "+defer")]
        {
            let to = self.canaries.address(field).replace('@', &format!("{end}@"));
            self.send(stage, &domain, plain(&sender, &to, "failing", "text")).await?;
        }
        let captured = self.canaries.address("recipient of a capture");
        let sandbox = self.canaries.sandbox();
        let from = format!("app@{sandbox}");
        self.send(stage, &sandbox, plain(&from, &captured, of("subject of a capture"), "text")).await?;
        let erased = self.canaries.address("recipient erased before");
        let told = of("text to a recipient erased before");
        self.send(stage, &domain, plain(&sender, &erased, told, told)).await?;
        let mime = format!(
            "From: {sender}\r\nTo: {}\r\nSubject: {}\r\n\r\n{}\r\n",
            self.canaries.address("recipient"),
            of("subject of MIME"),
            of("text of MIME"),
        );
        let mime = Form::new().field("to", &self.canaries.address("recipient")).file(
            "message",
            "message.eml",
            mime.as_bytes(),
        );
        self.post(stage, &format!("/v3/{domain}/messages.mime"), mime).await.map(drop)
    }

    async fn submit(&self, stage: &Stage, account: &str) -> Result<()> {
        let of = |field| self.canaries.of(field);
        let domain = self.canaries.domain();
        let address = format!("{}@{domain}", of("SMTP login"));
        let made = stage.ask(Request::CredentialCreate { account: account.to_owned(), address }).await?;
        let login = |password: &str| Ok::<_, anyhow::Error>((text(&made, "login")?, password.to_owned()));
        let (from, to) =
            (format!("{}@{domain}", of("sender by SMTP")), self.canaries.address("recipient by SMTP"));
        let content = format!(
            "From: {from}\r\nTo: {to}\r\nSubject: {}\r\n\r\n{}\r\n",
            of("subject by SMTP"),
            of("text by SMTP"),
        );
        let message = || Transaction {
            reverse_path: from.clone(),
            recipients: vec![to.clone()],
            content: Bytes::from(content.clone()),
            utf8_headers: false,
        };
        let (clock, at) = (SystemClock::new(), stage.submission()?);
        let wrong = login(of("wrong SMTP password"))?;
        let refused = smtp_client::submit(&stage.net, &clock, at, wrong, message()).await;
        ensure!(refused.is_err(), "a wrong password lets somebody in");
        let right = login(&text(&made, "password")?)?;
        smtp_client::submit(&stage.net, &clock, at, right, message()).await
    }

    async fn be_refused(&self, stage: &Stage) -> Result<()> {
        let of = |field| self.canaries.of(field);
        let path = format!("/v3/{}/messages", self.canaries.domain());
        let bad =
            plain("app@elsewhere.test", of("text that was refused"), "refused", of("text that was refused"));
        let (status, _) = self.call(stage, Method::POST, &path, &self.key, bad).await?;
        ensure!(status == StatusCode::BAD_REQUEST, "a message to nobody is answered with {status}");
        let (status, _) = self.call(stage, Method::GET, &path, of("wrong API key"), Form::new()).await?;
        ensure!(status.is_client_error(), "a wrong key is answered with {status}");
        let nowhere = format!("/v3/{}/nowhere", of("path that leads nowhere"));
        self.call(stage, Method::GET, &nowhere, &self.key, Form::new()).await?;
        let events = format!("/v3/{}/events?recipient={}", self.canaries.domain(), of("recipient"));
        let (status, _) = self.call(stage, Method::GET, &events, &self.key, Form::new()).await?;
        ensure!(status == StatusCode::OK, "events are answered with {status}");
        Ok(())
    }

    /// An operator looks for somebody, exports what is kept, and reads content under a grant.
    async fn be_looked_at(&self, stage: &Stage, account: &str) -> Result<()> {
        let term = self.canaries.address("recipient");
        stage.ask(Request::PrivacyTrace { term, backups: Vec::new() }).await?;
        let reason = self.canaries.of("reason of an operator's access").to_owned();
        let (account, time) = (account.to_owned(), "1h".to_owned());
        let to = stage.export();
        let whose = Some(account.clone());
        let opened = stage.ask(Request::AccessOpen { account, reason, time }).await?;
        let grant = opened["grant"].as_u64().context("no grant")?;
        let grants = vec![grant];
        stage
            .ask(Request::PrivacyExport { account: whose, recipient: None, login: None, to, grants })
            .await?;
        let shown = stage.ask(Request::AccessShow { grant, before: None, limit: 10 }).await?;
        let message = text(&shown["items"][0], "message")?;
        stage.ask(Request::AccessRead { grant, message }).await?;
        stage.ask(Request::AccessClose { grant }).await?;
        Ok(())
    }

    /// The customer asks for a copy of what is kept about it, which waits to be fetched.
    async fn ask_for_a_copy(&self, stage: &Stage) -> Result<()> {
        let path = "/v1/privacy/exports";
        let (status, asked) = self.call(stage, Method::POST, path, &self.key, Form::new()).await?;
        ensure!(status.is_success(), "a copy is answered with {status}: {asked}");
        let one = format!("{path}/{}", text(&asked, "id")?);
        let made = async {
            loop {
                let (_, shown) = self.call(stage, Method::GET, &one, &self.key, Form::new()).await?;
                match shown["state"].as_str() {
                    Some("ready") => return anyhow::Ok(()),
                    Some("failed") => bail!("the copy could not be made"),
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::time::timeout(REST, made).await.context("the copy is not made")?
    }

    /// The customer asks for a correction by letter, which is refused.
    async fn ask_about_itself(&self, stage: &Stage, account: &str) -> Result<()> {
        let asked = Asked::Add {
            from: None,
            account: Some(account.to_owned()),
            kind: "correction".to_owned(),
            about: self.canaries.of("what was asked about its data").to_owned(),
            received: None,
        };
        let asked = stage.ask(Request::Person { asked }).await?;
        let number = asked["request"].as_u64().context("no number")?;
        let because = self.canaries.of("why that was refused").to_owned();
        stage.ask(Request::Person { asked: Asked::Refuse { number, because } }).await?;
        Ok(())
    }

    async fn be_held(&self, stage: &Stage, account: &str) -> Result<()> {
        let reason = self.canaries.of("reason of a legal hold").to_owned();
        let recipient = Some(self.canaries.address("recipient"));
        let hold = Request::HoldAdd { account: account.to_owned(), recipient, reason, until: None };
        let hold = text(&stage.ask(hold).await?, "hold")?;
        stage.ask(Request::HoldRemove { hold }).await?;
        let address = self.canaries.address("recipient erased before");
        let asked = stage.ask(Request::RecipientErase { account: account.to_owned(), address }).await?;
        stage.erased(&text(&asked, "erasure")?).await?;
        let login = format!("{}@{}", self.canaries.of("SMTP login erased before"), self.canaries.domain());
        let account = account.to_owned();
        stage.ask(Request::CredentialCreate { account: account.clone(), address: login.clone() }).await?;
        let asked = stage.ask(Request::LoginErase { account, login }).await?;
        stage.erased(&text(&asked, "erasure")?).await
    }

    /// Sends a message that has to be taken.
    pub(super) async fn send(&self, stage: &Stage, domain: &str, form: Form) -> Result<String> {
        self.post(stage, &format!("/v3/{domain}/messages"), form).await
    }

    async fn post(&self, stage: &Stage, path: &str, form: Form) -> Result<String> {
        let (status, answer) = self.call(stage, Method::POST, path, &self.key, form).await?;
        ensure!(status == StatusCode::OK, "a message is answered with {status}: {}", answer["message"]);
        text(&answer, "id")
    }

    /// Calls the API.
    pub(super) async fn call(
        &self,
        stage: &Stage,
        method: Method,
        path: &str,
        key: &str,
        form: Form,
    ) -> Result<(StatusCode, Value)> {
        // Each call repeated gets the first one's answer.
        let own = format!("{}{}", self.canaries.of("idempotency key"), form.mark());
        let headers = [("user-agent", self.canaries.of("user agent")), ("idempotency-key", own.as_str())];
        let (content_type, body) = form.finish();
        let call = Call { method, path, key, headers: &headers, content_type: &content_type, body };
        http_client::send(&stage.net, stage.http()?, call).await
    }
}

/// A message of a subject and a text.
pub(super) fn plain(from: &str, to: &str, subject: &str, text: &str) -> Form {
    Form::new().field("from", from).field("to", to).field("subject", subject).field("text", text)
}

/// A text of an answer.
pub(super) fn text(answer: &Value, name: &str) -> Result<String> {
    Ok(answer[name].as_str().with_context(|| format!("an answer without {name}"))?.to_owned())
}
