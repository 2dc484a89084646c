//! `multipart/form-data` (RFC 7578), decoded as it arrives: memory holds the parts and nothing else.

use memchr::memmem::{self, Finder};

use crate::{
    charset, disposition,
    field::{Field, FormError, MAX_NAME},
};

/// Longest headers of a part in bytes.
const MAX_HEADERS: usize = 16 * 1024;
/// Longest boundary in bytes (RFC 2046 allows 70).
const MAX_BOUNDARY: usize = 200;

/// Takes a body in pieces and gives its fields.
pub(crate) struct Multipart {
    /// `CRLF--boundary`.
    delimiter: Finder<'static>,
    /// What was received and not consumed.
    buffer: Vec<u8>,
    state: State,
    /// Bytes of the headers at hand in which their end is not.
    searched: usize,
    fields: Vec<Field>,
    max_fields: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// Right behind a delimiter.
    Delimited,
    /// In the headers of a part.
    Headers,
    /// In the content of the last field.
    Content,
    /// Behind the last delimiter.
    Epilogue,
}

impl Multipart {
    /// A decoder for this `Content-Type`.
    pub(crate) fn new(content_type: &str, max_fields: usize) -> Result<Self, FormError> {
        let boundary = disposition::parameter(content_type, "boundary").unwrap_or_default();
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
            return Err(FormError::Multipart);
        }
        let delimiter = format!("\r\n--{boundary}");
        Ok(Self {
            delimiter: Finder::new(delimiter.as_bytes()).into_owned(),
            // As if a line had ended before: the first delimiter may stand at the very start.
            buffer: b"\r\n".to_vec(),
            state: State::Preamble,
            searched: 0,
            fields: Vec::new(),
            max_fields,
        })
    }

    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), FormError> {
        if self.state == State::Epilogue {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(piece);
        let mut used = 0;
        while let Some(more) = self.step(buffer.get(used..).unwrap_or_default())? {
            used += more;
        }
        buffer.drain(..used.min(buffer.len()));
        self.buffer = buffer;
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Vec<Field>, FormError> {
        if self.state == State::Epilogue { Ok(self.fields) } else { Err(FormError::Multipart) }
    }

    /// Consumes some of `rest`; `None` if more is needed first.
    fn step(&mut self, rest: &[u8]) -> Result<Option<usize>, FormError> {
        match self.state {
            State::Preamble | State::Content => Ok(self.until_delimiter(rest)),
            State::Delimited => self.behind_delimiter(rest),
            State::Headers => self.headers(rest),
            State::Epilogue => Ok(None),
        }
    }

    fn until_delimiter(&mut self, rest: &[u8]) -> Option<usize> {
        let needle = self.delimiter.needle().len();
        let found = self.delimiter.find(rest);
        // Without a delimiter, one may still have begun in the last bytes.
        let content = found.unwrap_or_else(|| rest.len().saturating_sub(needle - 1));
        if self.state == State::Content
            && let (Some(field), Some(content)) = (self.fields.last_mut(), rest.get(..content))
        {
            field.bytes.extend_from_slice(content);
        }
        if found.is_some() {
            self.state = State::Delimited;
            return Some(content + needle);
        }
        (content > 0).then_some(content)
    }

    fn behind_delimiter(&mut self, rest: &[u8]) -> Result<Option<usize>, FormError> {
        match rest {
            [] | [b'-' | b'\r'] => Ok(None),
            // Padding that transports may add (RFC 2046, 5.1.1).
            [b' ' | b'\t', ..] => Ok(Some(1)),
            [b'-', b'-', ..] => {
                self.state = State::Epilogue;
                Ok(Some(2))
            }
            // The line's end stays: in a part without headers it is the first half of the empty line.
            [b'\r', b'\n', ..] => {
                self.state = State::Headers;
                Ok(Some(0))
            }
            _ => Err(FormError::Multipart),
        }
    }

    fn headers(&mut self, rest: &[u8]) -> Result<Option<usize>, FormError> {
        let window = rest.get(..MAX_HEADERS.min(rest.len())).unwrap_or_default();
        // Each byte is looked at once, however small the pieces: the end may straddle two of them.
        let from = self.searched.saturating_sub(3);
        let found = memmem::find(window.get(from..).unwrap_or_default(), b"\r\n\r\n");
        let Some(end) = found.map(|at| from + at) else {
            self.searched = window.len();
            return if window.len() < MAX_HEADERS { Ok(None) } else { Err(FormError::Multipart) };
        };
        self.searched = 0;
        if self.fields.len() >= self.max_fields {
            return Err(FormError::TooMany);
        }
        self.fields.push(field(window.get(2..end).unwrap_or_default())?);
        self.state = State::Content;
        Ok(Some(end + 4))
    }
}

/// A field without content yet, from the headers of its part.
fn field(headers: &[u8]) -> Result<Field, FormError> {
    let headers = String::from_utf8(headers.to_vec())
        .unwrap_or_else(|error| charset::decode(error.into_bytes(), None))
        .replace("\r\n ", " ")
        .replace("\r\n\t", " ");
    let value = |wanted: &str| {
        let mut lines = headers.split("\r\n").filter_map(|line| line.split_once(':'));
        lines
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim().to_owned())
    };
    let disposition = disposition::read(&value("content-disposition").unwrap_or_default());
    let name = disposition.name.ok_or(FormError::Multipart)?;
    if name.len() > MAX_NAME {
        return Err(FormError::LongName);
    }
    let content_type = value("content-type").filter(|value| !value.is_empty());
    Ok(Field { file_name: disposition.file_name, content_type, ..Field::named(&name, Vec::new()) })
}
