//! What goes wrong while messages of everybody are under way: the server dies, the disk is full.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::{join_all, try_join_all};
use hyper::{Method, StatusCode};
use tokio::sync::Semaphore;

use super::{
    form::Form,
    life::{Customer, plain},
    stage::Stage,
};

/// The subject of what is under way when a server dies.
pub(super) const UNDER_WAY_AT_A_CRASH: &str = "under way";
/// Messages that each has under way when the server dies.
const UNDER_WAY: u32 = 10;
/// On a full disk no file grows beyond so many blocks of 512 bytes, and a message is larger than that.
const BLOCKS: u32 = 8 << 10;
const LARGE: usize = 6 << 20;

/// A call of a customer, which can be made again.
struct Call<'a> {
    customer: &'a Customer<'a>,
    form: Form,
}

impl<'a> Call<'a> {
    /// A message to one recipient.
    fn to(customer: &'a Customer<'a>, recipient: &str, text: &str, file: &[u8]) -> Self {
        let canaries = customer.canaries;
        let from = format!("app@{}", canaries.domain());
        let form = plain(&from, &canaries.address(recipient), UNDER_WAY_AT_A_CRASH, text);
        Self { customer, form: form.file("attachment", "a.bin", file) }
    }

    /// Makes it, with the same idempotency key each time.
    async fn make(&self, stage: &Stage) -> Result<StatusCode> {
        let path = format!("/v3/{}/messages", self.customer.canaries.domain());
        let (status, _) =
            self.customer.call(stage, Method::POST, &path, &self.customer.key, self.form.clone()).await?;
        Ok(status)
    }

    /// Makes it again: whether it was taken before or not, it is now, and once.
    async fn again(&self, stage: &Stage) -> Result<()> {
        let status = self.make(stage).await?;
        ensure!(status == StatusCode::OK, "a call that is made again is answered with {status}");
        Ok(())
    }
}

/// The server dies in the middle: of everybody's calls some are answered and some are not, and deliveries have begun.
/// Afterwards every call is made again.
pub(super) async fn crash(stage: &mut Stage, everybody: &[&Customer<'_>]) -> Result<()> {
    let mut calls = Vec::new();
    for number in 0..UNDER_WAY {
        for customer in everybody {
            let text = customer.canaries.of("text in flight at a crash");
            calls.push(Call::to(
                customer,
                "recipient in flight at a crash",
                text,
                format!("number {number}").as_bytes(),
            ));
        }
    }
    let half = UNDER_WAY * u32::try_from(everybody.len())? / 2;
    let answered = Semaphore::new(0);
    let traffic = join_all(calls.iter().map(async |call| {
        let status = call.make(stage).await;
        answered.add_permits(1);
        status
    }));
    tokio::select! {
        enough = answered.acquire_many(half) => drop(enough?),
        all = traffic => drop(all),
    }
    stage.kill().await?;
    stage.start(None).await?;
    try_join_all(calls.iter().map(|call| call.again(stage))).await?;
    Ok(())
}

/// The disk is full: what is too large for it is refused, of each; what comes beside it is taken or refused. Then the server
/// dies, and with room again everything small is called for again.
pub(super) async fn full(stage: &mut Stage, everybody: &[&Customer<'_>]) -> Result<()> {
    stage.start(Some(BLOCKS)).await?;
    let recipient = "recipient on a full disk";
    let mut small = Vec::new();
    for customer in everybody {
        let mut file = customer.canaries.of("file on a full disk").as_bytes().to_vec();
        file.resize(LARGE, b'0');
        small.push(Call::to(customer, recipient, "small", b"small"));
        let large = Call::to(customer, recipient, "large", &file);
        let (large, beside) =
            tokio::try_join!(large.make(stage), small.last().context("a call")?.make(stage))?;
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        ensure!(large == unavailable, "on a full disk a message is answered with {large}");
        ensure!(
            beside == unavailable || beside == StatusCode::OK,
            "beside it a small one is answered with {beside}"
        );
    }
    stage.kill().await?;
    stage.start(None).await?;
    try_join_all(small.iter().map(|call| call.again(stage))).await?;
    Ok(())
}
