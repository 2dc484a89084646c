//! Receiving the content of a message: DATA up to its final dot, BDAT chunk by chunk.

use crate::{
    content::{self, DataDecoder},
    server::{
        Event, Question, Session,
        receive::{Mode, Progress},
        replies,
        transaction::{self, ChunkPlan, Chunks, Transaction},
    },
    strict::BareLineEnd,
};

impl Session {
    pub(super) fn data(&mut self) {
        match &self.transaction {
            None => self.error(replies::bad_sequence("MAIL first")),
            Some(transaction) if transaction.has_chunks() => {
                self.error(replies::bad_sequence("DATA cannot follow BDAT"));
            }
            Some(transaction) if transaction.recipients.is_empty() => self.error(replies::no_recipients()),
            Some(_) => {
                replies::go_ahead().write_to(&mut self.output);
                self.mode = Mode::Data(Box::new(DataDecoder::new(self.config.limits.content())));
            }
        }
    }

    pub(super) fn data_end(&mut self) -> Progress {
        let mode = std::mem::replace(&mut self.mode, Mode::command(&self.config.limits));
        let (Mode::Data(decoder), Some(transaction)) = (mode, self.transaction.take()) else {
            return Progress::GoOn;
        };
        match decoder.finish() {
            Ok(content) => self.message(transaction, content),
            Err(excess) => {
                self.error(transaction::excess_reply(excess, &self.config.limits));
                Progress::GoOn
            }
        }
    }

    fn message(&mut self, transaction: Transaction, content: Vec<u8>) -> Progress {
        if content::hops(&content) > self.config.limits.hops {
            self.error(replies::too_many_hops());
            return Progress::GoOn;
        }
        let message = transaction.into_message(content);
        self.ask(Question::Message, Event::Message(message))
    }

    pub(super) fn bdat(&mut self, octets: u64, last: bool) {
        let refusal = match transaction::plan_chunk(self.transaction.as_mut(), octets, &self.config.limits) {
            ChunkPlan::Take => None,
            ChunkPlan::Discard(refusal) => Some(refusal),
            ChunkPlan::HangUp(refusal) => return self.close(&refusal),
        };
        self.mode = Mode::Chunk { left: octets, octets, last, refusal };
    }

    pub(super) fn chunk(&mut self, input: &mut &[u8]) -> Result<Progress, BareLineEnd> {
        let Mode::Chunk { left, refusal, .. } = &mut self.mode else { return Ok(Progress::GoOn) };
        let here = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let (bytes, rest) = input.split_at(here);
        *input = rest;
        *left -= here as u64;
        let done = *left == 0;
        let take = refusal.is_none();
        if let (true, Some(Transaction { chunks: Chunks::Some(decoder), .. })) = (take, &mut self.transaction)
        {
            decoder.read(bytes)?;
        }
        if done { self.chunk_end() } else { Ok(Progress::NeedInput) }
    }

    fn chunk_end(&mut self) -> Result<Progress, BareLineEnd> {
        let mode = std::mem::replace(&mut self.mode, Mode::command(&self.config.limits));
        let Mode::Chunk { octets, last, refusal, .. } = mode else { return Ok(Progress::GoOn) };
        if let Some(refusal) = refusal {
            self.error(refusal);
            return Ok(Progress::GoOn);
        }
        if !last {
            match octets {
                0 => self.junk(replies::chunk_taken(0)),
                _ => replies::chunk_taken(octets).write_to(&mut self.output),
            }
            return Ok(Progress::GoOn);
        }
        let Some(mut transaction) = self.transaction.take() else { return Ok(Progress::GoOn) };
        let Chunks::Some(decoder) = std::mem::replace(&mut transaction.chunks, Chunks::None) else {
            return Ok(Progress::GoOn);
        };
        match decoder.finish()? {
            Ok(content) => Ok(self.message(transaction, content)),
            Err(excess) => {
                self.error(transaction::excess_reply(excess, &self.config.limits));
                Ok(Progress::GoOn)
            }
        }
    }
}
