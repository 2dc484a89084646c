//! Form fields, however they come: multipart, urlencoded, JSON, or in the query; `to`, `to[]` and
//! `to[0]` are one name.

mod read;
mod values;

use waxseal_form::Field;
use waxseal_sending::request::File;

pub(crate) use read::{Rows, file, media_type, parameters, read, rows};
pub(crate) use values::Asked;

use crate::body::Held;

/// All fields of a request, in order. Handlers take out what they know.
pub(crate) struct Form {
    fields: Vec<Field>,
    charset: Option<String>,
    /// Keeps the memory of the fields accounted for.
    _held: Held,
}

impl Form {
    fn new(fields: Vec<Field>, charset: Option<String>, held: Held) -> Self {
        Self { fields, charset, _held: held }
    }

    /// All values of a name.
    pub(crate) fn take_all(&mut self, name: &str) -> Vec<String> {
        let charset = self.charset.clone();
        self.take(|field| field == name)
            .into_iter()
            .map(|field| field.into_text(charset.as_deref()))
            .collect()
    }

    /// The first value of a name.
    pub(crate) fn take_first(&mut self, name: &str) -> Option<String> {
        let mut all = self.take(|field| field == name);
        if all.is_empty() {
            return None;
        }
        Some(all.swap_remove(0).into_text(self.charset.as_deref()))
    }

    /// The value of a name without white space around it; an empty one is none.
    pub(crate) fn take_word(&mut self, name: &str) -> Option<String> {
        self.take_first(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The first value of a name as bytes, whether it is a file or not.
    pub(crate) fn take_bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let mut all = self.take(|field| field == name);
        if all.is_empty() { None } else { Some(all.swap_remove(0).bytes) }
    }

    /// The files of a name. A field for a file that nobody chose is none: browsers send it without name and content.
    pub(crate) fn take_files(&mut self, name: &str) -> Vec<File> {
        let chosen = |field: &Field| {
            !field.bytes.is_empty() || field.file_name.as_ref().is_some_and(|name| !name.is_empty())
        };
        self.take(|field| field == name).into_iter().filter(chosen).map(file_of).collect()
    }

    /// The fields whose name starts with `prefix`, without it.
    pub(crate) fn take_prefixed(&mut self, prefix: &str) -> Vec<(String, String)> {
        let charset = self.charset.clone();
        let taken = self.take(|field| field.len() > prefix.len() && field.starts_with(prefix));
        taken
            .into_iter()
            .map(|field| {
                let name = field.name.get(prefix.len()..).unwrap_or_default().to_owned();
                (name, field.into_text(charset.as_deref()))
            })
            .collect()
    }

    /// What nobody took.
    pub(crate) fn into_fields(self) -> Vec<Field> {
        self.fields
    }

    /// Takes out the fields with matching names, in order.
    fn take(&mut self, matches: impl Fn(&str) -> bool) -> Vec<Field> {
        self.fields.extract_if(.., |field| matches(&field.name)).collect()
    }
}

/// A file of a form.
fn file_of(field: Field) -> File {
    let name = field.file_name.filter(|name| !name.is_empty()).unwrap_or_else(|| "attachment".into());
    File { name, content_type: field.content_type, bytes: field.bytes }
}

#[cfg(test)]
mod tests {
    use waxseal_form::Decoder;

    use super::*;

    fn form(content_type: Option<&str>, body: &str) -> Form {
        let mut decoder = Decoder::new(content_type, 10).expect("decoder");
        decoder.push(body.as_bytes()).expect("push");
        Form::new(decoder.finish().expect("form"), None, Held::default())
    }

    #[test]
    fn a_field_for_a_file_that_nobody_chose_is_no_file() {
        let part = |file: &str, content: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"attachment\"{file}\r\n\r\n{content}\r\n")
        };
        let body = part("; filename=\"\"", "") + &part("", "") + &part("; filename=\"empty\"", "");
        let body = body + &part("; filename=\"\"", "x") + "--b--";
        let files = form(Some("multipart/form-data; boundary=b"), &body).take_files("attachment");
        let found: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.bytes.len())).collect();
        assert_eq!(found, [("empty", 0), ("attachment", 1)]);
    }

    #[test]
    fn fields_are_taken_once() {
        let mut form = form(None, "to=a&v:x=1&to[]=b&o:tag=t&v:y=2");
        assert_eq!(form.take_all("to"), ["a", "b"]);
        assert!(form.take_all("to").is_empty());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(form.take_prefixed("v:"), [pair("x", "1"), pair("y", "2")]);
        assert_eq!(form.take_first("o:tag").as_deref(), Some("t"));
    }
}
