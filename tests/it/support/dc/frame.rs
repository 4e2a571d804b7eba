//! How packets lie in a TCP stream: the four transports of `MTProto`, chosen by a connection's first bytes.
//!
//! Our client speaks the full one; independent clients also use the others, and a server that serves them all is believed more.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Largest packet that is read, bytes.
const PACKET_BYTES_MAX: usize = 2 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Full,
    Abridged,
    Intermediate,
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// The reading half.
pub(super) struct Reader {
    stream: OwnedReadHalf,
    framing: Framing,
    sequence: i32,
    /// The full transport has no opening bytes of its own: what was read to find out is its first length.
    first: Option<[u8; 4]>,
}

/// The writing half.
pub(super) struct Writer {
    stream: OwnedWriteHalf,
    framing: Framing,
    sequence: i32,
}

/// Finds out which transport a client speaks.
pub(super) async fn accept(mut read: OwnedReadHalf, write: OwnedWriteHalf) -> io::Result<(Reader, Writer)> {
    let mut head = [0; 4];
    read.read_exact(&mut head[..1]).await?;
    let mut first = None;
    let framing = if head[0] == 0xef {
        Framing::Abridged
    } else {
        read.read_exact(&mut head[1..]).await?;
        if head == [0xee; 4] || head == [0xdd; 4] {
            Framing::Intermediate
        } else {
            first = Some(head);
            Framing::Full
        }
    };
    Ok((Reader { stream: read, framing, sequence: 0, first }, Writer { stream: write, framing, sequence: 0 }))
}

impl Reader {
    /// The next packet.
    pub(super) async fn packet(&mut self) -> io::Result<Vec<u8>> {
        match self.framing {
            Framing::Full => self.packet_full().await,
            Framing::Abridged => {
                let head = self.stream.read_u8().await? & 0x7f;
                let words = if head < 0x7f {
                    usize::from(head)
                } else {
                    let mut bytes = [0; 4];
                    self.stream.read_exact(&mut bytes[..3]).await?;
                    u32::from_le_bytes(bytes) as usize
                };
                self.body(words * 4).await
            }
            Framing::Intermediate => {
                let length = self.stream.read_u32_le().await? as usize;
                self.body(length).await
            }
        }
    }

    async fn body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > PACKET_BYTES_MAX {
            return Err(broken("a packet too long"));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }

    async fn packet_full(&mut self) -> io::Result<Vec<u8>> {
        let head = match self.first.take() {
            Some(head) => head,
            None => self.stream.read_u32_le().await?.to_le_bytes(),
        };
        let length = u32::from_le_bytes(head) as usize;
        if !(12..=PACKET_BYTES_MAX).contains(&length) {
            return Err(broken("a length no packet has"));
        }
        let rest = self.body(length - 4).await?;
        let whole = [&head[..], &rest].concat();
        let (signed, checksum) = whole.split_at(length - 4);
        if crc32fast::hash(signed).to_le_bytes() != checksum {
            return Err(broken("a checksum that does not match"));
        }
        if signed[4..8] != self.sequence.to_le_bytes() {
            return Err(broken("a packet out of order"));
        }
        self.sequence += 1;
        Ok(signed[8..].to_vec())
    }
}

impl Writer {
    /// A refusal below the level of messages. In the full transport it stands in place of length, order and content.
    pub(super) async fn refusal(&mut self, code: i32) -> io::Result<()> {
        match self.framing {
            Framing::Full => self.stream.write_all(&[(-code).to_le_bytes(); 3].concat()).await,
            Framing::Abridged | Framing::Intermediate => self.packet(&(-code).to_le_bytes()).await,
        }
    }

    pub(super) async fn packet(&mut self, packet: &[u8]) -> io::Result<()> {
        let mut out = Vec::with_capacity(packet.len() + 12);
        match self.framing {
            Framing::Full => {
                out.extend(((packet.len() + 12) as i32).to_le_bytes());
                out.extend(self.sequence.to_le_bytes());
                out.extend(packet);
                let checksum = crc32fast::hash(&out);
                out.extend(checksum.to_le_bytes());
                self.sequence += 1;
            }
            Framing::Abridged => {
                let words = packet.len() / 4;
                if words < 0x7f {
                    out.push(words as u8);
                } else {
                    out.push(0x7f);
                    out.extend(&(words as u32).to_le_bytes()[..3]);
                }
                out.extend(packet);
            }
            Framing::Intermediate => {
                out.extend((packet.len() as u32).to_le_bytes());
                out.extend(packet);
            }
        }
        self.stream.write_all(&out).await
    }
}
