//! A sealed file opens whole and unchanged, or not.

use std::{
    fs::{File, Permissions},
    io::{Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
};

use super::*;

const MAGIC: Magic = Magic(b"WAXSEAL TEST 01\n");

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let head = Head::new(MAGIC, &[1; 32], b"{}").expect("a head");
    let mut writer = SealedWriter::new(Vec::new(), &key(), &head).expect("begun");
    writer.write_all(plain).expect("written");
    writer.finish().expect("finished")
}

fn opened(sealed: &[u8]) -> io::Result<Vec<u8>> {
    let mut from = sealed;
    let head = Head::read(MAGIC, &mut from)?.ok_or(io::ErrorKind::InvalidData)?;
    let mut plain = Vec::new();
    SealedReader::new(from, &key(), &head)?.read_to_end(&mut plain)?;
    Ok(plain)
}

fn plain(length: usize) -> Vec<u8> {
    (0..length).map(|number| (number * 31 % 251) as u8).collect()
}

#[test]
fn what_was_sealed_comes_back_whatever_its_length() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let plain = plain(length);
        assert_eq!(opened(&sealed(&plain)).expect("opens"), plain);
    }
}

#[test]
fn no_byte_can_be_changed() {
    let whole = sealed(&plain(CHUNK + 100));
    let places = (0..60).chain((60..whole.len()).step_by(997)).chain([whole.len() - 1]);
    for place in places {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        assert!(opened(&changed).is_err(), "byte {place}");
    }
}

#[test]
fn nothing_can_be_cut_off_added_or_moved() {
    let whole = sealed(&plain(3 * CHUNK + 100));
    let head = 16 + SALT + 4 + 2;
    for length in [0, 10, head, head + 1, head + CHUNK + TAG, head + 3 * (CHUNK + TAG), whole.len() - 1] {
        assert!(opened(&whole[..length]).is_err(), "cut at {length}");
    }
    assert!(opened(&[whole.as_slice(), b"x"].concat()).is_err());
    assert!(opened(&[whole.as_slice(), &whole[head..]].concat()).is_err(), "the chunks once more");
    let chunk = CHUNK + TAG;
    let mut moved = whole.clone();
    moved[head..head + 2 * chunk].rotate_left(chunk);
    assert!(opened(&moved).is_err(), "two chunks swapped");
    let left_out = [&whole[..head + chunk], &whole[head + 2 * chunk..]].concat();
    assert!(opened(&left_out).is_err());
}

#[test]
fn another_key_opens_nothing() {
    let whole = sealed(b"secret");
    let mut from = whole.as_slice();
    let head = Head::read(MAGIC, &mut from).expect("read").expect("a head");
    let other = hmac::Key::new(hmac::HMAC_SHA256, &[8; 32]);
    let mut reader = SealedReader::new(from, &other, &head).expect("begun");
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
    assert!(!whole.windows(6).any(|window| window == b"secret"));
}

#[test]
fn any_place_of_it_can_be_read() {
    use std::io::{Cursor, Seek as _, SeekFrom};

    for length in [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5] {
        let plain = plain(length);
        let whole = sealed(&plain);
        let mut from = whole.as_slice();
        let head = Head::read(MAGIC, &mut from).expect("read").expect("a head");
        let mut file = Cursor::new(whole.as_slice());
        file.set_position((whole.len() - from.len()) as u64);
        let mut reader = SealedReader::new(file, &key(), &head).expect("begun");
        assert_eq!(reader.seek(SeekFrom::End(0)).expect("the end"), length as u64);
        for place in [0, length / 2, length.saturating_sub(3), length, CHUNK.min(length), length / 3] {
            assert_eq!(reader.seek(SeekFrom::Start(place as u64)).expect("there"), place as u64);
            assert_eq!(reader.stream_position().expect("known"), place as u64);
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).expect("read");
            assert_eq!(rest, plain[place..], "from {place} of {length}");
        }
    }
}

#[test]
fn what_is_written_goes_through_no_link_that_somebody_put_in_its_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let (precious, out) = (folder.path().join("precious"), folder.path().join("out"));
    std::fs::write(&precious, "keys").expect("written");
    let partial = folder.path().join(".out.partial");
    std::os::unix::fs::symlink(&precious, &partial).expect("linked");
    assert!(NewFile::begin(&out).is_err(), "a symbolic one");
    std::fs::remove_file(&partial).expect("gone");
    std::fs::hard_link(&precious, &partial).expect("linked");
    assert!(NewFile::begin(&out).is_err(), "a hard one");
    assert_eq!(std::fs::read(&precious).expect("read"), b"keys");
    std::fs::remove_file(&partial).expect("gone");
    rustix::fs::mkfifoat(rustix::fs::CWD, &partial, rustix::fs::Mode::RWXU).expect("a pipe");
    assert!(NewFile::begin(&out).is_err(), "a pipe that nobody reads");
    // Read from there at once: it is not waited for either.
    let at_once = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let reader = File::options().read(true).custom_flags(at_once).open(&partial).expect("opened");
    assert!(NewFile::begin(&out).is_err(), "a pipe that somebody reads");
    drop(reader);
    std::fs::remove_file(&partial).expect("gone");
    std::fs::write(&partial, "somebody's own").expect("written");
    let mode = |mode| std::fs::set_permissions(&partial, Permissions::from_mode(mode)).expect("set");
    mode(0o640);
    let refused = NewFile::begin(&out).err().expect("a file that others may open").to_string();
    assert!(refused.contains(".out.partial is not a file that this server left: remove it"), "{refused}");
    assert_eq!(std::fs::read(&partial).expect("read"), b"somebody's own", "nothing was done to it");
    mode(0o600);
    assert_eq!(NewFile::begin(&out).and_then(NewFile::keep).expect("an empty file"), 0);
}
