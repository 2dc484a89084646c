//! Which operator did something: a name of the configuration, or whose the instance is.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// Bytes of a name.
const LONGEST: usize = 64;

/// What stands in an entry in a name's place, so that no name may be it.
const OWNER: &str = "owner";
const ROOT: &str = "root";
const UID: &str = "uid ";

/// Whoever gives commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Somebody whom the configuration names.
    Named(OperatorName),
    /// The user that the server runs as, if the configuration does not name it.
    Owner,
    /// The system's administrator, the same way.
    Root,
    /// A user of the system whom nobody named: may do nothing.
    Stranger {
        /// Number of the user.
        uid: u32,
    },
}

/// The name of an operator. `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperatorName {
    bytes: [u8; LONGEST],
    length: u8,
}

/// Why a text is no name of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// It is empty or long.
    #[error("must have 1 to {LONGEST} bytes")]
    Length,
    /// It has characters that cannot be seen.
    #[error("must have no control characters, and no spaces around it")]
    Characters,
    /// It stands for somebody else in the audit trail.
    #[error(
        "must not be `{OWNER}`, `{ROOT}` or begin with `{UID}`: these stand for others in the audit trail"
    )]
    Reserved,
}

impl OperatorName {
    /// The name.
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.length))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl FromStr for OperatorName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(NameError::Characters);
        }
        if text == OWNER || text == ROOT || text.starts_with(UID) {
            return Err(NameError::Reserved);
        }
        let mut bytes = [0; LONGEST];
        let (Some(room), Ok(length @ 1..)) = (bytes.get_mut(..text.len()), u8::try_from(text.len())) else {
            return Err(NameError::Length);
        };
        room.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length })
    }
}

impl fmt::Debug for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorName(..)")
    }
}

/// As it stands in an entry.
impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name.as_str()),
            Self::Owner => f.write_str(OWNER),
            Self::Root => f.write_str(ROOT),
            Self::Stranger { uid } => write!(f, "{UID}{uid}"),
        }
    }
}

/// From what stands in an entry.
impl FromStr for Operator {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            OWNER => Ok(Self::Owner),
            ROOT => Ok(Self::Root),
            _ => match text.strip_prefix(UID).and_then(|uid| uid.parse().ok()) {
                Some(uid) => Ok(Self::Stranger { uid }),
                None => text.parse().map(Self::Named),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_an_entry_tells_who_it_was() {
        let name = "Ada Müller".parse().expect("a name");
        for operator in
            [Operator::Named(name), Operator::Owner, Operator::Root, Operator::Stranger { uid: 65_533 }]
        {
            assert_eq!(operator.to_string().parse(), Ok(operator));
        }
    }

    #[test]
    fn a_name_is_short_visible_and_nobody_elses() {
        let wrong = |text: &str| text.parse::<OperatorName>().expect_err(text);
        assert_eq!((wrong(""), wrong(&"a".repeat(65))), (NameError::Length, NameError::Length));
        assert!("ä".repeat(32).parse::<OperatorName>().is_ok());
        for text in ["ada\n", "ada\u{7}", " ada", "ada "] {
            assert_eq!(wrong(text), NameError::Characters);
        }
        for text in ["owner", "root", "uid 7"] {
            assert_eq!(wrong(text), NameError::Reserved);
        }
    }

    #[test]
    fn a_name_is_not_printed_by_accident() {
        let name: OperatorName = "ada".parse().expect("a name");
        assert!(!format!("{:?}", Operator::Named(name)).contains("ada"));
    }
}
