use std::time::Instant;

use super::line::Line;
use super::trouble::Trouble;
use super::{AGAIN, Answered, Visitor, within};
use crate::matrix::book::Seen;

/// The key of RFC 6455, 1.3, and what is answered to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Service Restart (IANA WebSocket Close Code Registry).
const RESTART: u16 = 1012;

/// So many messages, and the visitor closes by itself: half a minute of them lasts beyond a switch,
/// and the grace of the release that goes.
const TIMES: u32 = 450;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// Sends, hears the echo, and never lets the socket rest.
pub(super) async fn visit(me: &Visitor) {
    while me.goes_on() {
        let begun = Instant::now();
        match within(Socket::open(me)).await {
            Ok(socket) => talk(me, socket).await,
            Err(trouble) => {
                me.tell(begun, begun, &Err(trouble));
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn talk(me: &Visitor, mut socket: Socket) {
    let opened = socket.line.opened;
    // What has happened to the socket since then is told by the next message.
    let mut well = opened;
    for number in 0..TIMES {
        let begun = Instant::now();
        match within(socket.echo(number)).await {
            Ok(Heard::Echo) => {
                me.tell(opened, begun, &Ok(socket.lives()));
                well = Instant::now();
            }
            Ok(Heard::Restart) => {
                // Not every visitor answers; this one does.
                let _ = socket.send(CLOSE, &RESTART.to_be_bytes()).await;
                me.tell_seen(opened, begun, Seen::Restarted, Some(socket.by));
                return;
            }
            Err(trouble) => return me.tell(opened, well, &Err(trouble)),
        }
        me.rest().await;
        if !me.goes_on() {
            break;
        }
    }
    let begun = Instant::now();
    if let Err(trouble) = within(socket.bye()).await {
        me.tell(opened, begun, &Err(trouble));
    }
}

struct Socket {
    line: Line,
    by: String,
}

enum Heard {
    Echo,
    /// The server has closed, since it restarts.
    Restart,
}

impl Socket {
    async fn open(me: &Visitor) -> Result<Self, Trouble> {
        let mut line = me.open().await?;
        let key = format!("Sec-WebSocket-Key: {KEY}");
        let request = line.request(
            "GET",
            "/socket",
            &[
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                &key,
            ],
        );
        line.send(request.as_bytes()).await?;
        let head = line.head().await?;
        match head.status {
            101 if head.field("sec-websocket-accept") == Some(ACCEPT) => {
                let by = head.by();
                Ok(Self { line, by })
            }
            500.. => Err(Trouble::Refused(head.status, "no WebSocket".to_owned())),
            other => Err(Trouble::Wrong(format!("{other} in place of a WebSocket"))),
        }
    }

    fn lives(&self) -> Answered {
        Answered {
            by: self.by.clone(),
            last: false,
        }
    }

    async fn echo(&mut self, number: u32) -> Result<Heard, Trouble> {
        let message = format!("message {number}");
        // One that was closed is told by what has come.
        let sent = self.send(TEXT, message.as_bytes()).await;
        match self.hear().await? {
            (TEXT, content) => {
                sent?;
                let wanted = format!("{} {message}", self.by);
                if content == wanted.as_bytes() {
                    return Ok(Heard::Echo);
                }
                let text = String::from_utf8_lossy(&content);
                Err(Trouble::Wrong(format!("{text:?} for {wanted:?}")))
            }
            (CLOSE, code) if code.get(..2) == Some(&RESTART.to_be_bytes()) => Ok(Heard::Restart),
            (kind, content) => Err(Trouble::Wrong(format!("frame {kind}: {content:?}"))),
        }
    }

    async fn bye(&mut self) -> Result<(), Trouble> {
        self.send(CLOSE, &1000_u16.to_be_bytes()).await?;
        match self.hear().await? {
            // The server's own farewell may have been on its way.
            (CLOSE, _) => Ok(()),
            (kind, content) => Err(Trouble::Wrong(format!("frame {kind}: {content:?}"))),
        }
    }

    /// A short masked frame; a mask of zeros is one.
    async fn send(&mut self, kind: u8, content: &[u8]) -> Result<(), Trouble> {
        let length = u8::try_from(content.len()).expect("a short frame");
        let head = [0x80 | kind, 0x80 | length, 0, 0, 0, 0];
        self.line.put(&[&head, content].concat()).await
    }

    async fn hear(&mut self) -> Result<(u8, Vec<u8>), Trouble> {
        let head = self.line.exactly(2).await?;
        let content = self.line.exactly(usize::from(head[1] & 0x7F)).await?;
        Ok((head[0] & 0x0F, content))
    }
}
