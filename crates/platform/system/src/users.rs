//! Users and groups of the machine, by number and by name.
//!
//! Names are looked up in `/etc/passwd` and `/etc/group`; those of a directory service are given by number.

use std::{fs, io};

/// The user that this process acts as.
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The user with this name, or this number as it is; `None` if there is no such name.
///
/// # Errors
///
/// If `/etc/passwd` cannot be read.
pub fn user(name: &str) -> io::Result<Option<u32>> {
    number(name, "/etc/passwd")
}

/// The group with this name, or this number as it is; `None` if there is no such name.
///
/// # Errors
///
/// If `/etc/group` cannot be read.
pub fn group(name: &str) -> io::Result<Option<u32>> {
    number(name, "/etc/group")
}

/// A user that stands for all whom the system cannot name: those of other namespaces and of NFS.
pub fn stands_for_others(uid: u32) -> bool {
    let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
    let overflow = overflow.and_then(|text| text.trim().parse().ok()).unwrap_or(65_534);
    uid == overflow || uid == u32::MAX
}

fn number(name: &str, file: &str) -> io::Result<Option<u32>> {
    if let Ok(number) = name.parse() {
        return Ok(Some(number));
    }
    Ok(listed(&fs::read_to_string(file)?, name))
}

/// The number of a name in a file of lines such as `name:x:1000:…`.
fn listed(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)).flatten()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_name_tells_its_number() {
        let text =
            "root:x:0:0:root:/root:/bin/bash\n# ada:x:7:\nada:x:1001:1001::/:/bin/sh\nada:x:1002:\nbad:x\n";
        assert_eq!((listed(text, "root"), listed(text, "ada")), (Some(0), Some(1001)));
        assert_eq!((listed(text, "bad"), listed(text, "nobody"), listed(text, "")), (None, None, None));
    }

    #[test]
    fn a_number_needs_no_name() {
        assert_eq!(user("4000000").ok().flatten(), Some(4_000_000));
        assert_eq!(user("root").ok().flatten(), Some(0));
        assert!(stands_for_others(65_534) && !stands_for_others(own_uid()));
    }
}
