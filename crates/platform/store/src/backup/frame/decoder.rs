//! Reading frames. Nothing is believed: lengths are not reserved ahead, counts and hashes are checked at the end.

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};

use super::{
    END, Frame, Kind, LONGEST_END, MOST_COLUMNS, ROW, TABLE, TableFrame, TableTotal, Totals, Value, wrong,
};

/// Reads frames one after the other.
pub(crate) struct Decoder<R> {
    from: R,
    columns: Vec<Kind>,
    tables: Vec<TableTotal>,
    hash: Context,
    ended: bool,
}

impl<R: Read> Decoder<R> {
    pub(crate) fn new(from: R) -> Self {
        let hash = Context::new(&SHA256);
        Self { from, columns: Vec::new(), tables: Vec::new(), hash, ended: false }
    }

    /// What it reads from.
    pub(crate) const fn inner(&self) -> &R {
        &self.from
    }

    /// The next frame; `None` after the end, behind which nothing may follow.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        if self.ended {
            let mut more = [0];
            return match self.from.read(&mut more)? {
                0 => Ok(None),
                _ => Err(wrong("something follows the end")),
            };
        }
        match self.plain::<1>()? {
            [TABLE] => self.table().map(Some),
            [ROW] => self.row().map(Some),
            [END] => self.end().map(Some),
            _ => Err(wrong("no frame begins like this")),
        }
    }

    fn table(&mut self) -> io::Result<Frame> {
        self.finish_table();
        let name = self.name()?;
        let count = usize::from(u16::from_be_bytes(self.plain()?));
        if count > MOST_COLUMNS {
            return Err(wrong("too many columns"));
        }
        let mut columns = Vec::with_capacity(count);
        for _ in 0..count {
            let name = self.name()?;
            let [code] = self.plain()?;
            columns.push((name, Kind::of(code).ok_or_else(|| wrong("a column of an unknown kind"))?));
        }
        self.columns = columns.iter().map(|(_, kind)| *kind).collect();
        self.tables.push(TableTotal { table: name.clone(), rows: 0, sha256: String::new() });
        Ok(Frame::Table(TableFrame { name, columns }))
    }

    fn row(&mut self) -> io::Result<Frame> {
        self.hash.update(&[ROW]);
        let table = self.tables.last_mut().ok_or_else(|| wrong("a row without a table"))?;
        table.rows += 1;
        let kinds = std::mem::take(&mut self.columns);
        let mut values = Vec::with_capacity(kinds.len());
        for kind in &kinds {
            values.push(match self.hashed::<1>()? {
                [0] => None,
                [1] => Some(self.value(*kind)?),
                _ => return Err(wrong("a value is neither there nor absent")),
            });
        }
        self.columns = kinds;
        Ok(Frame::Row(values))
    }

    fn value(&mut self, kind: Kind) -> io::Result<Value> {
        Ok(match kind {
            Kind::Int => Value::Int(i32::from_be_bytes(self.hashed()?)),
            Kind::Long => Value::Long(i64::from_be_bytes(self.hashed()?)),
            Kind::Flag => match self.hashed::<1>()? {
                [0] => Value::Flag(false),
                [1] => Value::Flag(true),
                _ => return Err(wrong("neither yes nor no")),
            },
            Kind::Bytes => Value::Bytes(self.long()?),
            Kind::Text => {
                Value::Text(String::from_utf8(self.long()?).map_err(|_| wrong("a text is no UTF-8"))?)
            }
        })
    }

    fn end(&mut self) -> io::Result<Frame> {
        self.finish_table();
        let length = u32::from_be_bytes(self.plain()?) as usize;
        if length > LONGEST_END {
            return Err(wrong("the end is too long"));
        }
        let json = self.exactly(length)?;
        let totals: Totals = serde_json::from_slice(&json).map_err(|_| wrong("the end cannot be read"))?;
        if totals.tables != self.tables {
            return Err(wrong("the rows are not those that were counted"));
        }
        self.ended = true;
        Ok(Frame::End(totals))
    }

    fn finish_table(&mut self) {
        let hash = std::mem::replace(&mut self.hash, Context::new(&SHA256)).finish();
        if let Some(table) = self.tables.last_mut() {
            table.sha256 = hex::encode(hash);
        }
    }

    fn name(&mut self) -> io::Result<String> {
        let length = usize::from(u16::from_be_bytes(self.plain()?));
        String::from_utf8(self.exactly(length)?).map_err(|_| wrong("a name is no UTF-8"))
    }

    fn long(&mut self) -> io::Result<Vec<u8>> {
        let length = u32::from_be_bytes(self.hashed()?) as usize;
        let bytes = self.exactly(length)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn plain<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn hashed<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.plain()?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    /// As much as is there up to `length`, which may be a lie: memory follows what comes.
    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length.min(64 << 10));
        self.from.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
