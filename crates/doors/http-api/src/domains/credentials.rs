//! SMTP credentials of a domain.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Map, Value, json};
use waxseal_accounts::{
    caller::Caller,
    smtp::{CreateCredentialError, is_login},
};
use waxseal_mail::date;
use waxseal_store::domain::Domain;

use super::known;
use crate::{
    error::{ApiError, json_response},
    form::{self, Asked},
    path::Segments,
    state::{Api, CUSTOMER},
};

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;
/// Credentials made by one call.
const MOST: usize = 100;
const NOTE: &str = "These passwords are shown this once, and are not kept: only their hashes are.";

/// `GET /v3/domains/{domain}/credentials`
pub(crate) async fn credentials(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut asked = Asked(form::read(&api, request).await?);
    let limit = asked.number("limit", 1, usize::MAX)?.unwrap_or(DEFAULT_PAGE);
    if limit > MAX_PAGE {
        return Err(ApiError::bad_request(format!("Limit parameter can't be larger than {MAX_PAGE}")));
    }
    let skip = asked.number("skip", 0, usize::MAX)?.unwrap_or(0);
    let all = api.services.accounts.smtp_credentials(domain.account, domain.id).await?;
    let items: Vec<Value> = all
        .iter()
        .skip(skip)
        .take(limit)
        .map(|credential| {
            let login = credential.login.open(&CUSTOMER);
            json!({
                "created_at": date::rfc2822(credential.created_at),
                "login": login,
                "mailbox": login,
                "size_bytes": null,
            })
        })
        .collect();
    Ok(json_response(StatusCode::OK, &json!({ "total_count": all.len(), "items": items })))
}

/// `POST /v3/domains/{domain}/credentials`: one, or several with their passwords in the same order.
pub(crate) async fn add_credential(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut form = form::read(&api, request).await?;
    let mut logins = form.take_all("login");
    logins.extend(form.take_all("mailbox"));
    logins.retain(|login| !login.trim().is_empty());
    let passwords = form.take_all("password");
    if logins.is_empty() {
        return Err(ApiError::bad_request("Parameter 'login' is missing"));
    }
    if logins.len() > MOST {
        return Err(ApiError::bad_request(format!("at most {MOST} credentials are made by one call")));
    }
    if !passwords.is_empty() && passwords.len() != logins.len() {
        return Err(ApiError::bad_request("give a password for each login, or none at all"));
    }
    let mut wanted = Vec::with_capacity(logins.len());
    for (at, login) in logins.iter().enumerate() {
        let password = passwords.get(at).filter(|password| !password.is_empty());
        password.map_or(Ok(()), |password| check_password(password))?;
        wanted.push((full(&domain, login)?, password));
    }
    // All or none: what could be refused is looked at before anything is made.
    for (at, (login, _)) in wanted.iter().enumerate() {
        let is_twice = wanted.iter().take(at).any(|(other, _)| other == login);
        if is_twice || api.services.accounts.has_smtp_login(domain.account, login).await? {
            return Err(refused(CreateCredentialError::Taken(login.clone())));
        }
    }
    let mut fresh = Map::new();
    for (login, password) in &wanted {
        let given = password.map(String::as_str);
        let made = api.services.accounts.create_smtp_credential(domain.account, login, given);
        let made = made.await.map_err(refused)?;
        if password.is_none() {
            fresh.insert(made.login, made.password.into());
        }
    }
    let message = format!("Created {} credentials pair(s)", wanted.len());
    Ok(json_response(StatusCode::OK, &with_passwords(&message, fresh)))
}

/// `PUT /v3/domains/{domain}/credentials/{login}`
pub(crate) async fn change_password(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, login)): Segments<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut form = form::read(&api, request).await?;
    let password = form.take_first("password").filter(|password| !password.is_empty());
    let login = full(&domain, &login)?;
    let given = password.as_deref();
    let changed = api.services.accounts.change_smtp_password(domain.account, &login, given).await;
    let changed = changed.map_err(refused)?.ok_or_else(missing)?;
    let mut fresh = Map::new();
    if password.is_none() {
        fresh.insert(changed.login, changed.password.into());
    }
    Ok(json_response(StatusCode::OK, &with_passwords("Password changed", fresh)))
}

/// `DELETE /v3/domains/{domain}/credentials/{login}`
pub(crate) async fn remove_credential(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments((name, login)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let login = full(&domain, &login)?;
    if !api.services.accounts.delete_smtp_credential(domain.account, &login).await? {
        return Err(missing());
    }
    let body = json!({ "message": "Credentials have been deleted", "spec": login });
    Ok(json_response(StatusCode::OK, &body))
}

/// `DELETE /v3/domains/{domain}/credentials`
pub(crate) async fn remove_credentials(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let domain = known(&api, &caller, &name).await?;
    let mut count = 0;
    for credential in api.services.accounts.smtp_credentials(domain.account, domain.id).await? {
        let login = credential.login.open(&CUSTOMER);
        count += u64::from(api.services.accounts.delete_smtp_credential(domain.account, login).await?);
    }
    let body = json!({ "message": "All domain credentials have been deleted", "count": count });
    Ok(json_response(StatusCode::OK, &body))
}

/// Gives a login of the domain this password, and makes it if there is none.
pub(super) async fn set_password(
    api: &Api,
    domain: &Domain,
    local_part: &str,
    password: &str,
) -> Result<(), ApiError> {
    let login = full(domain, local_part)?;
    let accounts = &api.services.accounts;
    let changed = accounts.change_smtp_password(domain.account, &login, Some(password)).await;
    if changed.map_err(refused)?.is_none() {
        accounts.create_smtp_credential(domain.account, &login, Some(password)).await.map_err(refused)?;
    }
    Ok(())
}

/// Refuses a password that is too short or too long.
pub(super) fn check_password(password: &str) -> Result<(), ApiError> {
    match password.chars().count() {
        0..5 => Err(refused(CreateCredentialError::Password("short"))),
        5..=32 => Ok(()),
        _ => Err(refused(CreateCredentialError::Password("long"))),
    }
}

/// A login as a whole address: clients give its local part or all of it.
fn full(domain: &Domain, login: &str) -> Result<String, ApiError> {
    let login = login.trim().to_ascii_lowercase();
    let login = match login.rsplit_once('@') {
        None => format!("{login}@{}", domain.name),
        Some((_, name)) if name == domain.name => login,
        Some(_) => {
            let message = format!("login parameter must be a name, or an address of {}", domain.name);
            return Err(ApiError::bad_request(message));
        }
    };
    if is_login(&login) { Ok(login) } else { Err(refused(CreateCredentialError::NotAnAddress(login))) }
}

fn with_passwords(message: &str, fresh: Map<String, Value>) -> Value {
    if fresh.is_empty() {
        return json!({ "message": message });
    }
    json!({ "message": message, "note": NOTE, "credentials": fresh })
}

fn missing() -> ApiError {
    ApiError::not_found("Credentials not found")
}

fn refused(error: CreateCredentialError) -> ApiError {
    match error {
        CreateCredentialError::Store(error) => error.into(),
        CreateCredentialError::NotAnAddress(_) => ApiError::bad_request(
            "login parameter must be a name of letters, digits and .!#$%&'*+-/=?^_`{|}~",
        ),
        CreateCredentialError::UnknownDomain(_) => super::gone(),
        CreateCredentialError::Password(_)
        | CreateCredentialError::TooWide(_)
        | CreateCredentialError::Taken(_) => ApiError::bad_request(error.to_string()),
    }
}
