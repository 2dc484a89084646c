//! What mail servers say, and how many connections they get after it.

use waxseal_model::Timestamp;

use super::{Board, LaneKey};
use crate::open::NoLine;

/// What mail servers said to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// They took it, for some of its recipients at least.
    Taken,
    /// Not now, and less of it at once.
    Less,
    /// Not now, for all of its recipients.
    Later,
    /// Never, for some of its recipients and taken for none: which says nothing of how much comes.
    Never,
}

/// How many connections somebody gets after what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    /// As before.
    Nothing,
    /// Half as many.
    Half,
    /// One, since everything is put off.
    One,
    /// As many as there may be, since something was taken.
    More,
}

impl Board {
    /// A try to connect succeeded (`None`) or failed, for everybody until a time.
    pub(crate) fn reached(&mut self, key: &LaneKey, failed: Option<(Timestamp, NoLine)>) {
        // What the DNS says of one domain is no news for those that share its lane.
        if matches!((key, &failed), (LaneKey::Servers(..), Some((_, no_line))) if !no_line.of_servers) {
            return;
        }
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.troubled = failed.is_some();
            lane.down = failed;
        }
    }

    /// What was said to a message, and what follows from it.
    pub(crate) fn heard(&mut self, key: &LaneKey, said: Said, now: Timestamp) -> Follows {
        let Some(lane) = self.lanes.get_mut(key) else { return Follows::Nothing };
        let Some(provider) = self.providers.get_mut(&lane.provider) else { return Follows::Nothing };
        let took_nothing = lane.takes_nothing();
        lane.put_off = match said {
            Said::Later => lane.put_off.saturating_add(1),
            // That is heeded in a way of its own.
            Said::Less => lane.put_off,
            Said::Taken | Said::Never => 0,
        };
        let less = said == Said::Less && provider.pace.asked_for_less(now);
        if said == Said::Taken {
            provider.pace.taken(now);
        }
        match (took_nothing, lane.takes_nothing()) {
            _ if less => Follows::Half,
            (false, true) => Follows::One,
            (true, false) => Follows::More,
            _ => Follows::Nothing,
        }
    }
}
