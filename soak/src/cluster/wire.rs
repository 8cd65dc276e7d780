//! The messages between a client of PostgreSQL and a server, as the server reads and writes them.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::values::{Row, Type};

/// What a client sends.
#[derive(Debug)]
pub(super) enum Request {
    /// Statements as text.
    Query(String),
    /// Names a statement.
    Parse(String, String),
    /// Gives a statement its parameters, in binary form.
    Bind(String, Vec<Option<Vec<u8>>>),
    /// Asks what a statement takes and returns.
    DescribeStatement(String),
    /// The same of the statement with its parameters.
    DescribePortal,
    Execute,
    CloseStatement(String),
    Sync,
    Terminate,
}

/// The server's end of a connection.
pub(super) struct Wire {
    stream: DuplexStream,
    received: Vec<u8>,
    answer: Vec<u8>,
}

/// Why a statement fails.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl Wire {
    pub(super) fn new(stream: DuplexStream) -> Self {
        Self { stream, received: Vec::new(), answer: Vec::new() }
    }

    /// Reads the first message of a client, which has no tag.
    pub(super) async fn startup(&mut self) -> io::Result<()> {
        let length = self.fill(0).await?;
        self.received.drain(..length);
        Ok(())
    }

    /// Waits for bytes until there is a whole message whose length begins at `at`.
    async fn fill(&mut self, at: usize) -> io::Result<usize> {
        loop {
            if let Some(length) = self.received.get(at..at + 4) {
                let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
                let length = length as usize + at;
                if self.received.len() >= length {
                    return Ok(length);
                }
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next message. Can be dropped without losing any.
    pub(super) async fn next(&mut self) -> io::Result<Request> {
        let length = self.fill(1).await?;
        let message: Vec<u8> = self.received.drain(..length).collect();
        Ok(request(message[0], Fields(&message[5..])))
    }

    fn put(&mut self, tag: u8, body: &[u8]) {
        self.answer.push(tag);
        self.answer.extend((body.len() as u32 + 4).to_be_bytes());
        self.answer.extend(body);
    }

    /// The connection is accepted.
    pub(super) fn welcome(&mut self) {
        self.put(b'R', &0_u32.to_be_bytes());
        self.put(b'S', b"client_encoding\0UTF8\0");
    }

    pub(super) fn parsed(&mut self) {
        self.put(b'1', &[]);
    }

    pub(super) fn bound(&mut self) {
        self.put(b'2', &[]);
    }

    pub(super) fn closed(&mut self) {
        self.put(b'3', &[]);
    }

    /// What a statement takes.
    pub(super) fn parameters(&mut self, types: &[Type]) {
        let mut body = (types.len() as u16).to_be_bytes().to_vec();
        types.iter().for_each(|it| body.extend(it.oid().to_be_bytes()));
        self.put(b't', &body);
    }

    /// What a statement returns.
    pub(super) fn columns(&mut self, types: &[Type]) {
        if types.is_empty() {
            return self.put(b'n', &[]);
        }
        let mut body = (types.len() as u16).to_be_bytes().to_vec();
        for column in types {
            body.extend(b"c\0\0\0\0\0\0\0");
            body.extend(column.oid().to_be_bytes());
            body.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        }
        self.put(b'T', &body);
    }

    pub(super) fn row(&mut self, types: &[Type], row: &Row) {
        assert_eq!(types.len(), row.len(), "{row:?}");
        let mut body = (row.len() as u16).to_be_bytes().to_vec();
        for (column, value) in types.iter().zip(row) {
            match column.write(value) {
                Some(bytes) => {
                    body.extend((bytes.len() as u32).to_be_bytes());
                    body.extend(bytes);
                }
                None => body.extend((-1_i32).to_be_bytes()),
            }
        }
        self.put(b'D', &body);
    }

    /// A statement is done.
    pub(super) fn complete(&mut self, tag: &str) {
        self.put(b'C', &[tag.as_bytes(), b"\0"].concat());
    }

    /// A statement failed.
    pub(super) fn failed(&mut self, failure: &Failure) {
        self.report(b'E', "ERROR", failure);
    }

    pub(super) fn warn(&mut self, message: &str) {
        self.report(b'N', "WARNING", &Failure::new("01000", message));
    }

    fn report(&mut self, tag: u8, severity: &str, Failure { code, message }: &Failure) {
        let body = format!("S{severity}\0V{severity}\0C{code}\0M{message}\0\0");
        self.put(tag, body.as_bytes());
    }

    /// The next statement may come. `status` is that of the transaction.
    pub(super) fn ready(&mut self, status: u8) {
        self.put(b'Z', &[status]);
    }

    /// Sends the answer.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let answer = std::mem::take(&mut self.answer);
        self.stream.write_all(&answer).await
    }
}

fn request(tag: u8, mut fields: Fields<'_>) -> Request {
    match tag {
        b'Q' => Request::Query(fields.text()),
        b'P' => Request::Parse(fields.text(), fields.text()),
        b'B' => {
            let (_portal, statement) = (fields.text(), fields.text());
            for _ in 0..fields.u16() {
                assert_eq!(fields.u16(), 1, "parameters are binary");
            }
            let parameters = (0..fields.u16()).map(|_| fields.value()).collect();
            Request::Bind(statement, parameters)
        }
        b'D' if fields.byte() == b'S' => Request::DescribeStatement(fields.text()),
        b'D' => Request::DescribePortal,
        b'E' => Request::Execute,
        b'C' if fields.byte() == b'S' => Request::CloseStatement(fields.text()),
        b'S' => Request::Sync,
        b'X' => Request::Terminate,
        other => panic!("a message with the tag {other}"),
    }
}

/// The fields of a message, read from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take(&mut self, length: usize) -> &[u8] {
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().expect("two bytes"))
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).expect("a text ends");
        let text = String::from_utf8(self.take(end).to_vec()).expect("a text is UTF-8");
        self.take(1);
        text
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let length = i32::from_be_bytes(self.take(4).try_into().expect("four bytes"));
        usize::try_from(length).ok().map(|length| self.take(length).to_vec())
    }
}
