//! Writing frames.

use std::{collections::BTreeMap, io};

use aws_lc_rs::digest::{Context, SHA256};

use super::{END, ROW, TABLE, TableFrame, TableTotal, Totals, Value, wrong};

/// Writes frames one after the other and counts them.
pub(crate) struct Encoder {
    bytes: Vec<u8>,
    tables: Vec<TableTotal>,
    hash: Context,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), tables: Vec::new(), hash: Context::new(&SHA256) }
    }

    /// Begins a table.
    pub(crate) fn table(&mut self, table: &TableFrame) -> io::Result<()> {
        self.finish_table();
        self.bytes.push(TABLE);
        self.name(&table.name)?;
        let columns = u16::try_from(table.columns.len()).map_err(|_| wrong("too many columns"))?;
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        for (name, kind) in &table.columns {
            self.name(name)?;
            self.bytes.push(kind.code());
        }
        self.tables.push(TableTotal { table: table.name.clone(), rows: 0, sha256: String::new() });
        Ok(())
    }

    /// Adds a row of the table begun last.
    pub(crate) fn row(&mut self, values: &[Option<Value>]) -> io::Result<()> {
        let start = self.bytes.len();
        self.bytes.push(ROW);
        for value in values {
            let Some(value) = value else {
                self.bytes.push(0);
                continue;
            };
            self.bytes.push(1);
            match value {
                Value::Int(number) => self.bytes.extend_from_slice(&number.to_be_bytes()),
                Value::Long(number) => self.bytes.extend_from_slice(&number.to_be_bytes()),
                Value::Flag(yes) => self.bytes.push(u8::from(*yes)),
                Value::Bytes(bytes) => self.long(bytes)?,
                Value::Text(text) => self.long(text.as_bytes())?,
            }
        }
        self.hash.update(self.bytes.get(start..).unwrap_or_default());
        let table = self.tables.last_mut().ok_or_else(|| wrong("a row without a table"))?;
        table.rows += 1;
        Ok(())
    }

    /// Writes the end; what was counted.
    pub(crate) fn end(&mut self, counters: BTreeMap<String, i64>) -> io::Result<Totals> {
        self.finish_table();
        let totals = Totals { tables: std::mem::take(&mut self.tables), counters };
        let json = serde_json::to_vec(&totals)?;
        self.bytes.push(END);
        self.long(&json)?;
        Ok(totals)
    }

    /// Bytes that were not taken yet.
    pub(crate) const fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what was written since the last time.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn finish_table(&mut self) {
        let hash = std::mem::replace(&mut self.hash, Context::new(&SHA256)).finish();
        if let Some(table) = self.tables.last_mut() {
            table.sha256 = hex::encode(hash);
        }
    }

    fn name(&mut self, name: &str) -> io::Result<()> {
        let length = u16::try_from(name.len()).map_err(|_| wrong("a name is too long"))?;
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        Ok(())
    }

    fn long(&mut self, value: &[u8]) -> io::Result<()> {
        let length = u32::try_from(value.len()).map_err(|_| wrong("a value is too long"))?;
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        Ok(())
    }
}
