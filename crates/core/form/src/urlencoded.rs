//! `application/x-www-form-urlencoded`, decoded as it arrives, and query strings.

use crate::{
    charset,
    field::{Field, FormError, MAX_NAME},
};

/// Takes a body in pieces and gives its fields.
pub(crate) struct Urlencoded {
    name: Vec<u8>,
    value: Vec<u8>,
    /// Behind the `=` of a pair.
    in_value: bool,
    /// The digits of a percent escape so far.
    escape: Option<Option<u8>>,
    fields: Vec<Field>,
    max_fields: usize,
}

impl Urlencoded {
    pub(crate) const fn new(max_fields: usize) -> Self {
        Self {
            name: Vec::new(),
            value: Vec::new(),
            in_value: false,
            escape: None,
            fields: Vec::new(),
            max_fields,
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), FormError> {
        piece.iter().try_for_each(|byte| self.byte(*byte))
    }

    pub(crate) fn finish(mut self) -> Result<Vec<Field>, FormError> {
        if self.escape.is_some() {
            return Err(FormError::Escape);
        }
        self.end_pair()?;
        Ok(self.fields)
    }

    fn byte(&mut self, byte: u8) -> Result<(), FormError> {
        match self.escape {
            Some(None) => {
                self.escape = Some(Some(hex(byte)?));
                return Ok(());
            }
            Some(Some(high)) => {
                self.escape = None;
                return self.plain(high << 4 | hex(byte)?);
            }
            None => {}
        }
        match byte {
            b'%' => {
                self.escape = Some(None);
                Ok(())
            }
            b'+' => self.plain(b' '),
            b'&' => self.end_pair(),
            b'=' if !self.in_value => {
                self.in_value = true;
                Ok(())
            }
            byte => self.plain(byte),
        }
    }

    fn plain(&mut self, byte: u8) -> Result<(), FormError> {
        if self.in_value {
            self.value.push(byte);
            return Ok(());
        }
        self.name.push(byte);
        if self.name.len() > MAX_NAME { Err(FormError::LongName) } else { Ok(()) }
    }

    fn end_pair(&mut self) -> Result<(), FormError> {
        let (name, value) = (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
        self.in_value = false;
        if name.is_empty() && value.is_empty() {
            return Ok(());
        }
        if self.fields.len() >= self.max_fields {
            return Err(FormError::TooMany);
        }
        let name = charset::decode(name, None);
        self.fields.push(Field::named(&name, value));
        Ok(())
    }
}

fn hex(byte: u8) -> Result<u8, FormError> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(FormError::Escape)
}
