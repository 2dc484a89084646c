//! Two hundred leaks, planted at random: each is found. Where nothing was planted, nothing is.

use std::io::Write as _;

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use waxseal_model::{Random as _, SeededRandom};
use waxseal_scan::{Form, Scanner, leaks};

#[path = "../../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../../fuzz/oracles/scan.rs"]
mod scan;

const WORD: &str = "cnbkdwzqvtrb.mhf@rcpt.example";
const LEAKS: usize = 200;

struct Dice(SeededRandom);

impl Dice {
    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % limit as u64) as usize
    }

    fn noise(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill(&mut bytes);
        bytes
    }
}

/// The word in every form, with the form under which it is to be found.
fn forms(dice: &Dice) -> Vec<(Form, Vec<u8>)> {
    let mut forms = leaks::of(WORD, &dice.noise(dice.below(7)), &dice.noise(dice.below(7)));
    // Also where only the sign that makes it an address is escaped.
    for (form, escape) in [(Form::Json, "\\u0040"), (Form::Html, "&#x40;"), (Form::Percent, "%40")] {
        forms.push((form, WORD.replace('@', escape).into_bytes()));
    }
    forms
}

#[test]
fn two_hundred_planted_leaks_are_all_found() {
    let scanner = Scanner::new([WORD]).expect("a word");
    let dice = Dice(SeededRandom::new(200));
    let mut found = 0;
    for leak in 0..LEAKS {
        let mut forms = forms(&dice);
        let (form, leaked) = forms.swap_remove(dice.below(forms.len()));
        // Anywhere in a file: at an end, in the middle, over the border of what is looked at together.
        let before = match dice.below(10) {
            0 => 0,
            1 => (1 << 20) - dice.below(leaked.len() + 1),
            _ => dice.below(100_000),
        };
        let file = [dice.noise(before), leaked, dice.noise(dice.below(2) * 50_000)].concat();
        let counts = scanner.read(&*file).expect("memory");
        assert!(counts.of(form) > 0, "leak {leak}: {} at {before}: {counts:?}", form.as_str());
        found += usize::from(counts.total() > 0);
    }
    assert_eq!(found, LEAKS);
}

#[test]
fn every_form_is_found_at_a_border() {
    let scanner = Scanner::new([WORD]).expect("a word");
    let dice = Dice(SeededRandom::new(1));
    for (form, leaked) in forms(&dice) {
        let file = [dice.noise((1 << 20) - leaked.len() / 2), leaked, dice.noise(1000)].concat();
        assert!(scanner.read(&*file).expect("memory").of(form) > 0, "{}", form.as_str());
    }
}

#[test]
fn nothing_is_found_in_noise_and_each_word_once() {
    let scanner = Scanner::new([WORD]).expect("a word");
    let dice = Dice(SeededRandom::new(2));
    let noise = dice.noise(5 << 20);
    assert_eq!(scanner.read(&*noise).expect("memory").total(), 0);
    let words = [&noise[..(1 << 20) - 10], WORD.as_bytes(), &noise[..3 << 20], WORD.as_bytes()].concat();
    let counts = scanner.read(&*words).expect("memory");
    assert_eq!((counts.of(Form::Plain), counts.total()), (2, 2));
}

#[test]
fn a_packed_file_is_read_to_its_end() {
    let scanner = Scanner::new([WORD]).expect("a word");
    let dice = Dice(SeededRandom::new(3));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&dice.noise(3 << 20)).expect("memory");
    packed.write_all(WORD.as_bytes()).expect("memory");
    let file = packed.finish().expect("memory");
    assert_eq!(scanner.read(&*file).expect("memory").of(Form::Packed), 1);
}

#[test]
fn a_bomb_ends_at_its_limit() {
    let scanner = Scanner::new([WORD]).expect("a word");
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        packed.write_all(&vec![0; 1 << 20]).expect("memory");
    }
    packed.write_all(WORD.as_bytes()).expect("memory");
    let file = packed.finish().expect("memory");
    assert_eq!(scanner.count(&file).total(), 0, "beyond 16 MiB nothing is unpacked");
}

#[test]
fn a_term_of_no_use_is_refused() {
    assert!(Scanner::new(["bob"]).is_err());
    assert!(Scanner::new(["b".repeat(1001).as_str()]).is_err());
}

#[test]
fn the_corpus_of_the_scanner_holds() {
    replay::replay("scan", scan::check);
}
