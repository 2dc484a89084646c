//! Routes of domains. Clients pin one version or the other, so that both have them all.

use axum::routing::{delete, get, post, put};

use super::{Route, Scope::Account, delete_route, get_route, post_route, put_route};
use crate::domains;

/// Domains and what belongs to them.
pub(super) fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(versioned("/v3/domains", "/v3/domains/{domain}", "/v3/domains/{domain}/verify"));
    routes.extend(versioned("/v4/domains", "/v4/domains/{domain}", "/v4/domains/{domain}/verify"));
    routes.extend(settings());
    routes.extend(keys());
    routes.extend(credentials());
    routes
}

fn versioned(all: &'static str, one: &'static str, verify: &'static str) -> [Route; 6] {
    [
        get_route(all, Account, "Domains of the account", get(domains::list)),
        post_route(all, Account, "Make a domain", post(domains::create)),
        get_route(one, Account, "A domain and the records to publish", get(domains::show)),
        put_route(one, Account, "Change a domain's settings", put(domains::change)),
        delete_route(one, Account, "Delete a domain with all that belongs to it", delete(domains::remove)),
        put_route(verify, Account, "Look for a domain's records in the DNS", put(domains::verify)),
    ]
}

fn settings() -> [Route; 9] {
    let connection = "/v3/domains/{domain}/connection";
    [
        get_route(connection, Account, "How a domain's mail is connected for", get(domains::connection)),
        put_route(connection, Account, "Change how it is connected for", put(domains::set_connection)),
        get_route("/v3/domains/{domain}/tracking", Account, "What is followed", get(domains::tracking)),
        put_route(
            "/v3/domains/{domain}/tracking/open",
            Account,
            "Whether opens are followed",
            put(domains::set_opens),
        ),
        put_route(
            "/v3/domains/{domain}/tracking/click",
            Account,
            "Whether clicks are followed",
            put(domains::set_clicks),
        ),
        put_route(
            "/v3/domains/{domain}/tracking/unsubscribe",
            Account,
            "Whether messages have a way to unsubscribe, and its footers",
            put(domains::set_unsubscribes),
        ),
        put_route(
            "/v3/domains/{domain}/web_prefix",
            Account,
            "The first label of the host of tracked links",
            put(domains::set_web_prefix),
        ),
        put_route(
            "/v3/domains/{domain}/dkim_authority",
            Account,
            "Whose DKIM keys sign",
            put(domains::set_authority),
        ),
        put_route(
            "/v3/domains/{domain}/dkim_selector",
            Account,
            "The selector of the key that signs",
            put(domains::set_selector),
        ),
    ]
}

fn keys() -> [Route; 8] {
    let all = "/v1/dkim/keys";
    [
        get_route("/v4/domains/{domain}/keys", Account, "A domain's DKIM keys", get(domains::keys_of_domain)),
        put_route(
            "/v4/domains/{domain}/keys/{selector}/activate",
            Account,
            "Sign with a DKIM key",
            put(domains::activate),
        ),
        put_route(
            "/v4/domains/{domain}/keys/{selector}/deactivate",
            Account,
            "Sign with a DKIM key no more",
            put(domains::deactivate),
        ),
        get_route(all, Account, "DKIM keys of all domains", get(domains::all_keys)),
        post_route(all, Account, "Make or import a DKIM key", post(domains::add_key)),
        delete_route(all, Account, "Delete a DKIM key", delete(domains::remove_key)),
        put_route(
            "/v1/dkim_management/domains/{domain}/rotation",
            Account,
            "Whether keys get successors by themselves",
            put(domains::set_rotation),
        ),
        post_route(
            "/v1/dkim_management/domains/{domain}/rotate",
            Account,
            "Make the next key, which signs once its record is seen",
            post(domains::rotate),
        ),
    ]
}

fn credentials() -> [Route; 6] {
    let (all, one) = ("/v3/domains/{domain}/credentials", "/v3/domains/{domain}/credentials/{login}");
    [
        get_route(all, Account, "A domain's SMTP credentials", get(domains::credentials)),
        post_route(all, Account, "Make SMTP credentials", post(domains::add_credential)),
        delete_route(all, Account, "Delete all SMTP credentials", delete(domains::remove_credentials)),
        put_route(one, Account, "Change an SMTP password", put(domains::change_password)),
        delete_route(one, Account, "Delete an SMTP credential", delete(domains::remove_credential)),
        put_route(
            "/v3/{domain}/mailboxes/{login}",
            Account,
            "Change an SMTP password, as older clients do",
            put(domains::change_password),
        ),
    ]
}
