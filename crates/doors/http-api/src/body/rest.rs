//! What an answer left unread of its request's body: it is thrown away, or the end of the connection announced.
//!
//! A server that answers and closes while its client still sends may reset the connection, and the answer is lost
//! with it; one that closes without saying so lets the client's next request on the connection fail.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::timeout;

use super::announced;
use crate::config::Limits;

/// Most bytes read and thrown away so that a client gets to read its answer.
const DISCARD: usize = 256 * 1024 * 1024;
/// Time for that.
const DISCARD_TIME: Duration = Duration::from_secs(20);

/// Where a body goes that was dropped before its end.
#[derive(Clone, Default)]
pub(crate) struct Rest(Arc<Mutex<Option<Left>>>);

/// A body that was dropped before its end.
struct Left {
    body: Body,
    /// It failed: nothing more can be read of it, nor of its connection.
    broken: bool,
}

/// A body that comes back when it is dropped before its end.
struct Returning {
    body: Body,
    /// Nothing comes any more.
    ended: bool,
    broken: bool,
    rest: Rest,
}

impl Rest {
    /// The body, and where to look for what is left of it.
    pub(crate) fn watch(body: Body) -> (Body, Self) {
        let rest = Self::default();
        let ended = body.is_end_stream();
        (Body::new(Returning { body, ended, broken: false, rest: rest.clone() }), rest)
    }

    /// Reads away what is left, within limits; where that is too much, the answer says that the connection ends.
    pub(crate) async fn settle(self, limits: &Limits, request: &HeaderMap, answer: &mut HeaderMap) {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(left) = left else { return };
        if answer.contains_key(header::CONNECTION) {
            return;
        }
        if left.broken || !discard(limits, request, left.body).await {
            answer.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Throws away what a client still sends, for a while: many read no answer before they have sent all. Who announced
/// more than that, or still waits for `100 Continue`, is answered at once. Whether the end was reached.
async fn discard(limits: &Limits, headers: &HeaderMap, mut body: Body) -> bool {
    let most = DISCARD.max(limits.body);
    if headers.contains_key(header::EXPECT) || announced(headers).is_some_and(|length| length > most as u64) {
        return false;
    }
    let all = async {
        let mut left = most;
        loop {
            match timeout(limits.body_silence, body.frame()).await {
                Ok(None) => return true,
                Ok(Some(Ok(frame))) => left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len)),
                Ok(Some(Err(_))) | Err(_) => return false,
            }
            if left == 0 {
                return false;
            }
        }
    };
    timeout(DISCARD_TIME.min(limits.body_total), all).await.unwrap_or(false)
}

impl HttpBody for Returning {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.ended |= matches!(frame, Poll::Ready(None));
        self.broken |= matches!(frame, Poll::Ready(Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            let left = Left { body: std::mem::take(&mut self.body), broken: self.broken };
            *self.rest.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
        }
    }
}
