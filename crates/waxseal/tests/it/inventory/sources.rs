//! What the sources log and measure: every call of the macros of `tracing` and `metrics`, read token by token.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use proc_macro2::{TokenStream, TokenTree};

/// Names that stand in the sources of all crates.
#[derive(Default)]
pub(super) struct Sources {
    /// Fields of log events.
    pub(super) log_fields: BTreeSet<String>,
    /// Labels of metrics.
    pub(super) metric_labels: BTreeSet<String>,
}

const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "event"];
const METRICS: [&str; 3] = ["counter", "gauge", "histogram"];
/// What would put fields into the log by another way.
const OTHER_WAYS: [&str; 6] = ["span", "trace_span", "debug_span", "info_span", "warn_span", "error_span"];

const ONLY_EVENTS: &str = "log events only: their fields are in the inventory";

/// Reads the sources of every crate.
pub(super) fn read() -> Result<Sources> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    find(&crates, &mut files)?;
    ensure!(files.len() > 200, "{} files are not all sources", files.len());
    let mut sources = Sources::default();
    for file in files {
        let shown = file.display().to_string();
        let tokens: TokenStream =
            std::fs::read_to_string(&file)?.parse().ok().with_context(|| shown.clone())?;
        sources.walk(tokens).context(shown)?;
    }
    Ok(sources)
}

/// The `.rs` files of all `src` folders, without tests.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if ["tests", "tests.rs", "examples"].iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if path.is_dir() {
            find(&path, files)?;
        } else if is_source && path.components().any(|part| part.as_os_str() == "src") {
            files.push(path);
        }
    }
    Ok(())
}

impl Sources {
    fn walk(&mut self, tokens: TokenStream) -> Result<()> {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            if let [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Group(arguments), ..] =
                &tokens[at..]
                && mark.as_char() == '!'
            {
                self.call(&name.to_string(), arguments.stream())?;
            }
            match token {
                TokenTree::Group(group) => self.walk(group.stream())?,
                TokenTree::Ident(name) if name == "instrument" => bail!("`instrument`: {ONLY_EVENTS}"),
                _ => {}
            }
        }
        Ok(())
    }

    fn call(&mut self, name: &str, arguments: TokenStream) -> Result<()> {
        let arguments = split(arguments);
        ensure!(!OTHER_WAYS.contains(&name), "`{name}!`: {ONLY_EVENTS}");
        if LEVELS.contains(&name) {
            for argument in &arguments {
                self.log_argument(argument)?;
            }
        } else if METRICS.contains(&name) {
            ensure!(literal(arguments.first()).is_some(), "a metric whose name does not stand in the call");
            for label in &arguments[1..] {
                let label = literal(Some(label)).context("labels of metrics stand in the call")?;
                self.metric_labels.insert(label);
            }
        }
        Ok(())
    }

    fn log_argument(&mut self, argument: &[TokenTree]) -> Result<()> {
        if let Some(sentence) = literal(Some(argument)) {
            ensure!(!sentence.contains('{'), "a sentence of the log with something in it: {sentence}");
            return Ok(());
        }
        let mut name = String::new();
        for token in argument {
            match token {
                TokenTree::Punct(sign) if name.is_empty() && matches!(sign.as_char(), '%' | '?') => {}
                TokenTree::Ident(part) => name.push_str(&part.to_string()),
                TokenTree::Punct(dot) if dot.as_char() == '.' => name.push('.'),
                TokenTree::Punct(equals) if equals.as_char() == '=' => break,
                other => bail!("a field of the log that is not `name = value`: {other}"),
            }
        }
        self.log_fields.insert(name);
        Ok(())
    }
}

/// Arguments of a call, without the last comma.
fn split(arguments: TokenStream) -> Vec<Vec<TokenTree>> {
    let tokens: Vec<TokenTree> = arguments.into_iter().collect();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',');
    tokens.split(is_comma).filter(|argument| !argument.is_empty()).map(<[_]>::to_vec).collect()
}

/// The text that an argument begins with.
fn literal(argument: Option<impl AsRef<[TokenTree]>>) -> Option<String> {
    match argument?.as_ref().first()? {
        TokenTree::Literal(text) => {
            let text = text.to_string();
            Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
        }
        _ => None,
    }
}
