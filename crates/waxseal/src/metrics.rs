//! Prometheus metrics: numbers only, at `/metrics` of an address of their own.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use axum::{Router, http::header, routing};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often measured times are folded together.
const UPKEEP: Duration = Duration::from_secs(5);

/// Bounds for times in seconds: from a fast answer to a slow delivery.
const SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0, 3600.0];

/// Collected metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Starts collecting, once per process.
    pub(crate) fn start() -> Result<Self> {
        let recorder = PrometheusBuilder::new().set_buckets(&SECONDS).context("metrics")?.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok().context("metrics are collected already")?;
        Ok(Self { handle })
    }

    /// Binds the listener; hands back its address and what serves it until told to stop.
    pub(crate) async fn bind(
        self,
        address: SocketAddr,
        stop: CancellationToken,
    ) -> Result<(SocketAddr, impl Future<Output = ()> + Send)> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("`metrics.listen`: {address}"))?;
        let bound = listener.local_addr()?;
        let upkeep = self.handle.clone();
        let router = Router::new().route(
            "/metrics",
            routing::get(move || {
                let text = self.handle.render();
                async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text) }
            }),
        );
        let serving = async move {
            let mut ticks = tokio::time::interval(UPKEEP);
            let server = axum::serve(listener, router);
            tokio::select! {
                () = stop.cancelled() => {}
                _ = server => {}
                () = async { loop { ticks.tick().await; upkeep.run_upkeep(); } } => {}
            }
        };
        Ok((bound, serving))
    }
}
