//! Who gives a command, and whether they may: the user of the system that asks, by the table of the configuration.
//!
//! Whom nobody named may do nothing, but for the user that the server runs as and root: these could read the files
//! anyway. They are recorded as what they are, and where the table names them they have the roles that it gives.

mod need;
mod role;
#[cfg(test)]
mod tests;

use std::{fmt, fs::Metadata, os::unix::fs::MetadataExt as _};

use waxseal_privacy::audit::{Operator, OperatorName};
use waxseal_system::users;

pub(crate) use self::{
    need::{BACKUP_RESTORE, KEYS_RESTORE, Need, UNKNOWN},
    role::OperatorRole,
};
use crate::{admin::Request, config::Config};

/// Somebody whom the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedOperator {
    /// As the audit trail names them.
    pub(crate) name: OperatorName,
    /// The user of the system.
    pub(crate) uid: u32,
    /// What they may do.
    pub(crate) roles: Vec<OperatorRole>,
}

/// Whoever gives a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asking {
    operator: Operator,
    /// `None`: whatever there is.
    roles: Option<Vec<OperatorRole>>,
}

impl Asking {
    /// The user of this process.
    pub(crate) fn here(config: &Config) -> Self {
        let own = users::own_uid();
        Self::with(own, own, &config.operators)
    }

    /// A user who reached the socket of this process.
    pub(crate) fn peer(uid: u32, config: &Config) -> Self {
        Self::with(uid, users::own_uid(), &config.operators)
    }

    fn with(uid: u32, own: u32, table: &[NamedOperator]) -> Self {
        if let Some(named) = table.iter().find(|named| named.uid == uid) {
            return Self { operator: Operator::Named(named.name), roles: Some(named.roles.clone()) };
        }
        match uid {
            0 => Self { operator: Operator::Root, roles: None },
            uid if uid == own => Self { operator: Operator::Owner, roles: None },
            uid => Self { operator: Operator::Stranger { uid }, roles: Some(Vec::new()) },
        }
    }

    /// As the audit trail names them.
    pub(crate) const fn operator(&self) -> Operator {
        self.operator
    }

    /// Whether they may do nothing at all.
    pub(crate) const fn is_stranger(&self) -> bool {
        matches!(self.operator, Operator::Stranger { .. })
    }

    /// Whether they may do this; only then is there something that can be carried out.
    pub(crate) fn judge(&self, request: Request) -> Result<Judged, Refusal> {
        self.wants(need::of(&request))?;
        Ok(Judged { request, by: self.operator })
    }

    /// Whether they may do what takes this.
    pub(crate) fn wants(&self, need: Need) -> Result<(), Refusal> {
        if self.covers(need) {
            return Ok(());
        }
        let roles = self.roles.clone().unwrap_or_default().into_boxed_slice();
        Err(Refusal { operator: self.operator, roles, need })
    }

    fn covers(&self, need: Need) -> bool {
        let Some(roles) = &self.roles else { return true };
        roles.iter().any(|role| *role == OperatorRole::Admin || need.roles.contains(role))
    }
}

/// Why operators of the table do not reach a server, if that is so; what to set.
pub(crate) fn unreachable(config: &Config) -> Option<String> {
    let own = users::own_uid();
    let others = config.operators.iter().any(|named| ![0, own].contains(&named.uid));
    if !others {
        return None;
    }
    let Some(group) = config.control_group else {
        return Some("operators cannot reach the control socket: set `control.group`".to_owned());
    };
    let folder = config.control_socket.parent()?.canonicalize().ok()?;
    let shut =
        folder.ancestors().find(|folder| !folder.metadata().is_ok_and(|about| enters(group, &about)))?;
    Some(format!(
        "`control.group` may not enter {}, where the control socket is: set `control.socket` to a place that it reaches",
        shut.display()
    ))
}

/// Whether a group enters a folder.
fn enters(group: u32, folder: &Metadata) -> bool {
    let bit = if folder.gid() == group { 0o010 } else { 0o001 };
    folder.mode() & bit != 0
}

/// A request of somebody who may make it.
#[derive(Debug)]
pub(crate) struct Judged {
    request: Request,
    by: Operator,
}

impl Judged {
    /// The request, and who makes it.
    pub(crate) fn open(self) -> (Request, Operator) {
        (self.request, self.by)
    }
}

/// A request of somebody who may not make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) operator: Operator,
    pub(crate) need: Need,
    roles: Box<[OperatorRole]>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |roles: &[OperatorRole], last: &str| {
            let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            names.join(last)
        };
        let command = self.need.command;
        if let Operator::Stranger { uid } = self.operator {
            return write!(
                f,
                "`{command}`: user {uid} is no operator of this instance: whoever runs it gives a name and roles to that \
                 user under `[[operators]]` in the server's configuration, and starts it anew"
            );
        }
        let wanted = words(&[self.need.roles, &[OperatorRole::Admin]].concat(), " or ");
        let (who, has) = (self.operator, words(&self.roles, ", "));
        write!(
            f,
            "`{command}` takes the role {wanted}, and {who} has {has}: ask somebody who has it, or whoever runs the \
             instance (`[[operators]]` in the server's configuration)"
        )
    }
}

impl std::error::Error for Refusal {}
