//! The table of what servers say: `rules.toml`, and what an operator puts in front of it.

use std::sync::LazyLock;

use serde::Deserialize;
use thiserror::Error;
use waxseal_smtp::Reply;

use super::{BounceClass, Classified};

/// What comes with Waxseal.
const SHIPPED: &str = include_str!("rules.toml");
/// Rules of a table.
const MOST: usize = 10_000;
/// Bytes of a reply that are looked at.
const LONGEST_TEXT: usize = 4_096;

static SHIPPED_RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| parse(SHIPPED).unwrap_or_default());

/// A table of rules; the first that fits decides.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    own: Vec<Rule>,
}

/// A table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RulesError {
    /// It is not TOML of that form.
    #[error("{0}")]
    Form(String),
    /// A rule says something that cannot be.
    #[error("rule `{rule}`: {what}")]
    Rule {
        /// Its name.
        rule: String,
        /// What is wrong with it.
        what: String,
    },
}

#[derive(Debug, Clone)]
struct Rule {
    name: String,
    class: BounceClass,
    hosts: Vec<String>,
    codes: Vec<String>,
    enhanced: Vec<Enhanced>,
    words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Enhanced {
    /// There is no enhanced code.
    None,
    /// This subject, whatever the detail.
    Subject(u16),
    /// This subject and detail.
    Exactly(u16, u16),
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    class: String,
    hosts: Option<Vec<String>>,
    codes: Option<Vec<String>>,
    enhanced: Option<Vec<String>>,
    words: Option<Vec<String>>,
}

impl Rules {
    /// Rules of an operator (TOML, as in `rules.toml`), asked before those that come with Waxseal.
    ///
    /// # Errors
    /// The text is not a table of rules; it says where, and what is wrong.
    pub fn with(own: &str) -> Result<Self, RulesError> {
        Ok(Self { own: parse(own)? })
    }

    /// What a reply of this server means.
    pub fn classify(&self, host: &str, reply: &Reply) -> Classified<'_> {
        let said = Said::of(host, reply);
        let rule = self.own.iter().chain(SHIPPED_RULES.iter()).find(|rule| rule.fits(&said));
        Classified {
            class: rule.map_or(BounceClass::Other, |rule| rule.class),
            rule: rule.map(|rule| rule.name.as_str()),
        }
    }
}

/// A reply, as rules look at it.
struct Said {
    host: String,
    code: String,
    enhanced: Option<(u16, u16)>,
    text: String,
}

impl Said {
    fn of(host: &str, reply: &Reply) -> Self {
        let text = reply.text();
        let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= LONGEST_TEXT).unwrap_or(text.len());
        let words: Vec<&str> = text.get(..end).unwrap_or_default().split_whitespace().collect();
        Self {
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            code: reply.code().to_string(),
            enhanced: reply.enhanced().map(|code| (code.subject, code.detail)),
            text: words.join(" ").to_lowercase(),
        }
    }
}

impl Rule {
    fn fits(&self, said: &Said) -> bool {
        one_of(&self.hosts, |host| is_below(&said.host, host))
            && one_of(&self.codes, |code| said.code.starts_with(code.as_str()))
            && one_of(&self.enhanced, |enhanced| enhanced.fits(said.enhanced))
            && one_of(&self.words, |word| said.text.contains(word.as_str()))
    }
}

/// Whether one of a list fits; a list that is not there asks for nothing.
fn one_of<T>(list: &[T], fits: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(fits)
}

/// Whether a host is this name or below it.
fn is_below(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl Enhanced {
    fn fits(self, said: Option<(u16, u16)>) -> bool {
        match self {
            Self::None => said.is_none(),
            Self::Subject(subject) => said.is_some_and(|said| said.0 == subject),
            Self::Exactly(subject, detail) => said == Some((subject, detail)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::None);
        }
        let (subject, detail) = text.split_once('.')?;
        let subject = subject.parse().ok()?;
        match detail {
            "*" => Some(Self::Subject(subject)),
            detail => Some(Self::Exactly(subject, detail.parse().ok()?)),
        }
    }
}

fn parse(text: &str) -> Result<Vec<Rule>, RulesError> {
    let file: File = toml::from_str(text).map_err(|error| RulesError::Form(error.to_string()))?;
    if file.rule.len() > MOST {
        return Err(RulesError::Form(format!("more than {MOST} rules")));
    }
    file.rule.into_iter().map(Rule::read).collect()
}

impl Rule {
    fn read(written: Written) -> Result<Self, RulesError> {
        let name = written.name.clone();
        let wrong = |what: String| RulesError::Rule { rule: name.clone(), what };
        let class = BounceClass::ALL.into_iter().find(|class| class.as_str() == written.class);
        let class = class.ok_or_else(|| {
            let known: Vec<&str> = BounceClass::ALL.iter().map(|class| class.as_str()).collect();
            wrong(format!("no class `{}`; there are {}", written.class, known.join(", ")))
        })?;
        let mut enhanced = Vec::new();
        for text in some("enhanced", written.enhanced).map_err(wrong)? {
            let code = Enhanced::parse(&text);
            enhanced.push(code.ok_or_else(|| wrong(format!("`{text}` is neither `7.1`, `7.*` nor `none`")))?);
        }
        let codes = some("codes", written.codes).map_err(wrong)?;
        if let Some(odd) = codes.iter().find(|code| !is_code(code)) {
            return Err(wrong(format!(
                "`{odd}` begins no code of a refusal: write `4`, `5`, or up to three digits"
            )));
        }
        let words = some("words", written.words).map_err(wrong)?;
        if let Some(odd) = words.iter().find(|word| word.is_empty() || word.to_lowercase() != **word) {
            return Err(wrong(format!("`{odd}`: words are written in lower case, and are not empty")));
        }
        let hosts = some("hosts", written.hosts).map_err(wrong)?;
        if let Some(odd) = hosts.iter().find(|host| host.is_empty() || host.to_ascii_lowercase() != **host) {
            return Err(wrong(format!("`{odd}`: hosts are written in lower case, and are not empty")));
        }
        if hosts.is_empty() && codes.is_empty() && enhanced.is_empty() && words.is_empty() {
            return Err(wrong("it fits everything; give it hosts, codes, enhanced or words".into()));
        }
        Ok(Self { name: written.name, class, hosts, codes, enhanced, words })
    }
}

/// A list that is there has something in it.
fn some(field: &str, list: Option<Vec<String>>) -> Result<Vec<String>, String> {
    match list {
        Some(list) if list.is_empty() => Err(format!("`{field}` is empty; leave it out")),
        list => Ok(list.unwrap_or_default()),
    }
}

fn is_code(code: &str) -> bool {
    (1..=3).contains(&code.len())
        && code.starts_with(['4', '5'])
        && code.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use waxseal_smtp::reply::reader::ReplyReader;

    use super::*;

    fn reply(text: &str) -> Reply {
        let line = format!("{text}\r\n");
        ReplyReader::new().read(line.as_bytes()).expect("a reply").1.expect("a whole reply")
    }

    fn class(host: &str, text: &str) -> BounceClass {
        Rules::default().classify(host, &reply(text)).class
    }

    fn is_dead(text: &str) -> bool {
        let (rules, reply) = (Rules::default(), reply(text));
        rules.classify("mx.example", &reply).is_dead_address(&reply)
    }

    #[test]
    fn the_table_that_comes_with_it_is_whole_and_every_rule_decides_somewhere() {
        let rules = parse(SHIPPED).expect("it is right");
        assert!(rules.len() > 40, "{}", rules.len());
        let names: HashSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names.len(), rules.len(), "a name is of one rule");
        let shipped = Rules::default();
        for rule in &rules {
            let host = rule.hosts.first().map_or("mx.example", String::as_str);
            let code = rule.codes.first().map_or("550", String::as_str);
            let code = format!("{code}{}", &"50"[..3 - code.len()]);
            let enhanced = match rule.enhanced.first() {
                None | Some(Enhanced::None) => String::new(),
                Some(Enhanced::Subject(subject)) => format!("{}.{subject}.99 ", &code[..1]),
                Some(Enhanced::Exactly(subject, detail)) => format!("{}.{subject}.{detail} ", &code[..1]),
            };
            let nothing = [String::from("no")];
            let words = if rule.words.is_empty() { &nothing } else { rule.words.as_slice() };
            let decides = |word: &String| {
                let said = reply(&format!("{code} {enhanced}{word}"));
                shipped.classify(host, &said).rule == Some(rule.name.as_str())
            };
            assert!(words.iter().any(decides), "{}: others come before it", rule.name);
        }
    }

    #[test]
    fn dead_addresses_are_told_from_refused_messages() {
        for dead in [
            "550 5.1.1 The email account that you tried to reach does not exist.",
            "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table",
            "550 5.5.0 Requested action not taken: mailbox unavailable. no such user",
            "554 delivery error: dd This user doesn't have a yahoo.com account, user unknown",
            "550 No such recipient here",
            "550 Requested action not taken: mailbox unavailable",
            "550 5.1.1 x",
            "550 5.2.1 The email account that you tried to reach does not exist",
            "550 5.2.1 The email account that you tried to reach is disabled; account has been disabled",
        ] {
            assert!(is_dead(dead), "{dead}");
        }
        for alive in [
            "550 5.7.1 Message rejected as spam; user unknown to our list of friends",
            "550 5.7.26 unauthenticated mail does not exist in our policy",
            "552 5.2.2 Mailbox full",
            "554 5.7.1 Service unavailable; Client host blocked",
            "550 5.2.1 The user you are trying to contact is receiving mail too quickly",
            "450 4.1.1 user unknown",
            "450 user unknown",
            "550 Verification failed for <a@b.example> No Such User Here Sender verify failed",
            "550 Sender address does not exist",
            "550 PTR record does not exist",
            "550 domain does not exist",
            "550 5.4.1 Recipient address rejected: Access denied",
        ] {
            assert!(!is_dead(alive), "{alive}");
        }
    }

    #[test]
    fn what_providers_say_in_their_own_words_is_understood() {
        use BounceClass as C;
        for (host, text, expected) in [
            (
                "gmail-smtp-in.l.google.com",
                "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail",
                C::Rate,
            ),
            (
                "aspmx.l.google.com",
                "550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
                C::Authentication,
            ),
            ("aspmx.l.google.com", "452 4.2.2 The recipient's inbox is out of storage space.", C::Full),
            (
                "aspmx.l.google.com",
                "550 5.7.1 likely unsolicited mail. To reduce the amount of spam",
                C::Reputation,
            ),
            (
                "contoso-com.mail.protection.outlook.com",
                "550 5.4.1 Recipient address rejected: Access denied.",
                C::Recipient,
            ),
            (
                "hotmail-com.olc.protection.outlook.com",
                "550 5.7.1 Unfortunately, messages from [1.2.3.4] weren't sent (S3140).",
                C::Reputation,
            ),
            (
                "hotmail-com.olc.protection.outlook.com",
                "451 4.7.650 The mail server has been temporarily rate limited (S775)",
                C::Rate,
            ),
            (
                "mta5.am0.yahoodns.net",
                "421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints",
                C::Rate,
            ),
            (
                "mta5.am0.yahoodns.net",
                "554 delivery error: dd This user doesn't have a yahoo.com account",
                C::Recipient,
            ),
            ("mx.unknown.example", "550 5.4.1 Recipient address rejected: Access denied.", C::Routing),
            ("notgoogle.com", "421 4.7.28 Gmail has detected an unusual rate", C::Rate),
            ("mx.example", "450 4.2.0 Greylisted, see our page", C::Greylisting),
            ("mx.example", "554 5.7.1 Client host [1.2.3.4] blocked using zen.spamhaus.org", C::Reputation),
            ("mx.example", "550 5.7.1 Message identified as SPAM", C::Content),
            ("mx.example", "552 5.3.4 Message size exceeds fixed limit", C::Size),
            ("mx.example", "554 5.7.1 Relay access denied", C::Relaying),
            ("mx.example", "550 5.7.1 go away", C::Policy),
            ("mx.example", "421 try later", C::System),
            ("mx.example", "550 no", C::Other),
        ] {
            assert_eq!(class(host, text), expected, "{host}: {text}");
        }
    }

    #[test]
    fn an_operators_rule_comes_first() {
        let own =
            "[[rule]]\nname = \"ours\"\nclass = \"rate\"\nhosts = [\"mx.example\"]\nwords = [\"go away\"]\n";
        let rules = Rules::with(own).expect("rules");
        let refusal = reply("550 5.7.1 Go   away");
        let found = rules.classify("a.mx.example.", &refusal);
        assert_eq!((found.class, found.rule), (BounceClass::Rate, Some("ours")));
        assert_eq!(rules.classify("other.example", &refusal).class, BounceClass::Policy);
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        for (rule, words) in [
            ("class = \"rates\"\nwords = [\"x\"]", "no class `rates`; there are recipient"),
            ("class = \"rate\"", "it fits everything"),
            ("class = \"rate\"\nwords = []", "`words` is empty"),
            ("class = \"rate\"\nwords = [\"Go\"]", "lower case"),
            ("class = \"rate\"\ncodes = [\"250\"]", "begins no code of a refusal"),
            ("class = \"rate\"\nenhanced = [\"7\"]", "is neither `7.1`"),
            ("class = \"rate\"\nword = [\"x\"]", "unknown field"),
        ] {
            let error =
                Rules::with(&format!("[[rule]]\nname = \"r\"\n{rule}\n")).expect_err(rule).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
