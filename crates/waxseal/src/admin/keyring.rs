//! The keyring: what keys there are, and wrapping them anew.

use anyhow::Result;
use serde_json::{Value, json};

use crate::house::House;

/// Every key by account, class and day.
pub(super) async fn list(house: &House) -> Result<Value> {
    let keys = house.store.keys().await?;
    let items: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!({
                "number": key.number,
                "class": key.class,
                "account_id": key.account.to_string(),
                "day": key.day.map(|day| day.start().to_jiff().strftime("%Y-%m-%d").to_string()),
                "epoch": key.epoch,
            })
        })
        .collect();
    Ok(json!({ "items": items }))
}

/// Wraps every key under a new epoch.
pub(super) async fn rotate(house: &House) -> Result<Value> {
    let renewal = house.store.renew_epoch().await?;
    Ok(json!({ "epoch": renewal.epoch, "keys": renewal.keys }))
}
