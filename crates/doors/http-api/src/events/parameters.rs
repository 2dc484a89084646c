//! The parameters of an events request, checked.

use waxseal_form::Field;
use waxseal_insight::{
    field::Field as EventField,
    range::{AskedRange, Range},
    search::{DEFAULT_PAGE, MAX_FILTERS, MAX_PAGE, SearchError, filter},
};
use waxseal_mail::date;
use waxseal_model::{Timestamp, filter::Filter};

use crate::error::ApiError;

/// Most bytes of all filter expressions together: they travel in the links of every page.
const MAX_FILTER_BYTES: usize = 4_096;

/// What was asked, apart from the page.
pub(super) struct Asked {
    pub(super) range: Range,
    pub(super) limit: usize,
    pub(super) pretty: bool,
    /// Name and expression, as they came.
    pub(super) filters: Vec<(String, String)>,
}

impl Asked {
    /// Reads the parameters of a request.
    pub(super) fn read(fields: Vec<Field>, now: Timestamp) -> Result<Self, ApiError> {
        let mut range = AskedRange::default();
        let (mut limit, mut pretty) = (DEFAULT_PAGE, false);
        let mut filters = Vec::new();
        for field in fields {
            let (name, value) = (field.name, String::from_utf8_lossy(&field.bytes).trim().to_owned());
            match name.as_str() {
                _ if value.is_empty() => {}
                "begin" => range.begin = Some(time("begin", &value)?),
                "end" => range.end = Some(time("end", &value)?),
                "ascending" => range.ascending = Some(yes_or_no("ascending", &value)?),
                "pretty" => pretty = yes_or_no("pretty", &value)?,
                "limit" => limit = page_size(&value)?,
                _ => filters.push((name, value)),
            }
        }
        let range = range.settle(now).map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(Self { range, limit, pretty, filters })
    }

    /// The filters, parsed.
    pub(super) fn parsed(&self) -> Result<Vec<(EventField, Filter)>, ApiError> {
        let refused = |error: SearchError| ApiError::bad_request(error.to_string());
        if self.filters.len() > MAX_FILTERS {
            return Err(refused(SearchError::TooManyFilters));
        }
        if self.filters.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_FILTER_BYTES
        {
            return Err(ApiError::bad_request(format!(
                "filter parameters are longer than {MAX_FILTER_BYTES} bytes in all"
            )));
        }
        self.filters.iter().map(|(name, value)| filter(name, value).map_err(refused)).collect()
    }
}

fn time(name: &str, value: &str) -> Result<Timestamp, ApiError> {
    date::parse(value).ok_or_else(|| {
        ApiError::bad_request(format!("{name} parameter is not an RFC 2822 date or seconds since the epoch"))
    })
}

fn yes_or_no(name: &str, value: &str) -> Result<bool, ApiError> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "on" => Ok(true),
        "no" | "false" | "0" | "off" => Ok(false),
        _ => Err(ApiError::bad_request(format!("{name} parameter must be yes or no"))),
    }
}

fn page_size(value: &str) -> Result<usize, ApiError> {
    match value.parse::<u64>() {
        Ok(limit) if limit > 0 => Ok(usize::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE)),
        _ => Err(ApiError::bad_request(format!("limit parameter must be a number from 1 to {MAX_PAGE}"))),
    }
}
