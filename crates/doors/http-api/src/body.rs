//! Reading request bodies: bounded in size after decompression, in time, in pace, and in what all of
//! them together hold in memory.

mod rest;

use std::{io::Write as _, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use waxseal_form::{Decoder, FormError};

pub(crate) use self::rest::Rest;
use crate::{error::ApiError, state::Api};

/// Compressed bytes inflated at a time: gzip makes at most about a thousand bytes of one.
const INFLATE_STEP: usize = 1_024;

/// What a form takes beside its file.
const AROUND_A_FILE: usize = 64 * 1024;

/// The memory that a request's body may hold, until this is dropped.
#[derive(Default)]
pub(crate) struct Held {
    permit: Option<OwnedSemaphorePermit>,
    kib: usize,
}

/// Feeds a body to a decoder.
pub(crate) async fn read(
    api: &Api,
    headers: &HeaderMap,
    body: Body,
    decoder: &mut Decoder,
) -> Result<Held, ApiError> {
    let most = api.limits.body;
    read_within(api, (headers, body), decoder, most).await.map_err(|failure| failure.into_answer(most))
}

/// Feeds a body with a file of so many bytes at most to a decoder.
pub(crate) async fn read_file(
    api: &Api,
    headers: &HeaderMap,
    body: Body,
    decoder: &mut Decoder,
    most: usize,
) -> Result<Held, ApiError> {
    let around = most.saturating_add(AROUND_A_FILE);
    read_within(api, (headers, body), decoder, around).await.map_err(|failure| failure.into_answer(most))
}

async fn read_within(
    api: &Api,
    (headers, mut body): (&HeaderMap, Body),
    decoder: &mut Decoder,
    most: usize,
) -> Result<Held, Failure> {
    let reading = read_pieces(api, headers, &mut body, decoder, most);
    timeout(api.limits.body_total, reading).await.unwrap_or(Err(Failure::Slow))
}

enum Failure {
    TooLarge,
    Slow,
    Broken,
    Crowded,
    Encoding(String),
    Gzip,
    Form(FormError),
}

impl Failure {
    fn into_answer(self, limit: usize) -> ApiError {
        match self {
            Self::TooLarge => ApiError::too_large(limit),
            Self::Slow => ApiError::new(StatusCode::REQUEST_TIMEOUT, "the request body came too slowly")
                .with(header::CONNECTION, HeaderValue::from_static("close")),
            Self::Broken => ApiError::bad_request("unable to parse request: unexpected EOF"),
            Self::Crowded => ApiError::unavailable(),
            Self::Encoding(encoding) => ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("Content-Encoding {encoding} is not supported, send gzip or none"),
            ),
            Self::Gzip => ApiError::bad_request("unable to parse request: invalid gzip data"),
            Self::Form(error) => ApiError::bad_request(error.to_string()),
        }
    }
}

impl From<FormError> for Failure {
    fn from(error: FormError) -> Self {
        Self::Form(error)
    }
}

async fn read_pieces(
    api: &Api,
    headers: &HeaderMap,
    body: &mut Body,
    decoder: &mut Decoder,
    most: usize,
) -> Result<Held, Failure> {
    let limits = &api.limits;
    if announced(headers).is_some_and(|length| length > most as u64) {
        return Err(Failure::TooLarge);
    }
    let mut inflater = inflater(headers)?;
    let mut meter = Meter { api, most, total: 0, held: Held::default() };
    let started = api.services.clock.monotonic();
    let mut received = 0u64;
    loop {
        let frame = timeout(limits.body_silence, body.frame()).await.map_err(|_| Failure::Slow)?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| Failure::Broken)?;
        let Some(data) = frame.data_ref() else { continue };
        received += data.len() as u64;
        let elapsed = api.services.clock.monotonic().saturating_sub(started);
        if elapsed > limits.body_silence && received < elapsed.as_secs() * limits.body_rate {
            return Err(Failure::Slow);
        }
        match &mut inflater {
            None => meter.pass(data, decoder)?,
            Some(inflater) => inflate(inflater, data, &mut meter, decoder)?,
        }
    }
    if let Some(mut inflater) = inflater.filter(|_| received > 0) {
        inflater.try_finish().map_err(|_| Failure::Broken)?;
        let rest = std::mem::take(inflater.get_mut());
        meter.pass(&rest, decoder)?;
    }
    Ok(meter.held)
}

/// Counts what goes through and pays for it in memory permits.
struct Meter<'a> {
    api: &'a Api,
    most: usize,
    total: usize,
    held: Held,
}

impl Meter<'_> {
    fn pass(&mut self, piece: &[u8], decoder: &mut Decoder) -> Result<(), Failure> {
        self.total = self.total.saturating_add(piece.len());
        if self.total > self.most {
            return Err(Failure::TooLarge);
        }
        self.held.grow_to(self.api, self.total)?;
        Ok(decoder.push(piece)?)
    }
}

impl Held {
    fn grow_to(&mut self, api: &Api, bytes: usize) -> Result<(), Failure> {
        let kib = bytes.div_ceil(1_024);
        let more = u32::try_from(kib.saturating_sub(self.kib)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let permit =
            Arc::clone(&api.body_memory).try_acquire_many_owned(more).map_err(|_| Failure::Crowded)?;
        self.kib = kib;
        match &mut self.permit {
            None => self.permit = Some(permit),
            Some(held) => held.merge(permit),
        }
        Ok(())
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn inflater(headers: &HeaderMap) -> Result<Option<MultiGzDecoder<Vec<u8>>>, Failure> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(None) };
    let encoding = encoding.to_str().unwrap_or("?").trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(MultiGzDecoder::new(Vec::new()))),
        _ => Err(Failure::Encoding(encoding.chars().take(32).collect())),
    }
}

fn inflate(
    inflater: &mut MultiGzDecoder<Vec<u8>>,
    data: &[u8],
    meter: &mut Meter<'_>,
    decoder: &mut Decoder,
) -> Result<(), Failure> {
    for step in data.chunks(INFLATE_STEP) {
        inflater.write_all(step).map_err(|_| Failure::Gzip)?;
        meter.pass(inflater.get_ref(), decoder)?;
        inflater.get_mut().clear();
    }
    Ok(())
}
