//! From the greeting to readiness: EHLO, STARTTLS, AUTH.

use super::{Due, Phase, Session, TlsPolicy};
use crate::{
    capabilities::Capabilities,
    client::fault::Fault,
    reply::{Class, Reply},
};

impl Session {
    pub(super) fn on_opening(&mut self, due: Due, reply: Reply) {
        match (due, reply.class()) {
            (_, Class::Continue) => self.fail(Fault::OutOfTurn),
            (Due::Greeting, Class::Success) if reply.code() != 220 => self.fail(Fault::OutOfTurn),
            (Due::Greeting, Class::Success) => self.on_name(&reply, Self::start_hello),
            (Due::Ehlo, Class::Success) => {
                self.capabilities = Capabilities::from_ehlo(&reply);
                self.on_name(&reply, Self::after_hello);
            }
            (Due::Ehlo, Class::Permanent) if !self.secure => self.fall_back_to_helo(),
            (Due::Helo, Class::Success) => self.on_name(&reply, Self::after_hello),
            (Due::StartTls, Class::Success) => self.phase = Phase::Handshake,
            (Due::StartTls, _) if self.settings.tls != TlsPolicy::Required => self.authenticate(),
            (Due::StartTls, _) => self.fail(Fault::NoTls),
            _ => self.fail(Fault::Refused(reply)),
        }
    }

    /// Goes on unless the peer calls itself by a name of ours.
    fn on_name(&mut self, reply: &Reply, go_on: impl FnOnce(&mut Self)) {
        let name = reply.lines().first().and_then(|line| line.split_ascii_whitespace().next());
        let is_ours = |name: &str| self.settings.own_names.iter().any(|own| name.eq_ignore_ascii_case(own));
        if name.is_some_and(is_ours) { self.fail(Fault::Loop) } else { go_on(self) }
    }

    /// Says EHLO, at first and again under TLS, where nothing said before counts (RFC 3207).
    pub(super) fn start_hello(&mut self) {
        self.phase = Phase::Opening;
        self.capabilities = Capabilities::default();
        let command = format!("EHLO {}\r\n", self.settings.hello);
        self.command(&command, Due::Ehlo);
    }

    fn fall_back_to_helo(&mut self) {
        let command = format!("HELO {}\r\n", self.settings.hello);
        self.command(&command, Due::Helo);
    }

    fn after_hello(&mut self) {
        if self.secure || self.settings.tls == TlsPolicy::Never {
            return self.authenticate();
        }
        if self.capabilities.starttls {
            self.command("STARTTLS\r\n", Due::StartTls);
        } else if self.settings.tls == TlsPolicy::Required {
            self.fail(Fault::NoTls);
        } else {
            self.authenticate();
        }
    }

    fn authenticate(&mut self) {
        let Some(credentials) = &self.settings.credentials else {
            self.phase = Phase::Ready;
            return;
        };
        if !self.secure && !self.settings.loopback {
            return self.fail(Fault::AuthNeedsTls);
        }
        if self.capabilities.auth.plain {
            let command = format!("AUTH PLAIN {}\r\n", credentials.plain());
            self.command(&command, Due::AuthPlain);
        } else if self.capabilities.auth.login {
            self.command("AUTH LOGIN\r\n", Due::AuthLogin);
        } else {
            self.fail(Fault::NoAuth);
        }
    }

    pub(super) fn on_auth(&mut self, due: Due, reply: Reply) {
        let Some(credentials) = &self.settings.credentials else {
            return self.fail(Fault::OutOfTurn);
        };
        match (due, reply.code()) {
            (Due::AuthPlain | Due::AuthPassword, 235) => self.phase = Phase::Ready,
            (Due::AuthLogin, 334) => {
                let line = format!("{}\r\n", credentials.login());
                self.command(&line, Due::AuthName);
            }
            (Due::AuthName, 334) => {
                let line = format!("{}\r\n", credentials.password());
                self.command(&line, Due::AuthPassword);
            }
            (_, 400..) => self.fail(Fault::Refused(reply)),
            _ => self.fail(Fault::OutOfTurn),
        }
    }
}
