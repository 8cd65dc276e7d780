//! Between a WebSocket and a byte stream: each message of the stream is one of the WebSocket's.

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const WORD: usize = 8;

/// Passes messages on until either side ends.
pub(crate) async fn relay<S>(socket: WebSocketStream<S>, stream: DuplexStream)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut to_page, mut from_page) = socket.split();
    let (mut from_server, mut to_server) = tokio::io::split(stream);
    let up = async {
        while let Some(Ok(message)) = from_page.next().await {
            if let Message::Binary(bytes) = message
                && to_server.write_all(&bytes).await.is_err()
            {
                break;
            }
        }
    };
    let down = async {
        while let Ok(message) = next_message(&mut from_server).await {
            if to_page.send(Message::binary(message)).await.is_err() {
                break;
            }
        }
        _ = to_page.close().await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// One message, with its table of segments.
async fn next_message(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let segments = stream.read_u32_le().await? + 1;
    let mut message = (segments - 1).to_le_bytes().to_vec();
    let mut words = 0;
    // The table is padded to whole words.
    for index in 0..segments + (segments + 1) % 2 {
        let length = stream.read_u32_le().await?;
        message.extend(length.to_le_bytes());
        words += if index < segments { length as usize } else { 0 };
    }
    let start = message.len();
    message.resize(start + words * WORD, 0);
    stream.read_exact(&mut message[start..]).await?;
    Ok(message)
}
