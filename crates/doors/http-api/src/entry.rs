//! What surrounds every request: id, common headers, access log, metrics, and a net under panics.

use std::{
    convert::Infallible,
    future::Future,
    net::IpAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use tower::{Service, ServiceExt as _};

use crate::{
    body::Rest,
    config::HttpConfig,
    error::ApiError,
    links, path, routes,
    state::{Api, Services},
};

/// The address a request came from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// The whole API as a service. Cheap to clone.
#[derive(Clone)]
pub struct ApiService {
    api: Arc<Api>,
    router: Router,
}

/// The API without a socket. Requests may carry a [`Peer`] in their extensions.
pub fn service(config: &HttpConfig, services: Services) -> ApiService {
    let api = Arc::new(Api::new(services, config));
    ApiService { router: routes::router(&api), api }
}

/// Headers of every answer.
const COMMON: [(HeaderName, &str); 10] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, x-requested-with, Authorization"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_XSS_PROTECTION, "1; mode=block"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
];

/// Of every answer that goes under TLS; in the clear it would mean nothing (RFC 6797 section 7.2).
const UNDER_TLS: (HeaderName, &str) =
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");

impl ApiService {
    /// Answers one request.
    pub async fn answer(&self, mut request: Request) -> Response {
        let clock = &self.api.services.clock;
        let started = clock.monotonic();
        let id = self.request_id();
        if let Some(tidied) = path::tidy(request.uri()) {
            *request.uri_mut() = tidied;
        }
        let secure = links::scheme(&self.api, request.headers()) == "https";
        let headers = request.headers().clone();
        let (body, rest) = Rest::watch(std::mem::take(request.body_mut()));
        *request.body_mut() = body;
        let mut response = self.answer_to(request).await;
        rest.settle(&self.api.limits, &headers, response.headers_mut()).await;
        decorate(response.headers_mut(), &id, secure);
        let route = response.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        let elapsed = clock.monotonic().saturating_sub(started);
        let status = response.status().as_u16();
        // No path, no query, no peer: they can name people.
        tracing::info!(request = %id, route, status, ms = elapsed.as_millis(), "answered");
        let class = format!("{}xx", status / 100);
        let route = route.to_owned();
        metrics::counter!("waxseal_http_requests_total", "route" => route.clone(), "status" => class.clone())
            .increment(1);
        metrics::histogram!("waxseal_http_request_seconds", "route" => route, "status" => class)
            .record(elapsed.as_secs_f64());
        response
    }

    async fn answer_to(&self, request: Request) -> Response {
        if names_no_host(&request) {
            let text = "an HTTP/1.1 request must have one Host header (RFC 9112, section 3.2)";
            return ApiError::bad_request(text).into_response();
        }
        if request.method() == Method::OPTIONS {
            return StatusCode::NO_CONTENT.into_response();
        }
        self.routed(request).await
    }

    async fn routed(&self, request: Request) -> Response {
        let answer = self.router.clone().oneshot(request);
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("a handler panicked");
                ApiError::internal().into_response()
            }
        }
    }

    fn request_id(&self) -> String {
        let mut bytes = [0u8; 8];
        self.api.services.random.fill(&mut bytes);
        format!("{:016x}", u64::from_be_bytes(bytes))
    }
}

impl Service<Request<Body>> for ApiService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

/// Whether a request breaks the rule of HTTP/1.1 that it names the host which it is for, once.
fn names_no_host(request: &Request) -> bool {
    request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1
}

/// Hands the route's template to whoever looks at the answer.
pub(crate) async fn remember_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

fn decorate(headers: &mut HeaderMap, id: &str, secure: bool) {
    for (name, value) in COMMON.into_iter().chain(secure.then_some(UNDER_TLS)) {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.extend(HeaderValue::from_str(id).ok().map(|id| (HeaderName::from_static("x-request-id"), id)));
}
