//! The tables `[[operators]]`.

use super::{Reader, values};
use crate::operators::{NamedOperator, OperatorRole};

const KEY: &str = "operators";
/// Fields of a table.
const FIELDS: [&str; 3] = ["name", "user", "roles"];
/// Tables at most.
const MOST: usize = 1_000;

impl Reader {
    /// Every operator; none if one of them is wrong.
    pub(super) fn operators(&mut self) -> Vec<NamedOperator> {
        let Some(tables) = tables(self.settings.value(KEY).value) else {
            self.problem(KEY, "must be a list of tables, each with name, user and roles");
            return Vec::new();
        };
        if tables.len() > MOST {
            self.problem(KEY, "must be at most 1,000");
            return Vec::new();
        }
        let mut operators: Vec<NamedOperator> = Vec::new();
        for (number, table) in (1..).zip(tables) {
            let Some(operator) = self.operator(number, &table) else { continue };
            let earlier = operators.iter().find_map(|other| match other {
                other if other.uid == operator.uid => Some("user"),
                other if other.name == operator.name => Some("name"),
                _ => None,
            });
            match earlier {
                Some(field) => self.field(number, field, "another table has the same"),
                None => operators.push(operator),
            }
        }
        operators
    }

    fn operator(&mut self, number: usize, table: &toml::Table) -> Option<NamedOperator> {
        for unknown in table.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            self.field(number, unknown, "there is no such field: an operator has name, user and roles");
        }
        let name = self.text_of(number, table, "name", |name| name.parse().map_err(|why| format!("{why}")));
        let user = self.text_of(number, table, "user", values::user);
        let roles = self.roles(number, table);
        Some(NamedOperator { name: name?, uid: user?, roles: roles? })
    }

    fn text_of<T>(
        &mut self,
        number: usize,
        table: &toml::Table,
        field: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = match table.get(field) {
            Some(toml::Value::String(text)) => text.clone(),
            Some(toml::Value::Integer(number)) => number.to_string(),
            _ => {
                self.field(number, field, "must be there, as a text in quotes");
                return None;
            }
        };
        parse(&text).map_err(|why| self.field(number, field, &why)).ok()
    }

    fn roles(&mut self, number: usize, table: &toml::Table) -> Option<Vec<OperatorRole>> {
        let texts: Option<Vec<&str>> = match table.get("roles") {
            Some(toml::Value::Array(values)) => values.iter().map(toml::Value::as_str).collect(),
            _ => None,
        };
        let names = OperatorRole::ALL.map(|role| format!("{} ({})", role.as_str(), role.about())).join("; ");
        let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
            self.field(number, "roles", &format!("must be a list of one or more of: {names}"));
            return None;
        };
        let mut roles = Vec::new();
        for text in texts {
            match OperatorRole::parse(text) {
                Some(role) => roles.push(role),
                None => {
                    let why = format!("`{text}` is no role of operators; they are: {names}");
                    self.field(number, "roles", &why);
                    return None;
                }
            }
        }
        Some(roles)
    }

    fn field(&mut self, number: usize, field: &str, why: &str) {
        let origin = self.settings.value(KEY).origin;
        self.problems.push(format!("{origin}: `{KEY}.{field}` of table {number}: {why}"));
    }
}

/// The tables of a file, or of a text as the environment holds it.
fn tables(value: toml::Value) -> Option<Vec<toml::Table>> {
    let value = match value {
        toml::Value::String(text) if text.is_empty() => return Some(Vec::new()),
        toml::Value::String(text) => format!("{KEY} = {text}").parse::<toml::Table>().ok()?.remove(KEY)?,
        value => value,
    };
    let toml::Value::Array(values) = value else { return None };
    let table = |value| match value {
        toml::Value::Table(table) => Some(table),
        _ => None,
    };
    values.into_iter().map(table).collect()
}
