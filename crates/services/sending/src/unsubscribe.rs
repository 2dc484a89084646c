//! Names that stand for ways to unsubscribe. There are none yet, and a link that leads nowhere must reach nobody:
//! whoever writes such a name is told so.

use waxseal_mail::{
    Mailbox,
    patch::Message,
    substitute::{MimeTemplate, Values, Variables},
};

use crate::error::SendError;

/// Refuses texts that hold such a name.
pub(crate) fn refuse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<(), SendError> {
    let held = |text: &str| NAMES.into_iter().find(|name| text.contains(name));
    match texts.into_iter().find_map(held) {
        None => Ok(()),
        Some(name) => Err(SendError::Invalid(format!(
            "unsubscribe links are not available yet: give an address or a link of your own instead of '{name}'"
        ))),
    }
}

/// Refuses a message with such a name in its fields or texts, however they are encoded. `anybody` is somebody to
/// complete it for.
pub(crate) fn refuse_in(message: &Message, anybody: &Mailbox) -> Result<(), SendError> {
    let template = MimeTemplate::read(message.as_bytes().to_vec());
    if template.is_plain() {
        return Ok(());
    }
    let variables = Variables::default();
    let plain = Values::new(anybody, &variables);
    for name in NAMES {
        let mut filled = Values::new(anybody, &variables);
        *value(&mut filled, name) = Some("");
        // Completed with a value and without one: what differs has the name.
        if template.render(&plain, usize::MAX).ok() != template.render(&filled, usize::MAX).ok() {
            return refuse([name]);
        }
    }
    Ok(())
}

fn value<'v, 'a>(values: &'v mut Values<'a>, name: &str) -> &'v mut Option<&'a str> {
    match name {
        "%unsubscribe_url%" => &mut values.unsubscribe_url,
        "%tag_unsubscribe_url%" => &mut values.tag_unsubscribe_url,
        "%mailing_list_unsubscribe_url%" => &mut values.mailing_list_unsubscribe_url,
        _ => &mut values.unsubscribe_email,
    }
}

const NAMES: [&str; 4] =
    ["%unsubscribe_url%", "%tag_unsubscribe_url%", "%mailing_list_unsubscribe_url%", "%unsubscribe_email%"];
