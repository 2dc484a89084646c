//! What must hold for the replies of an SMTP peer, whatever it sends.

use waxseal_smtp::{Reply, reply::reader::ReplyReader};

/// The byte at which an input is cut into segments.
const CUT: u8 = 0xff;

/// Read in segments as in one go; what was read can be written and read again.
pub(crate) fn check(data: &[u8]) {
    let segments: Vec<&[u8]> = data.split(|byte| *byte == CUT).collect();
    let cut = read_replies(&segments);
    assert!(cut == read_replies(&[&segments.concat()]), "segmentation changed the outcome");
    for reply in cut.iter().flatten() {
        let mut wire = Vec::new();
        reply.write_to(&mut wire);
        let (used, again) = ReplyReader::new().read(&wire).expect("a written reply is one");
        assert!(used == wire.len() && again.is_some_and(|again| again.code() == reply.code()));
    }
}

fn read_replies(segments: &[&[u8]]) -> Vec<Option<Reply>> {
    let mut replies = Vec::new();
    let mut reader = ReplyReader::new();
    for segment in segments {
        let mut rest = *segment;
        while !rest.is_empty() {
            match reader.read(rest) {
                Ok((used, reply)) => {
                    rest = &rest[used..];
                    replies.extend(reply.map(Some));
                }
                Err(_) => {
                    replies.push(None);
                    return replies;
                }
            }
        }
    }
    replies
}
