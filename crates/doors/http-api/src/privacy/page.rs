//! Which page of a list: `limit` and `page`, the same for every list about the data of an account.

use std::str::FromStr;

use axum::extract::Request;

use crate::{error::ApiError, form, state::Api};

const DEFAULT: u64 = 100;
const MOST: u64 = 300;

/// How many entries, and after which.
pub(super) async fn page<P: FromStr>(api: &Api, request: Request) -> Result<(u64, Option<P>), ApiError> {
    let (mut limit, mut before) = (DEFAULT, None);
    for field in form::parameters(api, request).await? {
        let value = String::from_utf8_lossy(&field.bytes).trim().to_owned();
        match field.name.as_str() {
            _ if value.is_empty() => {}
            "limit" => {
                let asked = value.parse::<u64>().ok().filter(|limit| *limit > 0);
                limit = asked.map(|limit| limit.min(MOST)).ok_or_else(|| {
                    ApiError::bad_request(format!("limit parameter must be a number from 1 to {MOST}"))
                })?;
            }
            "page" => {
                let page = value.parse();
                before = Some(page.map_err(|_| ApiError::bad_request("page parameter is not valid"))?);
            }
            name => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(ApiError::bad_request(format!("{name} parameter is not known")));
            }
        }
    }
    Ok((limit, before))
}
