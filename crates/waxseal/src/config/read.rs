//! From raw values to the typed configuration. Reads every key, so that all faults are told at once.

mod operators;

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use waxseal_privacy::access::AccessConfig;
use waxseal_sending::allowance::HourlyLimits;

use waxseal_net::HttpRules;

use super::{Config, ConfigErrors, Secret, Settings, values};

struct Reader {
    settings: Settings,
    problems: Vec<String>,
}

impl Settings {
    /// Checks and reads every key.
    pub(crate) fn read(self) -> Result<Config, ConfigErrors> {
        let mut reader = Reader { settings: self, problems: Vec::new() };
        let config = reader.config();
        if reader.problems.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.problems)) }
    }
}

impl Reader {
    fn config(&mut self) -> Config {
        let data_dir = PathBuf::from(self.filled("data_dir"));
        let mut notes = Vec::new();
        self.later(&mut notes);
        Config {
            roles: self.each("roles", |name| values::role(&name)),
            control_socket: data_dir.join(self.filled("control.socket")),
            control_group: self.optional("control.group", |name| values::group(&name)),
            operators: self.operators(),
            public_url: self.optional("public_url", |url| values::public_url(&url)),
            hostname: self.one("hostname", |name| values::host_name(&name)).unwrap_or_default(),
            http_listen: self.each("http.listen", |text| values::listen(&text)),
            http_tls: self.flag("http.tls"),
            submission_listen: self.each("submission.listen", |text| values::listen(&text)),
            submission_implicit_tls: self.each("submission.implicit_tls", |text| values::listen(&text)),
            http_connections_per_peer: self.number("http.connections_per_peer", 1..=4_096),
            submission_connections_per_peer: self.number("submission.connections_per_peer", 1..=1_000),
            hourly: HourlyLimits {
                requests: self.number("sending.requests_per_hour", 0..=1_000_000_000),
                recipients: self.number("sending.recipients_per_hour", 0..=1_000_000_000),
                bytes: self.number::<u64>("sending.megabytes_per_hour", 0..=1_000_000) << 20,
            },
            memory_limit_mb: self.memory_limit(),
            store_url: self
                .one("store.url", |url| values::store_url(&url))
                .unwrap_or_else(|| Secret::new("")),
            keys_dir: self.optional("keys.folder", |path| Ok(data_dir.join(path))),
            master_key_file: data_dir.join(self.filled("keys.master_key_file")),
            master_key: self.optional("keys.master_key", |key| values::master_key(&key)),
            master_key_command: self.optional("keys.master_key_command", |text| Ok(Secret::new(text))),
            delivery_port: self.number("delivery.port", 1..=65_535),
            relay: self.optional("delivery.relay", |url| values::relay(&url)),
            relay_share: self.number("delivery.relay_share", 0..=100),
            relay_connections: self.number("delivery.relay_connections", 1..=200),
            recipients_per_transaction: self.number("delivery.recipients_per_transaction", 1..=1_000),
            after_crash: self
                .one("delivery.after_crash", |text| values::after_crash(&text))
                .unwrap_or_default(),
            source_addresses: self.each("delivery.source_addresses", |text| values::address(&text)),
            allow_private_destinations: self.allow_private_destinations(),
            bounce_rules: self
                .optional("delivery.bounce_rules", |path| values::bounce_rules(&path))
                .unwrap_or_default(),
            shaping: self.optional("delivery.shaping", |path| values::shaping(&path)).unwrap_or_default(),
            mta_sts: self.flag("delivery.mta_sts"),
            tls_reports: self.flag("delivery.tls_reports"),
            tls_reports_from: self.optional("delivery.tls_reports_from", |text| values::bare_address(&text)),
            tls_reports_organization: self.optional("delivery.tls_reports_organization", values::line),
            extra_ca: self.optional("delivery.extra_ca", |path| Ok(path.into())),
            http_rules: HttpRules {
                ports: self.each("outgoing_http.ports", |text| values::port(&text)),
                allow_private: self.flag("outgoing_http.allow_private_destinations"),
            },
            nameservers: self.each("dns.nameservers", |text| values::nameserver(&text)),
            dnssec: self.one("dns.dnssec", |text| values::dnssec(&text)).unwrap_or_default(),
            trust_anchor: self.optional("dns.trust_anchor", |path| Ok(path.into())),
            certificate: self.certificate(),
            events_days: self.number("retention.events_days", 1..=365),
            stored_message_days: self.number("retention.stored_message_days", 0..=30),
            report_days: self.number("retention.policy_report_days", 1..=3_650),
            request_days: self.number("retention.request_days", 1..=3_650),
            answer_days: self.number("privacy.answer_days", 1..=30),
            grace_days: self.number("erasure.grace_days", 0..=30),
            anchor_file: data_dir.join(self.filled("audit.anchor_file")),
            access: AccessConfig {
                longest: Duration::from_secs(self.number::<u64>("access.longest_hours", 1..=24) * 3_600),
                second_operator: self.optional("access.second_operator", |text| values::hash(&text)),
                needs_consent: self.flag("access.needs_consent"),
            },
            access_notice_from: self.optional("access.notice_from", |text| values::mailbox(&text)),
            export_hours: self.number("privacy.export_hours", 1..=720),
            home_region: self.optional("privacy.home_region", |text| values::region(&text)),
            verify_at: self.one("privacy.verify_at", |text| values::time_of_day(&text)).unwrap_or_default(),
            backup_folder: data_dir.join(self.filled("backup.folder")),
            backup_every_hours: self.number("backup.every_hours", 0..=720),
            backup_keep_days: self.number("backup.keep_days", 1..=365),
            keys_folder: data_dir.join(self.filled("backup.keys_folder")),
            keys_every_hours: self.number("backup.keys_every_hours", 0..=24),
            keys_keep_days: self.number("backup.keys_keep_days", 1..=7),
            backup_key_file: data_dir.join(self.filled("backup.key_file")),
            backup_key: self.optional("backup.key", |key| values::master_key(&key)),
            backup_key_command: self.optional("backup.key_command", |text| Ok(Secret::new(text))),
            metrics_listen: self.optional("metrics.listen", |text| values::listen(&text)),
            log_level: self.one("log.level", |text| values::log_level(&text)).unwrap_or_default(),
            log_format: self.one("log.format", |text| values::log_format(&text)).unwrap_or_default(),
            data_dir,
            notes,
        }
    }

    /// Keys for what comes with later work: checked, and named if they ask for something.
    fn later(&mut self, notes: &mut Vec<String>) {
        let strangers = std::mem::take(&mut self.settings.strangers);
        notes
            .extend(strangers.iter().map(|name| format!("{name} is set and is no key of the configuration")));
        if self.text("bodies.url") != "store" {
            self.problem("bodies.url", "only `store` is possible yet; object storage comes with later work");
        }
        let _: u32 = self.number("retention.web_log_days", 0..=365);
        let _ = self.each("mx.listen", |text| values::listen(&text));
        for name in ["bodies.endpoint", "bodies.region", "bodies.access_key", "bodies.secret_key"]
            .into_iter()
            .chain(["tls.acme_directory", "tls.acme_contact"])
        {
            if !self.text(name).is_empty() {
                notes.push(format!(
                    "`{name}` is set; what it is for comes with later work and does nothing yet"
                ));
            }
        }
    }

    fn memory_limit(&mut self) -> u64 {
        let name = "memory.limit_mb";
        let megabytes = self.number(name, 0..=1_048_576);
        if (1..512).contains(&megabytes) {
            self.problem(name, "must be 0 or at least 512");
        }
        megabytes
    }

    fn flag(&mut self, name: &'static str) -> bool {
        match self.settings.value(name).value {
            toml::Value::Boolean(speaks) => speaks,
            toml::Value::String(text) if text == "true" => true,
            toml::Value::String(text) if text == "false" => false,
            _ => {
                self.problem(name, "must be true or false");
                false
            }
        }
    }

    fn allow_private_destinations(&mut self) -> bool {
        let name = "delivery.allow_private_destinations";
        match self.settings.value(name).value {
            toml::Value::Boolean(allow) => allow,
            toml::Value::String(text) if text == "true" => true,
            toml::Value::String(text) if text == "false" => false,
            toml::Value::String(text) if text == "auto" => {
                let mut quiet = Self { settings: std::mem::take(&mut self.settings), problems: Vec::new() };
                let port: u16 = quiet.number("delivery.port", 1..=65_535);
                let nameservers = quiet.each("dns.nameservers", |text| values::nameserver(&text));
                self.settings = quiet.settings;
                port != 25 || nameservers.iter().any(|server| server.port() != 53)
            }
            _ => {
                self.problem(name, "must be true, false or \"auto\"");
                false
            }
        }
    }

    fn certificate(&mut self) -> Option<(PathBuf, PathBuf)> {
        let (certificate, key) = (self.text("tls.certificate"), self.text("tls.key"));
        match (certificate.is_empty(), key.is_empty()) {
            (true, true) => None,
            (false, false) => Some((certificate.into(), key.into())),
            (true, false) => {
                self.problem("tls.certificate", "`tls.key` is set: set both or neither");
                None
            }
            (false, true) => {
                self.problem("tls.key", "`tls.certificate` is set: set both or neither");
                None
            }
        }
    }

    fn problem(&mut self, name: &'static str, why: &str) {
        let origin = self.settings.value(name).origin;
        self.problems.push(format!("{origin}: `{name}`: {why}"));
    }

    fn text(&mut self, name: &'static str) -> String {
        match self.settings.value(name).value {
            toml::Value::String(text) => text,
            other => {
                self.problem(
                    name,
                    &format!("must be a text in quotes, not a value of type {}", other.type_str()),
                );
                String::new()
            }
        }
    }

    fn filled(&mut self, name: &'static str) -> String {
        let text = self.text(name);
        if text.is_empty() {
            self.problem(name, "must not be empty");
        }
        text
    }

    fn number<T: TryFrom<i64> + Default>(&mut self, name: &'static str, range: RangeInclusive<i64>) -> T {
        let number = match self.settings.value(name).value {
            toml::Value::Integer(number) => Some(number),
            toml::Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok()) {
            Some(number) => number,
            None => {
                self.problem(
                    name,
                    &format!("must be a whole number from {} to {}", range.start(), range.end()),
                );
                T::default()
            }
        }
    }

    fn one<T>(&mut self, name: &'static str, parse: impl Fn(String) -> Result<T, String>) -> Option<T> {
        let text = self.filled(name);
        if text.is_empty() {
            return None;
        }
        parse(text).map_err(|why| self.problem(name, &why)).ok()
    }

    fn optional<T>(&mut self, name: &'static str, parse: impl Fn(String) -> Result<T, String>) -> Option<T> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        parse(text).map_err(|why| self.problem(name, &why)).ok()
    }

    /// A list: an array, or one text with commas.
    fn each<T>(&mut self, name: &'static str, parse: impl Fn(String) -> Result<T, String>) -> Vec<T> {
        let texts: Option<Vec<String>> = match self.settings.value(name).value {
            toml::Value::String(text) => Some(
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
            ),
            toml::Value::Array(values) => {
                let text = |value: toml::Value| match value {
                    toml::Value::String(text) => Some(text),
                    toml::Value::Integer(number) => Some(number.to_string()),
                    _ => None,
                };
                values.into_iter().map(text).collect()
            }
            _ => None,
        };
        let Some(texts) = texts else {
            self.problem(name, "must be a list of texts, such as [\"a\", \"b\"]");
            return Vec::new();
        };
        let mut parsed = Vec::with_capacity(texts.len());
        for text in texts {
            match parse(text) {
                Ok(value) => parsed.push(value),
                Err(why) => self.problem(name, &why),
            }
        }
        parsed
    }
}
