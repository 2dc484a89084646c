//! One transaction: MAIL, RCPT, DATA, content, and the reply that counts.

use super::{BLOCK, Due, Phase, Running, Session};
use crate::{
    client::{
        fault::{Fault, Stage},
        transaction::{Verdict, recipient_reply},
    },
    reply::{Class, Reply},
};

impl Session {
    /// Sends MAIL; with pipelining also every RCPT and DATA.
    pub(super) fn start_envelope(&mut self) {
        let Some(running) = &self.running else { return };
        let mut commands = vec![(running.transaction.mail(&self.capabilities), Due::Mail)];
        if self.capabilities.pipelining {
            let recipients = running.transaction.recipients.iter().enumerate();
            commands.extend(recipients.map(|(index, address)| (rcpt(address), Due::Rcpt(index))));
            commands.push(("DATA\r\n".into(), Due::Data));
        }
        self.phase = Phase::Envelope;
        commands.into_iter().for_each(|(text, due)| self.command(&text, due));
    }

    pub(super) fn on_envelope(&mut self, due: Due, reply: Reply) {
        match (due, reply.class()) {
            (Due::Data, Class::Continue) if reply.code() == 354 => self.start_content(),
            // A success is no answer to DATA: we are one reply behind.
            (Due::Data, Class::Success) | (_, Class::Continue) => self.fail_at(due, Fault::OutOfTurn),
            (Due::Mail, Class::Success) => self.after(due),
            (Due::Mail, _) => self.refuse_all(Stage::Mail, &reply, due),
            (Due::Rcpt(index), class) => self.on_rcpt(index, class, reply),
            (Due::Data, _) => self.refuse_all(Stage::Data, &reply, due),
            (Due::End, Class::Success) => {
                self.decide(|| Verdict::Delivered(reply.clone()));
                self.finish();
            }
            (Due::End, _) => {
                self.decide(|| Verdict::Refused { stage: Stage::End, reply: reply.clone(), local: false });
                self.finish();
            }
            (Due::Reset, Class::Success) => self.finish(),
            // RSET cannot be refused; this was the reply to something else.
            _ => self.fail_at(due, Fault::OutOfTurn),
        }
    }

    /// Fails with the stage of the command whose reply was wrong.
    pub(super) fn fail_at(&mut self, due: Due, fault: Fault) {
        self.due.push_front(due);
        self.fail(fault);
    }

    fn on_rcpt(&mut self, index: usize, class: Class, reply: Reply) {
        let Some(running) = &mut self.running else { return };
        if let Some(slot @ None) = running.verdicts.get_mut(index) {
            if class == Class::Success {
                running.accepted += 1;
            } else {
                let reply = recipient_reply(reply);
                *slot = Some(Verdict::Refused { stage: Stage::Rcpt, reply, local: false });
            }
        }
        self.after(Due::Rcpt(index));
    }

    fn refuse_all(&mut self, stage: Stage, reply: &Reply, due: Due) {
        self.decide(|| Verdict::Refused { stage, reply: reply.clone(), local: false });
        if let Some(running) = &mut self.running {
            running.accepted = 0;
        }
        self.after(due);
    }

    /// The command after `done`. With pipelining all have been sent; the last reply decides.
    fn after(&mut self, done: Due) {
        let Some(running) = &self.running else { return };
        if !self.due.is_empty() {
            return;
        }
        let next = match done {
            Due::Mail => 0,
            Due::Rcpt(index) => index + 1,
            _ => usize::MAX,
        };
        let undecided = running.verdicts.iter().any(Option::is_none);
        match running.transaction.recipients.get(next) {
            Some(address) if undecided => {
                let command = rcpt(address);
                self.command(&command, Due::Rcpt(next));
            }
            _ if next != usize::MAX && running.accepted > 0 => self.command("DATA\r\n", Due::Data),
            _ => self.reset(),
        }
    }

    /// Ends a transaction without content. The refusals count once the reply to RSET shows that
    /// commands and replies are still in step.
    fn reset(&mut self) {
        self.phase = Phase::Resetting;
        self.command("RSET\r\n", Due::Reset);
    }

    fn start_content(&mut self) {
        match &self.running {
            Some(running) if running.accepted > 0 => self.phase = Phase::Content,
            // Nobody is left to send to, and there is no way out of DATA but to hang up.
            _ => {
                self.finish();
                self.phase = Phase::Over;
            }
        }
    }

    /// Encodes the next block of content.
    pub(super) fn fill(&mut self) {
        let Some(Running { transaction, encoder, offset, .. }) = &mut self.running else { return };
        let end = transaction.content.len().min(*offset + BLOCK);
        encoder.encode(transaction.content.get(*offset..end).unwrap_or_default(), &mut self.output);
        *offset = end;
        if end == transaction.content.len() {
            encoder.end(&mut self.output);
        }
        if self.output.is_empty() {
            // Nothing to write for an empty message: only its end.
            self.phase = Phase::Ending;
        }
    }

    pub(super) fn content_is_out(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.offset == running.transaction.content.len())
    }

    /// Gives a verdict to everybody who has none.
    pub(super) fn decide(&mut self, verdict: impl Fn() -> Verdict) {
        if let Some(running) = &mut self.running {
            running
                .verdicts
                .iter_mut()
                .filter(|slot| slot.is_none())
                .for_each(|slot| *slot = Some(verdict()));
        }
    }

    /// The transaction is over and the connection ready for another.
    pub(super) fn finish(&mut self) {
        self.phase = Phase::Ready;
        if let Some(running) = self.running.take() {
            let rest = Verdict::Broken { stage: Stage::Data, fault: Fault::OutOfTurn };
            self.finished = Some(running.settle(&rest));
        }
    }
}

fn rcpt(address: &str) -> String {
    format!("RCPT TO:<{address}>\r\n")
}
