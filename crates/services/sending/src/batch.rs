//! Recipient variables: what is put in for one recipient of a batch.

use std::borrow::Cow;

use waxseal_mail::{
    Mailbox,
    substitute::{self, MimeTemplate, RecipientVariables, SubstituteError, Values, Variables},
};

use crate::error::SendError;

/// The variables of one recipient, or none outside a batch.
pub(crate) struct Substitution<'a> {
    recipient: Option<(&'a Mailbox, &'a Variables)>,
    /// No text may grow beyond this many bytes.
    limit: usize,
}

impl<'a> Substitution<'a> {
    /// What `to` gets, if there is a batch.
    pub(crate) fn of(batch: Option<&'a RecipientVariables>, to: Option<&'a Mailbox>, limit: usize) -> Self {
        let recipient = batch.zip(to).map(|(batch, to)| (to, batch.get(&to.address)));
        Self { recipient, limit }
    }

    /// The text with this recipient's variables put in.
    pub(crate) fn apply<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, SendError> {
        match &self.recipient {
            None => Ok(Cow::Borrowed(text)),
            Some((mailbox, variables)) => {
                substitute::text(text, &Values::new(mailbox, variables), self.limit).map_err(refused)
            }
        }
    }

    /// The values of headers or variables with this recipient's variables put in; names stay.
    pub(crate) fn apply_all(&self, pairs: &[(String, String)]) -> Result<Vec<(String, String)>, SendError> {
        pairs.iter().map(|(name, value)| Ok((name.clone(), self.apply(value)?.into_owned()))).collect()
    }

    /// A customer's MIME with this recipient's variables put in; `None` if it stays as it is.
    pub(crate) fn render(&self, template: &MimeTemplate) -> Result<Option<Vec<u8>>, SendError> {
        match &self.recipient {
            Some((mailbox, variables)) if !template.is_plain() => {
                let mime = template.render(&Values::new(mailbox, variables), self.limit).map_err(refused)?;
                Ok(Some(mime))
            }
            Some(_) | None => Ok(None),
        }
    }
}

fn refused(error: SubstituteError) -> SendError {
    match error {
        SubstituteError::TooLarge { limit } => {
            SendError::TooLarge { size: limit as u64 + 1, limit: limit as u64 }
        }
        SubstituteError::Header(error) => SendError::Invalid(error.to_string()),
    }
}
