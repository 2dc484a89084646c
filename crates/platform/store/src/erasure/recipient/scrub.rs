//! Taking one person out of what is told of a message to several.
//!
//! Every field is gone through by name: one that is added later does not compile until it is known what to do with it.

use waxseal_mail::address::{Mailbox, parse_list};
use waxseal_model::event::{
    AttachmentInfo, DeliveryStatus, EnvelopeInfo, EventDetails, EventFlags, MessageInfo,
};

use super::somebody::Somebody;

/// Mailboxes of a header that are told apart; with more the header is written anew.
const MOST: usize = 2_000;

/// Whether somebody is taken out of what tells of the sender, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Of a message to them: nothing of it names them any more.
    Too,
    /// Of a message to others: an address that it was sent from is the customer's own.
    Stays,
}

/// Takes somebody out of an event's details; whether they named them.
pub(crate) fn scrub(details: &mut EventDetails, whom: &Somebody, sender: Sender) -> bool {
    let mut pen = Pen { whom, changed: false };
    let EventDetails {
        recipient,
        tags,
        user_variables,
        message,
        envelope,
        flags,
        delivery_status,
        method,
        originating_ip,
        api_key_id,
        reason,
        reject,
        primary_dkim,
        batch_id,
        archive_to,
    } = details;
    pen.some(recipient);
    pen.keep(tags, |whom, tag| !whom.is_named_in(tag));
    pen.keep(user_variables, |whom, (name, value)| !whom.is_named_in(name) && !whom.is_named_in(value));
    pen.message(message, sender);
    if let Some(EnvelopeInfo { sender: from, targets, transport, sending_ip }) = envelope {
        if sender == Sender::Too {
            pen.words(from);
        }
        pen.words(targets);
        pen.words(transport);
        pen.some(sending_ip);
    }
    let EventFlags {
        is_authenticated: _,
        is_routed: _,
        is_system_test: _,
        is_test_mode: _,
        is_delayed_bounce: _,
        is_amp: _,
        is_encrypted: _,
        is_big: _,
    } = flags;
    if let Some(status) = delivery_status {
        pen.status(status);
    }
    for word in [method, originating_ip, api_key_id, reason, primary_dkim, archive_to] {
        pen.some(word);
    }
    if let Some((reason, description)) = reject {
        pen.words(reason);
        pen.words(description);
    }
    if batch_id.as_ref().is_some_and(|id| whom.is_part_of(id)) {
        pen.changed |= batch_id.take().is_some();
    }
    pen.changed
}

/// Strikes out.
struct Pen<'a> {
    whom: &'a Somebody,
    changed: bool,
}

impl Pen<'_> {
    fn message(&mut self, message: &mut MessageInfo, sender: Sender) {
        let MessageInfo { message_id, from, to, subject, attachments, recipients, size: _, scheduled_for: _ } =
            message;
        self.id(message_id);
        if sender == Sender::Too {
            self.words(from);
        }
        self.keep(recipients, |whom, recipient| !whom.is(recipient) && !whom.is_named_in(recipient));
        self.list(to, recipients);
        self.words(subject);
        self.keep(attachments, |whom, AttachmentInfo { filename, content_type, size: _ }| {
            !whom.is_part_of(filename) && !whom.is_part_of(content_type)
        });
    }

    fn status(&mut self, status: &mut DeliveryStatus) {
        let DeliveryStatus {
            code: _,
            message,
            description,
            attempt_no: _,
            session_seconds: _,
            first_delivery_attempt_seconds: _,
            tls: _,
            certificate_verified: _,
            utf8: _,
            mx_host,
            mx_host_ip,
            enhanced_code,
            last_code: _,
            last_message,
            bounce_type,
            retry_seconds: _,
            possible_duplicate: _,
        } = status;
        self.words(message);
        self.words(description);
        for word in [mx_host, mx_host_ip, enhanced_code, last_message, bounce_type] {
            self.some(word);
        }
    }

    /// What names them goes as a whole: the words around an address tell of its owner.
    fn words(&mut self, text: &mut String) {
        if self.whom.is_named_in(text) {
            text.clear();
            self.changed = true;
        }
    }

    fn some(&mut self, text: &mut Option<String>) {
        if text.as_ref().is_some_and(|text| self.whom.is_named_in(text)) {
            *text = None;
            self.changed = true;
        }
    }

    fn id(&mut self, text: &mut String) {
        if self.whom.is_part_of(text) {
            text.clear();
            self.changed = true;
        }
    }

    fn keep<T>(&mut self, list: &mut Vec<T>, stays: impl Fn(&Somebody, &T) -> bool) {
        let before = list.len();
        list.retain(|item| stays(self.whom, item));
        self.changed |= list.len() != before;
    }

    /// A header's list: the others' mailboxes stay as they are.
    fn list(&mut self, header: &mut String, recipients: &[String]) {
        if !self.whom.is_named_in(header) {
            return;
        }
        self.changed = true;
        let names = |text: &str| self.whom.is_named_in(text);
        let others = parse_list(header, MOST).map(|list| {
            let others = list.into_iter().map(|mailbox| mailbox.to_string()).filter(|text| !names(text));
            others.collect::<Vec<_>>().join(", ")
        });
        // One that cannot be read is written anew, from the addresses alone.
        *header = others.ok().filter(|left| !names(left)).unwrap_or_else(|| recipients.join(", "));
    }
}

/// Whether a message went to somebody, as its template tells: and whether to nobody else.
pub(crate) fn reached(details: &EventDetails, whom: &Somebody) -> Option<bool> {
    let message = &details.message;
    if message.recipients.is_empty() {
        let to = parse_list(&message.to, MOST).unwrap_or_default();
        let theirs = |mailbox: &Mailbox| whom.is(&mailbox.address.to_string());
        let own = details.recipient.as_ref().is_some_and(|recipient| whom.is(recipient));
        return (own || to.iter().any(theirs)).then(|| to.iter().all(theirs));
    }
    let is_among = message.recipients.iter().any(|recipient| whom.is(recipient));
    // A header can name whom no entry was made for.
    (is_among || whom.is_named_in(&message.to))
        .then(|| message.recipients.iter().all(|recipient| whom.is(recipient)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bob() -> Somebody {
        Somebody::among(std::iter::once("bob@x.example"))
    }

    /// A message to two whose every field says the address.
    fn full(address: &str) -> EventDetails {
        let said = |around: &str| around.replace('*', address);
        let some = |around: &str| Some(said(around));
        EventDetails {
            recipient: some("*"),
            tags: vec![said("to-<*>")],
            user_variables: vec![("who".into(), said("*")), (said("*"), "1".into())],
            message: MessageInfo {
                message_id: said("m1.*"),
                from: said("Me <*>"),
                to: said("Bob Hope <*>, Ann <ann@x.example>"),
                subject: said("For *"),
                attachments: vec![
                    AttachmentInfo { filename: said("bill-*.pdf"), ..AttachmentInfo::default() },
                    AttachmentInfo {
                        content_type: said("text/plain; name=\"*\""),
                        ..AttachmentInfo::default()
                    },
                ],
                recipients: vec![said("*"), "ann@x.example".into()],
                size: 1,
                scheduled_for: Some(1),
            },
            envelope: Some(EnvelopeInfo {
                sender: said("*"),
                targets: said("*"),
                transport: said("*"),
                sending_ip: some("*"),
            }),
            flags: EventFlags::default(),
            delivery_status: Some(DeliveryStatus {
                message: said("550 <*>: nobody"),
                description: said("to * in vain"),
                mx_host: some("*"),
                mx_host_ip: some("*"),
                enhanced_code: some("*"),
                last_message: some("450 * is busy"),
                bounce_type: some("*"),
                ..DeliveryStatus::default()
            }),
            method: some("*"),
            originating_ip: some("*"),
            api_key_id: some("*"),
            reason: some("*"),
            reject: Some((said("*"), said("no * here"))),
            primary_dkim: some("*"),
            batch_id: some("b.*"),
            archive_to: some("https://a.test/?rcpt=*"),
        }
    }

    fn stored(details: &EventDetails) -> String {
        serde_json::to_string(details).expect("JSON")
    }

    #[test]
    fn the_one_is_named_in_no_field_and_the_other_stays() {
        let mut details = full("bob@x.example");
        assert!(scrub(&mut details, &bob(), Sender::Too));
        assert!(!stored(&details).contains("bob"), "{}", stored(&details));
        assert_eq!(details.message.to, "Ann <ann@x.example>");
        assert_eq!(details.message.recipients, ["ann@x.example"]);
        assert_eq!(details.message.size, 1);
        assert!(!scrub(&mut details, &bob(), Sender::Too), "nothing is left to take out");
    }

    #[test]
    fn whose_address_ends_alike_keeps_everything() {
        let full = full("jimbob@x.example");
        let mut details = full.clone();
        assert!(!scrub(&mut details, &bob(), Sender::Too));
        assert_eq!(stored(&details), stored(&full));
    }

    #[test]
    fn a_customer_that_writes_to_others_keeps_its_own_address() {
        let mut details = EventDetails {
            message: MessageInfo { from: "Bob <bob@x.example>".into(), ..MessageInfo::default() },
            envelope: Some(EnvelopeInfo { sender: "bob@x.example".into(), ..EnvelopeInfo::default() }),
            reason: Some("bob@x.example".into()),
            ..EventDetails::default()
        };
        assert!(scrub(&mut details, &bob(), Sender::Stays));
        assert_eq!((details.message.from.as_str(), details.reason), ("Bob <bob@x.example>", None));
        assert_eq!(details.envelope.expect("kept").sender, "bob@x.example");
    }

    #[test]
    fn a_message_tells_whom_it_reached() {
        let to = |recipients: &[&str], to: &str| EventDetails {
            message: MessageInfo {
                recipients: recipients.iter().map(|&one| one.to_owned()).collect(),
                to: to.into(),
                ..MessageInfo::default()
            },
            ..EventDetails::default()
        };
        let of = |recipients: &[&str], header: &str| reached(&to(recipients, header), &bob());
        assert_eq!(of(&["bob@x.example"], "a list"), Some(true));
        assert_eq!(of(&["bob@x.example", "ann@x.example"], ""), Some(false));
        assert_eq!(of(&["ann@x.example"], "Bob <bob@x.example>"), Some(false));
        assert_eq!(of(&["jimbob@x.example"], "Bob <jimbob@x.example>"), None);
        assert_eq!(of(&[], "Bob <bob@x.example>"), Some(true));
        assert_eq!(of(&[], "Bob <bob@x.example>, ann@x.example"), Some(false));
        assert_eq!(of(&[], ""), None);
    }
}
