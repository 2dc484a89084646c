//! `cargo xtask mutants`: takes each mechanism out, one at a time, and wants the test that is said to notice to fail.
//!
//! The list is `tools/xtask/mutants.toml`. A copy of the workspace under `target/mutants` is what is broken, never the
//! workspace itself.

mod copy;
mod list;
mod programs;
mod run;

use anyhow::{Result, bail};

use self::list::Mutant;
use crate::report::Findings;

pub(crate) use self::list::check;

/// What the caller asked for.
#[derive(Default)]
struct Wish {
    list: bool,
    only: Vec<String>,
    row: Option<String>,
}

/// Breaks what was asked for; an error if anything survives or does not apply.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = parse(arguments)?;
    let mut findings = Findings::of("mutants");
    let all = list::read()?;
    list::apply_all(&all, &mut findings);
    findings.looked_at(format!("{} mutants", all.len()));
    findings.into_result()?;
    if let Some(unknown) = wish.only.iter().find(|name| all.iter().all(|mutant| mutant.name != **name)) {
        bail!("no mutant `{unknown}`; `cargo xtask mutants --list` names them");
    }
    let chosen: Vec<&Mutant> = all.iter().filter(|mutant| wish.wants(mutant)).collect();
    if chosen.is_empty() {
        bail!("no mutant is of that row");
    }
    if wish.list {
        for mutant in chosen {
            println!("{:<28} {:<10} {}", mutant.name, mutant.rows.join(" "), mutant.breaks);
        }
        return Ok(());
    }
    run::all(&chosen)
}

impl Wish {
    fn wants(&self, mutant: &Mutant) -> bool {
        (self.only.is_empty() || self.only.contains(&mutant.name))
            && self.row.as_ref().is_none_or(|row| mutant.rows.contains(row))
    }
}

fn parse(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--list" => wish.list = true,
            "--only" => match rest.next() {
                Some(name) => wish.only.push(name.clone()),
                None => bail!("--only wants a name; `cargo xtask mutants --list` names them"),
            },
            "--row" => match rest.next() {
                Some(row) => wish.row = Some(row.clone()),
                None => bail!("--row wants a row, such as P3"),
            },
            other => bail!("mutants does not know `{other}`; see `cargo xtask help`"),
        }
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Wish> {
        parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn mutants_are_chosen_by_name_and_row() {
        let all = list::read().expect("the list");
        let named = parsed(&["--only", &all[0].name]).expect("wish");
        assert_eq!(all.iter().filter(|mutant| named.wants(mutant)).count(), 1);
        let row = parsed(&["--row", "P3"]).expect("wish");
        let of_row = all.iter().filter(|mutant| row.wants(mutant)).count();
        assert!(of_row > 0 && of_row < all.len(), "{of_row}");
        for wrong in [&["--only"][..], &["--row"], &["--fast"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
