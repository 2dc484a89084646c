//! Taking one person out of what is told of a message to several.

use waxseal_model::event::EventDetails;

/// Takes an address (lower case) out of an event's details; whether they named it.
pub(crate) fn scrub(details: &mut EventDetails, address: &str) -> bool {
    let before = details.clone();
    let message = &mut details.message;
    message.recipients.retain(|recipient| !names(recipient, address));
    if names(&message.to, address) {
        // A header holds names beside addresses: what is left is written anew, from the addresses alone.
        message.to = message.recipients.join(", ");
    }
    for text in [&mut message.subject, &mut message.from] {
        if names(text, address) {
            text.clear();
        }
    }
    message.attachments.retain(|attachment| !names(&attachment.filename, address));
    details.tags.retain(|tag| !names(tag, address));
    details.user_variables.retain(|(name, value)| !names(name, address) && !names(value, address));
    if let Some(envelope) = &mut details.envelope
        && names(&envelope.targets, address)
    {
        envelope.targets.clear();
    }
    if let Some(status) = &mut details.delivery_status {
        for text in [&mut status.message, &mut status.description] {
            if names(text, address) {
                text.clear();
            }
        }
    }
    *details != before
}

fn names(text: &str, address: &str) -> bool {
    text.to_lowercase().contains(address)
}

#[cfg(test)]
mod tests {
    use waxseal_model::event::MessageInfo;

    use super::*;

    #[test]
    fn the_others_stay_and_the_one_is_named_nowhere() {
        let mut details = EventDetails {
            recipient: Some("ann@x.example".into()),
            user_variables: vec![("who".into(), "Bob@X.example".into()), ("n".into(), "1".into())],
            message: MessageInfo {
                to: "Bob Hope <bob@x.example>, Ann <ann@x.example>".into(),
                subject: "For bob@x.example".into(),
                recipients: vec!["bob@x.example".into(), "ann@x.example".into()],
                ..MessageInfo::default()
            },
            ..EventDetails::default()
        };
        assert!(scrub(&mut details, "bob@x.example"));
        assert_eq!(details.message.to, "ann@x.example");
        assert_eq!(details.message.recipients, ["ann@x.example"]);
        assert_eq!((details.message.subject.as_str(), details.user_variables.len()), ("", 1));
        assert!(!scrub(&mut details, "bob@x.example"), "nothing is left to take out");
    }
}
