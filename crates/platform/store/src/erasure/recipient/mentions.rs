//! What is told of others and names the recipient: a server's reply that says where mail is forwarded to, the reason
//! of another's suppression, the answer kept for a repeated call.

use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Value,
    sea_query::{Expr, ExprTrait},
};

use super::{
    Wanted,
    apply::Counts,
    plan::readable,
    scrub::{Sender, scrub},
};
use crate::{
    entity::{event, idempotency_key, suppression},
    error::StoreError,
    open::Store,
    rows::RowId,
    suppression::{ADDRESS, DETAILS, SuppressionDetails, place},
    writer::Effects,
};

/// Rows looked at together.
const PAGE: u64 = 500;

impl Store {
    /// Takes the recipient out of all that is told of others; how many rows went or were changed.
    pub(super) async fn erase_mentions(&self, erasure: i64, wanted: &Wanted) -> Result<u64, StoreError> {
        let events = self.erase_from_events(erasure, wanted).await?;
        let suppressions = self.erase_from_suppressions(erasure, wanted).await?;
        let account = wanted.account;
        let answers = self.answers(account, |answer| wanted.whom.is_part_of(answer)).await?;
        let answers = self.inner.writer.write(Effects::default(), move |tx| {
            Box::pin(async move {
                let mut counts = Counts::default();
                for key in answers {
                    let deleted =
                        idempotency_key::Entity::delete_by_id((account.to_row(), key)).exec(tx).await?;
                    counts.add("idempotency_keys", deleted.rows_affected);
                }
                counts.write(tx, erasure).await
            })
        });
        Ok(events + suppressions + answers.await?)
    }

    async fn erase_from_events(&self, erasure: i64, wanted: &Wanted) -> Result<u64, StoreError> {
        let account = wanted.account;
        let columns = [event::Column::Domain, event::Column::At, event::Column::Seq];
        let (mut total, mut after) = (0, None);
        loop {
            let mut select =
                event::Entity::find().filter(event::Column::Account.eq(account.to_row())).limit(PAGE);
            if let Some(place) = after.take() {
                let place: [Value; 3] = place;
                // Compared as a whole, which an index can answer.
                let columns = Expr::tuple(columns.map(Expr::col));
                select = select.filter(columns.gt(Expr::tuple(place.map(Expr::value))));
            }
            for column in columns {
                select = select.order_by_asc(column);
            }
            let page = select.all(&self.inner.readers).await?;
            let Some(last) = page.last() else { return Ok(total) };
            after = Some([last.domain.clone().into(), last.at.into(), last.seq.into()]);
            let mut changed = Vec::new();
            for row in &page {
                if let Some(mut details) = self.details_of(account, row).await?
                    && scrub(&mut details, &wanted.whom, Sender::Stays)
                {
                    changed.push((row.seq, self.seal_details(account, row, &details).await?));
                }
            }
            if changed.is_empty() {
                continue;
            }
            let weight = changed.iter().map(|(_, sealed)| sealed.len()).sum();
            total += self
                .inner
                .writer
                .write(Effects { weight, ..Effects::default() }, move |tx| {
                    Box::pin(async move {
                        let mut counts = Counts::default();
                        counts.rewrite_events(tx, changed).await?;
                        counts.write(tx, erasure).await
                    })
                })
                .await?;
        }
    }

    async fn erase_from_suppressions(&self, erasure: i64, wanted: &Wanted) -> Result<u64, StoreError> {
        use suppression::Column;
        let account = wanted.account;
        let columns = [Column::Domain, Column::Kind, Column::AddressHash];
        let (mut total, mut after) = (0, None);
        loop {
            let mut select =
                suppression::Entity::find().filter(Column::Account.eq(account.to_row())).limit(PAGE);
            if let Some(place) = after.take() {
                let place: [Value; 3] = place;
                let columns = Expr::tuple(columns.map(Expr::col));
                select = select.filter(columns.gt(Expr::tuple(place.map(Expr::value))));
            }
            for column in columns {
                select = select.order_by_asc(column);
            }
            let page = select.all(&self.inner.readers).await?;
            let Some(last) = page.last() else { return Ok(total) };
            after = Some([
                last.domain.clone().into(),
                last.kind.clone().into(),
                last.address_hash.clone().into(),
            ]);
            let mut changed = Vec::new();
            for row in page.into_iter().filter(|row| !row.details.is_empty()) {
                changed.extend(self.without_mention(wanted, row).await?);
            }
            if changed.is_empty() {
                continue;
            }
            total += self
                .inner
                .writer
                .write(Effects::default(), move |tx| {
                    Box::pin(async move {
                        let mut counts = Counts::default();
                        for row in changed {
                            let (address, details) = (row.address.clone(), row.details.clone());
                            let mut changed = row.into_active_model();
                            changed.address = sea_orm::Set(address);
                            changed.details = sea_orm::Set(details);
                            suppression::Entity::update(changed).exec_without_returning(tx).await?;
                            counts.add("suppressions rewritten", 1);
                        }
                        counts.write(tx, erasure).await
                    })
                })
                .await?;
        }
    }

    /// Another's suppression without the recipient, if it named them.
    async fn without_mention(
        &self,
        wanted: &Wanted,
        row: suppression::Model,
    ) -> Result<Option<suppression::Model>, StoreError> {
        let (account, place) = (wanted.account, place(&row));
        let address = readable(self.inner.open_text(ADDRESS, account, &place, &row.address).await)?;
        if address.is_some_and(|address| wanted.whom.is(&address)) {
            // An older version found it by another hash.
            return Ok(Some(suppression::Model { address: Vec::new(), details: Vec::new(), ..row }));
        }
        let opened = self.inner.open_json::<SuppressionDetails>(DETAILS, account, &place, &row.details).await;
        let Some(SuppressionDetails { mut code, mut error, mut tags }) = readable(opened)? else {
            return Ok(None);
        };
        let names = |text: &String| wanted.whom.is_named_in(text);
        if !names(&code) && !names(&error) && !tags.iter().any(names) {
            return Ok(None);
        }
        for text in [&mut code, &mut error] {
            if names(text) {
                text.clear();
            }
        }
        tags.retain(|tag| !names(tag));
        let key = self.inner.keyring.account_key(account).await?;
        let details = SuppressionDetails { code, error, tags };
        let details = self.inner.seal_json(&key, DETAILS, account, &place, &details)?;
        Ok(Some(suppression::Model { details, ..row }))
    }
}
