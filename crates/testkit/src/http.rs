//! HTTP/1.1 by hand: heads in, bodies by length or chunks.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A head: its first line's parts and its headers.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Method and target, or status as text.
    pub(crate) first: (String, String),
    pub(crate) headers: Vec<(String, String)>,
    /// As it came.
    pub(crate) raw: Bytes,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads until a head is complete; `None` when the peer closes before one begins.
pub(crate) async fn read_head<S: AsyncRead + Unpin>(
    io: &mut S,
    buffer: &mut BytesMut,
    of_request: bool,
) -> io::Result<Option<Head>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let parsed = if of_request {
            let mut request = httparse::Request::new(&mut headers);
            request.parse(buffer).map(|status| (status, request.method.zip(request.path).map(owned)))
        } else {
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(buffer);
            parsed.map(|status| (status, response.code.map(|code| (code.to_string(), String::new()))))
        };
        let (status, first) = parsed.map_err(io::Error::other)?;
        if let (httparse::Status::Complete(length), Some(first)) = (status, first) {
            let headers = headers
                .iter()
                .take_while(|header| !header.name.is_empty())
                .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
                .collect();
            let raw = buffer.split_to(length).freeze();
            return Ok(Some(Head { first, headers, raw }));
        }
        if io.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

/// Reads the body that belongs to a head into `body`, as much of it as comes. A response without a length ends with the
/// connection.
pub(crate) async fn read_body<S: AsyncRead + Unpin>(
    io: &mut S,
    buffer: &mut BytesMut,
    head: &Head,
    to_the_end: bool,
    body: &mut BytesMut,
) -> io::Result<()> {
    if head.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return read_chunks(io, buffer, body).await;
    }
    if let Some(length) = head.header("content-length").map(|length| length.parse().unwrap()) {
        while buffer.len() < length {
            fill(io, buffer).await?;
        }
        body.extend_from_slice(&buffer.split_to(length));
        return Ok(());
    }
    while to_the_end && io.read_buf(buffer).await? > 0 {}
    if to_the_end {
        body.extend_from_slice(&buffer.split());
    }
    Ok(())
}

async fn read_chunks<S: AsyncRead + Unpin>(
    io: &mut S,
    buffer: &mut BytesMut,
    body: &mut BytesMut,
) -> io::Result<()> {
    loop {
        let line = loop {
            if let Some(end) = buffer.windows(2).position(|pair| pair == b"\r\n") {
                break buffer.split_to(end + 2);
            }
            fill(io, buffer).await?;
        };
        let size = std::str::from_utf8(&line).unwrap().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        while buffer.len() < size + 2 {
            fill(io, buffer).await?;
        }
        body.extend_from_slice(&buffer.split_to(size));
        buffer.advance(2);
        if size == 0 {
            return Ok(());
        }
    }
}

async fn fill<S: AsyncRead + Unpin>(io: &mut S, buffer: &mut BytesMut) -> io::Result<()> {
    if io.read_buf(buffer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn owned((one, two): (&str, &str)) -> (String, String) {
    (one.to_owned(), two.to_owned())
}
