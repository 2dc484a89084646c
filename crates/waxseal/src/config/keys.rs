//! Every key there is: name, default, meaning. `docs/configuration.md` is made from this table.

/// One key.
pub(crate) struct Key {
    /// Dotted name.
    pub(crate) name: &'static str,
    /// Default, as it would stand in the file.
    pub(crate) default: &'static str,
    /// What it does, in Markdown.
    pub(crate) about: &'static str,
}

const fn key(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, default, about }
}

/// All keys, in the order in which a file is written.
pub(crate) const KEYS: &[Key] = &[
    key(
        "data_dir",
        r#""waxseal-data""#,
        "Folder of the store, its keys and the control socket. Made on first start.",
    ),
    key(
        "control.socket",
        r#""control.sock""#,
        "Socket by which commands reach a running server, relative to `data_dir`. Nobody else may enter that folder: operators \
         need one that they can, such as `/run/waxseal/control.sock`.",
    ),
    key(
        "control.group",
        r#""""#,
        "Group of the system, by name or number, whose members reach that socket; if empty only the server's own user and \
         root do. What they may do there, `operators` says.",
    ),
    key(
        "operators",
        "[]",
        "Who may give commands: a table `[[operators]]` each, with `name` (it stands in the audit trail), `user` (of the \
         system, by name or number) and `roles` out of `operations`, `support`, `privacy`, `audit`, `admin`. See \
         [operators](privacy/operators.md). P14 is `not yet` without any. As a variable: \
         `[{name=\"ada\", user=\"ada\", roles=[\"support\"]}]`.",
    ),
    key(
        "roles",
        r#"["api", "web", "submission", "mx", "delivery", "readers"]"#,
        "What this process does: `api` (HTTP), `submission` (SMTP from applications), `delivery` (SMTP to \
         recipients' servers). `web`, `mx` and `readers` come with later work and do nothing yet.",
    ),
    key(
        "public_url",
        r#""""#,
        "Where callers reach the HTTP API; links in answers start with it. If empty: the first address of \
         `http.listen`.",
    ),
    key("hostname", r#""mail.example.org""#, "Name of this server in greetings, `HELO` and `Received`."),
    key("http.listen", r#"["127.0.0.1:8080"]"#, "Addresses of the HTTP API."),
    key(
        "http.tls",
        "false",
        "Whether the HTTP API speaks HTTPS itself, with `tls.certificate`. False behind a proxy that ends TLS.",
    ),
    key(
        "http.connections_per_peer",
        "1024",
        "Most connections of one address (IPv6: of one /64) to the HTTP API at a time, 1 to 4,096; more are closed.",
    ),
    key("submission.listen", r#"["127.0.0.1:2587"]"#, "Addresses of SMTP submission with STARTTLS."),
    key("submission.implicit_tls", "[]", "Addresses of SMTP submission under TLS from the first byte."),
    key(
        "mx.listen",
        r#"["127.0.0.1:2525"]"#,
        "Addresses for mail from other servers. Comes with later work.",
    ),
    key(
        "store.url",
        r#""sqlite""#,
        "`sqlite` (in `data_dir`), or the `postgres://…` URL of a database, with user and password.",
    ),
    key(
        "bodies.url",
        r#""store""#,
        "Where content rests: `store`. `s3://BUCKET/PREFIX` comes with later work.",
    ),
    key("bodies.endpoint", r#""""#, "Endpoint of the object storage. Comes with later work."),
    key("bodies.region", r#""""#, "Region of the object storage. Comes with later work."),
    key("bodies.access_key", r#""""#, "Access key of the object storage. Comes with later work."),
    key("bodies.secret_key", r#""""#, "Secret key of the object storage. Comes with later work."),
    key(
        "keys.folder",
        r#""""#,
        "Folder of the key store (`keys.db` and what goes with it), relative to `data_dir`; `data_dir` itself if empty. \
         Made on first start, mode 0700; on another volume, snapshots of the data hold no keys. See \
         [where the keys lie](operating.md#where-the-keys-lie) before you change it.",
    ),
    key(
        "keys.master_key_file",
        r#""master.key""#,
        "File of the key that all other keys are wrapped under, relative to `data_dir`. Made on first start, mode \
         0600. Without it nothing personal in the store can be read.",
    ),
    key(
        "keys.master_key",
        r#""""#,
        "The master key itself, 64 hex digits, instead of the file. Set it in the environment.",
    ),
    key(
        "keys.master_key_command",
        r#""""#,
        "A command that prints the master key, instead of both: run with `/bin/sh -c` at each start, within 30 \
         seconds, so that a key service or a TPM can stand behind. What it prints is never logged.",
    ),
    key(
        "submission.connections_per_peer",
        "50",
        "Most connections of one address (IPv6: of one /64) to submission at a time, 1 to 1,000; more hear 421.",
    ),
    key(
        "sending.requests_per_hour",
        "0",
        "Most calls, and messages by SMTP, of an account in an hour; 0 is no limit. More get 429, or 451 by SMTP. Counted \
         in memory by hours of UTC: a restart begins anew.",
    ),
    key(
        "sending.recipients_per_hour",
        "0",
        "Most recipients of an account in an hour, the same way; 0 is no limit.",
    ),
    key(
        "sending.megabytes_per_hour",
        "0",
        "Most content of an account in an hour, the same way; 0 is no limit.",
    ),
    key(
        "memory.limit_mb",
        "0",
        "Memory that the server stays below, in MiB: 512 to 1,048,576. With 0 it is half of what the machine or the control \
         group has, at least 512 and at most 2,048. See [memory](operating.md#memory).",
    ),
    key("delivery.port", "25", "Port of recipients' servers."),
    key(
        "delivery.relay",
        r#""""#,
        "Smart host that everything goes to that has no relay of its account or domain (`waxseal relay set`): \
         `smtp://HOST:PORT` (STARTTLS if offered) or `smtps://HOST:PORT` (TLS from the first byte); `USER:PASSWORD@` \
         before the host for AUTH, percent-encoded, for which the certificate has to be good.",
    ),
    key(
        "delivery.relay_share",
        "100",
        "How much of it goes there, in percent; the rest goes to the recipients' servers. The id of a recipient's entry \
         decides: another try goes the same way, and a larger share has all of a smaller one. With 0 only what pools of \
         addresses give it goes there.",
    ),
    key("delivery.relay_connections", "20", "Connections to a relay at once, whosever it is."),
    key(
        "delivery.recipients_per_transaction",
        "100",
        "Recipients of one message at one domain who go in one SMTP transaction, and share a return path for that. With 1 each \
         has a return path of their own, which names them also in bounces that do not say whom they are about.",
    ),
    key(
        "delivery.after_crash",
        r#""retry""#,
        "What becomes of messages that were sent and not answered when the process died, which may have arrived: \
         `retry` (a second copy may arrive), or `hold` until `waxseal queue retry` (nothing more arrives until then).",
    ),
    key(
        "delivery.source_addresses",
        "[]",
        "Own addresses to send from, in equal parts; the system chooses if empty. `o:sending-ip` may ask for one of them. \
         `waxseal source` and `waxseal pool` add to them while the server runs.",
    ),
    key(
        "delivery.allow_private_destinations",
        r#""auto""#,
        "Whether recipients' servers on loopback and private addresses are dialled: `true`, `false`, or `auto`: only \
         if `delivery.port` is not 25 or a nameserver is not on port 53, as in tests.",
    ),
    key(
        "delivery.bounce_rules",
        r#""""#,
        "File of rules (TOML) that say what replies of recipients' servers mean, asked before those that come with \
         Waxseal; read at the start.",
    ),
    key(
        "delivery.shaping",
        r#""""#,
        "File with providers of mailboxes (TOML) and how much at once each gets, asked before those that come with \
         Waxseal; read at the start.",
    ),
    key(
        "delivery.mta_sts",
        "true",
        "Whether what recipients' domains say of TLS is looked up and heeded (MTA-STS).",
    ),
    key(
        "delivery.tls_reports",
        "true",
        "Whether recipients' domains that ask for it (TLS-RPT, RFC 8460) are told once a day how connections to their servers \
         went. Only where `hostname` is a name on the Internet.",
    ),
    key(
        "delivery.tls_reports_from",
        r#""""#,
        "Sender of those reports that go by mail, and whom all reports name as contact: an address of a domain that an account \
         here has, whose keys sign them. If empty, reports go by HTTPS alone, and the contact is `postmaster` at `hostname`.",
    ),
    key(
        "delivery.tls_reports_organization",
        r#""""#,
        "Who sends these reports, as they say it; `hostname` if empty.",
    ),
    key(
        "delivery.extra_ca",
        r#""""#,
        "File with further certificates to trust at recipients' servers (PEM).",
    ),
    key(
        "outgoing_http.ports",
        r#"["80", "443"]"#,
        "Ports at which URLs of customers (`o:archive-to`) may be called; any if empty.",
    ),
    key(
        "outgoing_http.allow_private_destinations",
        "false",
        "Whether URLs of customers may lead to loopback and private addresses: only for development and tests.",
    ),
    key("dns.nameservers", "[]", "DNS servers, as `ADDRESS` or `ADDRESS:PORT`; the system's if empty."),
    key(
        "dns.dnssec",
        r#""auto""#,
        "Whether answers about mail servers are validated, so that what the DNS tells of their certificates is heeded (DANE): \
         `auto` (if the nameservers pass signatures on), `always` (no mail where they do not), `off`.",
    ),
    key(
        "dns.trust_anchor",
        r#""""#,
        "File with DNSKEY records of the root of the DNS; its keys on the Internet if empty.",
    ),
    key(
        "tls.certificate",
        r#""""#,
        "Certificate chain of the listeners (PEM). Without one a self-signed one is made.",
    ),
    key("tls.key", r#""""#, "Private key of the certificate (PEM)."),
    key("tls.acme_directory", r#""""#, "ACME directory to get certificates from. Comes with later work."),
    key("tls.acme_contact", r#""""#, "Contact for the ACME account. Comes with later work."),
    key("retention.events_days", "30", "Days that events are kept: 1 to 365."),
    key(
        "retention.stored_message_days",
        "3",
        "Days that content can be retrieved: 0 to 30. With 0 it goes as soon as its last recipient is settled.",
    ),
    key(
        "retention.web_log_days",
        "7",
        "Days that records of web visits are kept: 0 to 365. Comes with later work.",
    ),
    key(
        "retention.policy_report_days",
        "400",
        "Days that signed reports on the promises are kept: 1 to 3650.",
    ),
    key(
        "retention.request_days",
        "365",
        "Days that what people asked about their data is kept after it was answered or refused: 1 to 3650.",
    ),
    key(
        "erasure.grace_days",
        "7",
        "Days in which the deletion of an account can be undone: 0 to 30. It is closed at once all the same.",
    ),
    key(
        "audit.anchor_file",
        r#""audit-anchors""#,
        "File that signed ends of the audit trail are added to, relative to `data_dir`. Put it on another disk: it \
         shows when the trail itself was shortened.",
    ),
    key(
        "access.longest_hours",
        "4",
        "Hours that an operator may see an account's content at a time: 1 to 24.",
    ),
    key(
        "access.second_operator",
        r#""""#,
        "Hash of the secret with which a second operator confirms each access; one is enough if empty. `waxseal access \
         secret` makes both.",
    ),
    key(
        "access.needs_consent",
        "false",
        "Whether an account has to consent, by `POST /v1/privacy/access/ID/consent`, before an operator sees its content. P7 \
         is `not yet` without it.",
    ),
    key(
        "access.notice_from",
        r#""""#,
        "Address, of a domain on this instance, that writes to the owner of an account when an operator opens access \
         to its content. If empty, owners see it in their list alone.",
    ),
    key(
        "privacy.home_region",
        r#""""#,
        "Where data is at home, in your words (`eu`, `ch`): it stands in every report on the promises. P18 is `not yet` \
         without it.",
    ),
    key(
        "privacy.answer_days",
        "30",
        "Days in which what people ask about their data has to be answered: 1 to 30.",
    ),
    key(
        "privacy.export_hours",
        "24",
        "Hours that a copy of their data which a customer asked for can be fetched: 1 to 720. Then it is deleted.",
    ),
    key("privacy.verify_at", r#""03:00""#, "When the server checks every promise each day, in UTC: `HH:MM`."),
    key(
        "backup.folder",
        r#""backups""#,
        "Folder that backups are made in, listed in and deleted from, relative to `data_dir`. Put it on another disk.",
    ),
    key(
        "backup.every_hours",
        "0",
        "How often the server makes a backup by itself, in hours: 0 to 720. With 0 it makes none.",
    ),
    key(
        "backup.keep_days",
        "7",
        "Days that backups in `backup.folder` are kept: 1 to 365. The server deletes older ones.",
    ),
    key(
        "backup.keys_folder",
        r#""key-copies""#,
        "Folder of copies of the key store and of the secret that they open with, relative to `data_dir`. Put it on \
         another disk, not into `backup.folder`, and let nothing copy that secret.",
    ),
    key(
        "backup.keys_every_hours",
        "0",
        "How often the server copies the key store by itself, in hours: 0 to 24; also within a minute after copies from \
         before were made useless. With 0 it makes none.",
    ),
    key(
        "backup.keys_keep_days",
        "7",
        "Days that copies of the key store are kept, and open at all: 1 to 7. Most are useless much earlier.",
    ),
    key(
        "backup.key_file",
        r#""backup.key""#,
        "File of the key that backups are sealed under, relative to `data_dir`. Made with the first backup, mode 0600. \
         Keep a copy where the backups are not: without it they cannot be opened.",
    ),
    key(
        "backup.key",
        r#""""#,
        "The backup key itself, 64 hex digits, instead of the file. Set it in the environment.",
    ),
    key(
        "backup.key_command",
        r#""""#,
        "A command that prints the backup key, instead of both: run with `/bin/sh -c` for each backup, within 30 seconds.",
    ),
    key("metrics.listen", r#""127.0.0.1:9090""#, "Address of the Prometheus metrics; none if empty."),
    key("log.level", r#""info""#, "`error`, `warn`, `info`, `debug` or `trace`."),
    key("log.format", r#""text""#, "`text` or `json`. Addresses of people are in neither."),
];

/// The key that a mistyped name most likely means.
pub(crate) fn nearest(name: &str) -> Option<&'static Key> {
    let distance = |key: &&Key| {
        // The name may lack its section, or be that of a section alone.
        let (section, last) = key.name.split_once('.').unwrap_or((key.name, key.name));
        let whole = strsim::damerau_levenshtein(name, key.name);
        let part = strsim::damerau_levenshtein(name, last).min(strsim::damerau_levenshtein(name, section));
        whole.min(part + 1)
    };
    KEYS.iter().min_by_key(distance)
}

/// How far a name is from the nearest key: letters changed, missing, added or swapped.
pub(crate) fn distance(name: &str) -> usize {
    KEYS.iter().map(|key| strsim::damerau_levenshtein(name, key.name)).min().unwrap_or(usize::MAX)
}

/// The environment variable of a key.
pub(crate) fn variable(name: &str) -> String {
    format!("WAXSEAL_{}", name.replace('.', "__").to_uppercase())
}
