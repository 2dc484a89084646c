//! What somebody who writes a configuration is told.

use std::ffi::OsString;

use super::{keys::KEYS, *};

fn from_toml(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("waxseal.toml");
    std::fs::write(&file, text).expect("file");
    let origin = format!("{}: ", file.display());
    let config = Settings::from_file(&file).and_then(Settings::read);
    config.map_err(|errors| errors.0.join("\n").replace(&origin, ""))
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let settings = Settings::default().with_environment(variables);
    settings.and_then(Settings::read).map_err(|errors| errors.0.join("\n"))
}

#[test]
fn nothing_needs_to_be_configured() {
    let config = from_toml("").expect("defaults");
    assert_eq!(config.http_listen, ["127.0.0.1:8080".parse().expect("address")]);
    assert_eq!(config.metrics_listen, Some("127.0.0.1:9090".parse().expect("address")));
    assert_eq!((config.delivery_port, config.events_days, config.stored_message_days), (25, 30, 3));
    assert_eq!(config.roles.len(), 6);
    assert!(config.relay.is_none() && config.certificate.is_none() && config.master_key.is_none());
    assert_eq!(config.master_key_file, Path::new("waxseal-data/master.key"));
}

#[test]
fn every_key_is_read_from_its_variable() {
    let config = from_environment(&[
        ("WAXSEAL_HTTP__LISTEN", "127.0.0.1:0, [::1]:0"),
        ("WAXSEAL_ROLES", "api,delivery"),
        ("WAXSEAL_DELIVERY__PORT", "2526"),
        ("WAXSEAL_DNS__NAMESERVERS", "127.0.0.1:5300,9.9.9.9"),
        ("WAXSEAL_METRICS__LISTEN", ""),
        ("WAXSEAL_DATA_DIR", "elsewhere"),
        ("WAXSEAL_TOOLS", "not a key"),
        ("WAXSEAL_SOMETHING", "not a key"),
        ("PATH", "not ours"),
    ])
    .expect("configuration");
    assert_eq!(config.http_listen.len(), 2);
    assert_eq!(config.roles, [Role::Api, Role::Delivery]);
    assert_eq!(config.delivery_port, 2526);
    assert_eq!(config.nameservers[1], "9.9.9.9:53".parse().expect("address"));
    assert_eq!(config.metrics_listen, None);
    assert_eq!(config.master_key_file, Path::new("elsewhere/master.key"));
    assert_eq!(config.notes, ["WAXSEAL_SOMETHING is set and is no key of the configuration"]);
}

#[test]
fn private_destinations_are_dialled_when_told_to_or_in_tests() {
    let allowed = |text: &str| from_toml(text).expect("configuration").allow_private_destinations;
    assert!(!allowed("") && !allowed("[dns]\nnameservers = [\"127.0.0.1\"]"));
    assert!(allowed("[delivery]\nport = 2526") && allowed("[dns]\nnameservers = [\"127.0.0.1:5300\"]"));
    assert!(allowed("[delivery]\nallow_private_destinations = true"));
    assert!(!allowed("[delivery]\nport = 2526\nallow_private_destinations = false"));
    let said = from_toml("[delivery]\nallow_private_destinations = \"maybe\"").expect_err("wrong");
    assert_eq!(said, "`delivery.allow_private_destinations`: must be true, false or \"auto\"");
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_nearest() {
    let cases = [
        ("hostnme = \"a\"", "there is no key `hostnme`; did you mean `hostname`?"),
        (
            "[http]\nlisten_on = [\"127.0.0.1:1\"]",
            "there is no key `http.listen_on`; did you mean `http.listen`?",
        ),
        ("[delivry]\nport = 25", "there is no key `delivry`; did you mean `delivery."),
        ("events_days = 3", "there is no key `events_days`; did you mean `retention.events_days`?"),
    ];
    for (text, expected) in cases {
        let said = from_toml(text).expect_err(text);
        assert!(said.contains(expected), "{said}");
    }
    let said = from_environment(&[("WAXSEAL_HTPP__LISTEN", "127.0.0.1:0")]).expect_err("unknown");
    assert!(from_environment(&[("WAXSEAL_DATADIR", "here")]).is_err(), "a slip of the finger");
    assert_eq!(
        said,
        "WAXSEAL_HTPP__LISTEN: there is no key `htpp.listen`; did you mean WAXSEAL_HTTP__LISTEN for `http.listen`? \
         (Addresses of the HTTP API.)"
    );
}

#[test]
fn everything_wrong_is_told_at_once_with_the_name_of_its_key() {
    let said = from_toml(
        "public_url = \"mail.example.org\"\nhostname = \"bad name\"\nroles = [\"apis\"]\n[http]\nlisten = 8080\n\
         [delivery]\nport = 0\nsource_addresses = [\"x\"]\n[dns]\nnameservers = [\"dns.example\"]\n\
         [tls]\nkey = \"key.pem\"\n[retention]\nevents_days = 0\n[log]\nlevel = \"loud\"\nformat = \"xml\"\n\
         [bodies]\nurl = \"s3://bucket\"\n[store]\nurl = \"mysql://x\"\n[keys]\nmaster_key = \"secret\"",
    )
    .expect_err("wrong");
    for key in [
        "public_url",
        "hostname",
        "roles",
        "http.listen",
        "delivery.port",
        "delivery.source_addresses",
        "dns.nameservers",
        "tls.certificate",
        "retention.events_days",
        "log.level",
        "log.format",
        "bodies.url",
        "store.url",
        "keys.master_key",
    ] {
        assert!(said.contains(&format!("`{key}`: ")), "{key} is missing in:\n{said}");
    }
    assert!(!said.contains("secret"), "a secret is never repeated:\n{said}");
}

#[test]
fn operators_have_a_name_a_user_and_roles() {
    let table = "[control]\ngroup = 61100\n[[operators]]\nname = \"ada\"\nuser = \"root\"\nroles = [\"support\", \"audit\"]\n\
                 [[operators]]\nname = \"Bob B.\"\nuser = 1002\nroles = [\"admin\"]";
    let config = from_toml(&table.replace("61100", "\"61100\"")).expect("operators");
    let named: Vec<_> = config.operators.iter().map(|named| (named.name.as_str(), named.uid)).collect();
    assert_eq!((named, config.control_group), (vec![("ada", 0), ("Bob B.", 1002)], Some(61_100)));
    let variable = "[{name=\"ada\", user=1001, roles=[\"support\"]}]";
    let config = from_environment(&[("WAXSEAL_OPERATORS", variable)]).expect("operators");
    assert_eq!(config.operators[0].uid, 1001);
    assert!(from_toml("").expect("none").operators.is_empty());
    assert!(from_environment(&[("WAXSEAL_OPERATORS", "")]).expect("none").operators.is_empty());
}

#[test]
fn an_operator_who_cannot_be_told_from_others_is_an_error_that_names_the_field() {
    let said = |name: &str, user: &str, roles: &str| {
        let good = "{name=\"ada\", user=1001, roles=[\"support\"]}";
        let tables = format!("[{good}, {{name={name}, user={user}, roles={roles}}}]");
        from_environment(&[("WAXSEAL_OPERATORS", &tables)]).expect_err(&tables)
    };
    let audit = "[\"audit\"]";
    for (name, user, roles, field, why) in [
        ("\"\"", "1002", audit, "name", "1 to 64 bytes"),
        ("\"a\\u0007b\"", "1002", audit, "name", "control characters"),
        ("\"owner\"", "1002", audit, "name", "stand for others"),
        ("\"ada\"", "1002", audit, "name", "another table has the same"),
        ("true", "1002", audit, "name", "must be there"),
        ("\"bob\"", "\"no such user\"", audit, "user", "there is no user `no such user`"),
        ("\"bob\"", "-1", audit, "user", "there is no user"),
        ("\"bob\"", "65534", audit, "user", "nobody"),
        ("\"bob\"", "1001", audit, "user", "another table has the same"),
        ("\"bob\"", "1002", "[\"audits\"]", "roles", "`audits` is no role"),
        ("\"bob\"", "1002", "[]", "roles", "one or more of: operations"),
    ] {
        let said = said(name, user, roles);
        assert!(said.contains(&format!("`operators.{field}` of table 2: ")) && said.contains(why), "{said}");
    }
    assert!(
        said("\"bob\"", "1002", "[\"audit\"], role=1")
            .contains("`operators.role` of table 2: there is no such")
    );
    let said = from_toml("[operators]\nname = \"ada\"").expect_err("one table");
    assert_eq!(said, "`operators`: must be a list of tables, each with name, user and roles");
    let said = from_toml("[control]\ngroup = \"no such group\"").expect_err("no group");
    assert!(said.starts_with("`control.group`: there is no group `no such group`"), "{said}");
}

#[test]
fn a_smart_host_is_given_as_a_url() {
    let relay = |url: &str| from_toml(&format!("[delivery]\nrelay = \"{url}\"")).map(|config| config.relay);
    assert!(relay("smtps://user%40example.org:p%3Ass@relay.example.org").expect("relay").is_some());
    assert!(relay("").expect("none").is_none());
    for wrong in ["http://relay", "relay:25", "smtp://u:hunter2@:25", "smtp://hunter2@relay"] {
        let said = relay(wrong).expect_err(wrong);
        assert!(said.starts_with("`delivery.relay`: ") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let key = "ab".repeat(32);
    let config = from_environment(&[
        ("WAXSEAL_KEYS__MASTER_KEY", &key),
        ("WAXSEAL_STORE__URL", "postgres://waxseal:hunter2@127.0.0.1/waxseal"),
        ("WAXSEAL_DELIVERY__RELAY", "smtp://user:hunter2@relay.example.org"),
    ])
    .expect("configuration");
    let printed = format!("{config:?}");
    assert!(!printed.contains("hunter2") && !printed.contains(&key), "{printed}");
}

#[test]
fn the_documentation_lists_every_key_with_its_default() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let mut wanted = String::from(include_str!("page.md"));
    wanted.push_str("\n| key | default | what it does |\n| --- | --- | --- |\n");
    for key in KEYS {
        wanted.push_str(&format!("| `{}` | `{}` | {} |\n", key.name, key.default, key.about));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page, &wanted).expect("page");
    }
    let page = std::fs::read_to_string(page).expect("docs/configuration.md");
    assert!(
        page == wanted,
        "docs/configuration.md is not what the keys say: run this test with UPDATE_DOCS=1"
    );
}
