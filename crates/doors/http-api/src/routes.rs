//! Every route, in one table: the router and the OpenAPI document are made from it.

mod domains;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::Request,
    http::{Method, StatusCode},
    middleware,
    response::IntoResponse,
    routing::{MethodRouter, delete, get, post, put},
};

use crate::{
    auth, entry,
    error::ApiError,
    events, health, inbox, messages, openapi, privacy, queue, queues,
    state::Api,
    stored,
    suppressions::{self, ALLOWLIST, BOUNCES, COMPLAINTS, UNSUBSCRIBES},
};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Anybody.
    Public,
    /// Keys of the account, and sending keys of the domain in the path.
    Sending,
    /// Keys of the account.
    Account,
    /// Keys of the account, also while it is closed to be erased.
    Closing,
}

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) scope: Scope,
    pub(crate) summary: &'static str,
    handler: MethodRouter<Arc<Api>>,
}

/// All routes.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = open();
    routes.extend(mail());
    routes.extend(domains::all());
    routes.extend(inspection());
    routes.extend(lists());
    routes.extend(own_data());
    routes
}

fn open() -> Vec<Route> {
    use Scope::Public;
    vec![
        get_route("/", Public, "What this is", get(health::landing)),
        get_route("/healthz", Public, "Whether the process lives", get(health::alive)),
        get_route("/readyz", Public, "Whether the store answers", get(health::ready)),
        get_route("/openapi.json", Public, "This description", get(openapi::document)),
    ]
}

fn mail() -> Vec<Route> {
    use Scope::{Account, Sending};
    let message = "/v3/domains/{domain}/messages/{key}";
    let attachment = "/v3/domains/{domain}/messages/{key}/attachments/{number}";
    let queues = "/v3/domains/{domain}/sending_queues";
    vec![
        post_route("/v3/{domain}/messages", Sending, "Send a message from its parts", post(messages::parts)),
        post_route(
            "/v3/{domain}/messages.mime",
            Sending,
            "Send a message that is MIME already",
            post(messages::mime),
        ),
        get_route(message, Account, "A stored message", get(stored::show)),
        post_route(message, Account, "Send a stored message again", post(stored::resend)),
        delete_route(message, Account, "Delete a stored message", delete(stored::remove)),
        get_route(attachment, Account, "An attachment of a stored message", get(stored::attachment)),
        get_route(queues, Account, "Whether the domain's queues run", get(queues::show)),
        delete_route("/v3/{domain}/envelopes", Account, "Drop what waits to be sent", delete(queues::clear)),
    ]
}

fn inspection() -> Vec<Route> {
    use Scope::Account;
    vec![
        get_route("/v3/{domain}/events", Account, "Events of a domain", get(events::first)),
        get_route("/v3/{domain}/events/{page}", Account, "A further page of events", get(events::page)),
        get_route("/v1/queue/{message}", Account, "Why a message is where it is", get(queue::why)),
        get_route("/v1/inbox", Account, "Messages that sandbox domains captured", get(inbox::list)),
        delete_route("/v1/inbox", Account, "Delete all captured messages", delete(inbox::clear)),
        get_route("/v1/inbox/{id}", Account, "A captured message", get(inbox::show)),
        delete_route("/v1/inbox/{id}", Account, "Delete a captured message", delete(inbox::remove)),
        get_route("/v1/inbox/{id}/raw", Account, "A captured message as MIME", get(inbox::raw)),
        get_route(
            "/v1/inbox/{id}/attachments/{number}",
            Account,
            "An attachment of a captured message",
            get(inbox::attachment),
        ),
    ]
}

/// Suppressions.
fn lists() -> Vec<Route> {
    [
        (BOUNCES, "/v3/{domain}/bounces", "/v3/{domain}/bounces/{address}"),
        (UNSUBSCRIBES, "/v3/{domain}/unsubscribes", "/v3/{domain}/unsubscribes/{address}"),
        (COMPLAINTS, "/v3/{domain}/complaints", "/v3/{domain}/complaints/{address}"),
        (ALLOWLIST, "/v3/{domain}/whitelists", "/v3/{domain}/whitelists/{value}"),
        (ALLOWLIST, "/v3/{domain}/allowlists", "/v3/{domain}/allowlists/{value}"),
    ]
    .into_iter()
    .flat_map(|(list, all, one)| {
        let of = |handler: MethodRouter<Arc<Api>>| handler.layer(Extension(list));
        [
            get_route(all, Scope::Account, "A page of a suppression list", of(get(suppressions::page))),
            post_route(all, Scope::Account, "Add to a suppression list", of(post(suppressions::add))),
            delete_route(all, Scope::Account, "Clear a suppression list", of(delete(suppressions::clear))),
            get_route(one, Scope::Account, "An entry of a suppression list", of(get(suppressions::show))),
            delete_route(
                one,
                Scope::Account,
                "Take off a suppression list",
                of(delete(suppressions::remove)),
            ),
        ]
    })
    .chain(files_of_lists())
    .collect()
}

/// Files of suppressions. What these paths end with is no address.
fn files_of_lists() -> impl Iterator<Item = Route> {
    [
        (BOUNCES, "/v3/{domain}/bounces/import", "/v3/{domain}/bounces/import/{import}"),
        (UNSUBSCRIBES, "/v3/{domain}/unsubscribes/import", "/v3/{domain}/unsubscribes/import/{import}"),
        (COMPLAINTS, "/v3/{domain}/complaints/import", "/v3/{domain}/complaints/import/{import}"),
        (ALLOWLIST, "/v3/{domain}/whitelists/import", "/v3/{domain}/whitelists/import/{import}"),
        (ALLOWLIST, "/v3/{domain}/allowlists/import", "/v3/{domain}/allowlists/import/{import}"),
    ]
    .into_iter()
    .flat_map(|(list, all, one)| {
        let of = |handler: MethodRouter<Arc<Api>>| handler.layer(Extension(list));
        let summary = "Add a CSV file to a suppression list";
        [
            post_route(all, Scope::Account, summary, of(post(suppressions::import))),
            get_route(
                all,
                Scope::Account,
                "Files added to a suppression list",
                of(get(suppressions::imports)),
            ),
            get_route(one, Scope::Account, "How far such a file is", of(get(suppressions::progress))),
        ]
    })
}

/// What customers ask of the data about themselves.
fn own_data() -> Vec<Route> {
    use Scope::{Account, Closing, Public};
    let profile = "/v1/privacy/profile";
    let account = "/v1/privacy/account";
    let erasures = "/v1/privacy/erasures";
    let exports = "/v1/privacy/exports";
    let consent = "/v1/privacy/access/{id}/consent";
    vec![
        get_route(profile, Account, "What the account says about itself", get(privacy::profile)),
        put_route(profile, Account, "Correct what the account says about itself", put(privacy::correct)),
        post_route(
            "/v1/privacy/corrections",
            Account,
            "Correct what the suppression lists say about a recipient",
            post(privacy::correct_recipient),
        ),
        get_route(
            "/v1/privacy/access",
            Account,
            "When operators had sight of the account's content",
            get(privacy::access),
        ),
        post_route(
            consent,
            Account,
            "Consent to an operator's sight of the account's content",
            post(privacy::consent),
        ),
        delete_route(
            consent,
            Account,
            "Refuse an operator's sight of the account's content, or end it",
            delete(privacy::withdraw),
        ),
        get_route(
            "/v1/privacy/requests",
            Account,
            "What the account asked about its data",
            get(privacy::requests),
        ),
        get_route(
            account,
            Closing,
            "Whether the account is open, or when it is erased",
            get(privacy::account),
        ),
        delete_route(account, Closing, "Close the account and have it erased", delete(privacy::close)),
        post_route(
            "/v1/privacy/account/undelete",
            Closing,
            "Open the account again before it is erased",
            post(privacy::undelete),
        ),
        get_route(erasures, Account, "Erasures of people within the account", get(privacy::erasures)),
        post_route(erasures, Account, "Erase a recipient, a login or the owner", post(privacy::erase)),
        get_route("/v1/privacy/erasures/{id}", Account, "How far an erasure is", get(privacy::erasure)),
        get_route(
            "/v1/privacy/erasures/{id}/certificate",
            Account,
            "The certificate of an erasure",
            get(privacy::certificate),
        ),
        get_route(exports, Account, "Copies of what is kept that were asked for", get(privacy::list)),
        post_route(exports, Account, "Ask for a copy of what is kept", post(privacy::ask)),
        get_route("/v1/privacy/exports/{id}", Account, "How far a copy is", get(privacy::show)),
        delete_route("/v1/privacy/exports/{id}", Account, "Delete a copy", delete(privacy::remove)),
        get_route(
            "/v1/privacy/exports/{id}/download",
            Account,
            "Fetch a copy with its key",
            get(privacy::download),
        ),
        get_route(
            "/v1/privacy/certificates/{id}",
            Public,
            "The certificate of an erased account",
            get(privacy::account_certificate),
        ),
        get_route(
            "/v1/privacy/public-key",
            Public,
            "The key that certificates are signed with",
            get(privacy::public_key),
        ),
    ]
}

/// The router of all routes.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let mut open = Router::new();
    let mut sending = Router::new();
    let mut account = Router::new();
    let mut closing = Router::new();
    for route in all() {
        let router = match route.scope {
            Scope::Public => &mut open,
            Scope::Sending => &mut sending,
            Scope::Account => &mut account,
            Scope::Closing => &mut closing,
        };
        *router = std::mem::take(router).route(route.path, route.handler);
    }
    let sending = sending.route_layer(middleware::from_fn_with_state(Arc::clone(api), auth::any_key));
    let account = account.route_layer(middleware::from_fn_with_state(Arc::clone(api), auth::account_key));
    let closing =
        closing.route_layer(middleware::from_fn_with_state(Arc::clone(api), auth::closed_account_key));
    open.merge(sending)
        .merge(account)
        .merge(closing)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(entry::remember_route))
        .with_state(Arc::clone(api))
}

async fn unknown(_: Request) -> impl IntoResponse {
    ApiError::not_found("Not Found")
}

async fn wrong_method(_: Request) -> impl IntoResponse {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

fn get_route(
    path: &'static str,
    scope: Scope,
    summary: &'static str,
    handler: MethodRouter<Arc<Api>>,
) -> Route {
    Route { method: Method::GET, path, scope, summary, handler }
}

fn post_route(
    path: &'static str,
    scope: Scope,
    summary: &'static str,
    handler: MethodRouter<Arc<Api>>,
) -> Route {
    Route { method: Method::POST, path, scope, summary, handler }
}

fn put_route(
    path: &'static str,
    scope: Scope,
    summary: &'static str,
    handler: MethodRouter<Arc<Api>>,
) -> Route {
    Route { method: Method::PUT, path, scope, summary, handler }
}

fn delete_route(
    path: &'static str,
    scope: Scope,
    summary: &'static str,
    handler: MethodRouter<Arc<Api>>,
) -> Route {
    Route { method: Method::DELETE, path, scope, summary, handler }
}
