//! What must hold for the scanner: the input is what is searched, alone and around a word.

use waxseal_scan::{Form, Scanner, views};

const WORD: &str = "canary@example.org";

/// A layer of escapes never grows; what is put in is found, in one piece and in many.
pub(crate) fn check(data: &[u8]) {
    for view in [views::percent, views::quoted_printable, views::json, views::html, views::joined] {
        assert!(view(data).is_none_or(|shown| shown.len() <= data.len()));
    }
    let scanner = Scanner::new([WORD]).expect("a word");
    let alone = scanner.count(data);
    let around = [data, WORD.as_bytes(), data].concat();
    assert!(scanner.count(&around).of(Form::Plain) > 0);
    assert!(scanner.read(&*around).expect("memory").of(Form::Plain) > alone.of(Form::Plain));
}
