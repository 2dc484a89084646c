//! The columns of a file, and what a row of it gives. Columns come in any order and case; unknown ones are passed over.

use waxseal_form::csv::Record;
use waxseal_model::suppression::SuppressionKind;

use crate::entry::{Given, Refused};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Address,
    Domain,
    CreatedAt,
    Code,
    Error,
    Reason,
    Tags,
}

impl Column {
    const ALL: [Self; 7] =
        [Self::Address, Self::Domain, Self::CreatedAt, Self::Code, Self::Error, Self::Reason, Self::Tags];

    const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Domain => "domain",
            Self::CreatedAt => "created_at",
            Self::Code => "code",
            Self::Error => "error",
            Self::Reason => "reason",
            Self::Tags => "tags",
        }
    }

    fn of(header: &[u8]) -> Option<Self> {
        let header = header.trim_ascii();
        // Both are the names of parameters.
        if header.eq_ignore_ascii_case(b"tag") {
            return Some(Self::Tags);
        }
        // As pages of the allow list have it.
        if header.eq_ignore_ascii_case(b"createdat") {
            return Some(Self::CreatedAt);
        }
        Self::ALL.into_iter().find(|column| header.eq_ignore_ascii_case(column.name().as_bytes()))
    }

    /// Whether an entry of this list has it.
    const fn is_of(self, kind: SuppressionKind) -> bool {
        match self {
            Self::Address | Self::CreatedAt => true,
            Self::Code | Self::Error => matches!(kind, SuppressionKind::Bounce),
            Self::Tags => matches!(kind, SuppressionKind::Unsubscribe),
            Self::Domain | Self::Reason => matches!(kind, SuppressionKind::Allow),
        }
    }
}

/// The columns of a file that are known, each with its number.
pub(crate) struct Columns(Vec<(usize, Column)>);

impl Columns {
    /// The columns that a header names; `None` if there is none that says whom a row is about.
    pub(crate) fn of(kind: SuppressionKind, header: &Record) -> Option<Self> {
        let mut columns: Vec<(usize, Column)> = Vec::new();
        for (number, name) in header.fields().enumerate() {
            if let Some(column) = Column::of(name).filter(|column| column.is_of(kind))
                && (column == Column::Tags || columns.iter().all(|(_, known)| *known != column))
            {
                columns.push((number, column));
            }
        }
        let says_whom = |(_, column): &(usize, Column)| matches!(column, Column::Address | Column::Domain);
        columns.iter().any(says_whom).then_some(Self(columns))
    }

    /// What a row gives. What stands in columns that are not known is not looked at.
    pub(crate) fn given(&self, record: &Record) -> Result<Given, Refused> {
        let mut given = Given::default();
        for (number, column) in &self.0 {
            let Some(bytes) = record.get(*number) else { continue };
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Refused::Wrong(column.name(), "is not UTF-8".into()))?
                .to_owned();
            match column {
                Column::Address => given.address = Some(text),
                Column::Domain => given.domain = Some(text),
                Column::CreatedAt => given.created_at = Some(text),
                Column::Code => given.code = Some(text),
                Column::Error => given.error = Some(text),
                Column::Reason => given.reason = Some(text),
                Column::Tags => given.tags.extend(tags(&text)?),
            }
        }
        Ok(given)
    }
}

/// The tags of one cell: a JSON list, or words with commas between, or else with spaces.
fn tags(cell: &str) -> Result<Vec<String>, Refused> {
    let cell = cell.trim();
    if cell.starts_with('[') {
        return serde_json::from_str(cell).map_err(|_| Refused::Wrong("tags", "is not a list".into()));
    }
    let separated: Vec<&str> = match cell.contains(',') {
        true => cell.split(',').collect(),
        false => cell.split_whitespace().collect(),
    };
    Ok(separated.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use waxseal_form::csv::{Place, Rows};

    use super::*;

    fn records(file: &str) -> Vec<Record> {
        let mut rows = Rows::from(Place::START);
        rows.push(file.as_bytes());
        rows.finish();
        std::iter::from_fn(|| rows.take()).map(|row| row.record.expect("a record")).collect()
    }

    fn given(kind: SuppressionKind, file: &str) -> Given {
        let records = records(file);
        Columns::of(kind, &records[0]).expect("a header").given(&records[1]).expect("a row")
    }

    #[test]
    fn columns_come_in_any_order_and_case_and_unknown_ones_are_passed_over() {
        let file = "Created_At,\u{1f600}, ADDRESS ,error,Code,tags\n5,x,a@x.example,\"full, or so\",552,t";
        let found = given(SuppressionKind::Bounce, file);
        let texts = [&found.address, &found.created_at, &found.code, &found.error];
        let texts: Vec<_> = texts.into_iter().map(|text| text.as_deref().unwrap_or("")).collect();
        assert_eq!(texts, ["a@x.example", "5", "552", "full, or so"]);
        assert!(found.tags.is_empty(), "a bounce has none");
        let found = given(SuppressionKind::Complaint, "address,address\nfirst,second");
        assert_eq!(found.address.as_deref(), Some("first"));
        assert!(given(SuppressionKind::Bounce, "code,address\n550").address.is_none(), "a short row");
    }

    #[test]
    fn a_header_says_whom_rows_are_about() {
        let is_one = |kind, file: &str| Columns::of(kind, &records(file)[0]).is_some();
        assert!(!is_one(SuppressionKind::Bounce, "code,error"));
        assert!(!is_one(SuppressionKind::Bounce, "domain"));
        assert!(!is_one(SuppressionKind::Bounce, "a@x.example"));
        assert!(is_one(SuppressionKind::Allow, "domain") && is_one(SuppressionKind::Allow, "address"));
    }

    #[test]
    fn a_cell_holds_several_tags() {
        let tags = |cell: &str| given(SuppressionKind::Unsubscribe, &format!("address,tags\na,{cell}")).tags;
        assert_eq!(tags("news offers"), ["news", "offers"]);
        assert_eq!(tags("\"news, big offers\""), ["news", " big offers"]);
        assert_eq!(tags("\"[\"\"a\"\",\"\"b c\"\"]\""), ["a", "b c"]);
        assert_eq!(tags("*"), ["*"]);
        assert!(tags("").is_empty());
        let wrong = records("address,tag\na,[a]");
        let read = Columns::of(SuppressionKind::Unsubscribe, &wrong[0]).expect("a header").given(&wrong[1]);
        assert_eq!(read.err(), Some(Refused::Wrong("tags", "is not a list".into())));
    }
}
