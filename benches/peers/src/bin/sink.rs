//! `sink [SOCKET]` answers every request with a small document: what a sender is measured against. It listens on a free port of
//! 127.0.0.1, which it prints, or on the unix socket SOCKET; every connection has a thread.

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::{env, thread};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 39\r\n\r\n{\"rate_by_service\":{\"service:,env:\":1}}";

fn main() -> Result<()> {
    if let Some(path) = env::args_os().nth(1) {
        let listener = UnixListener::bind(&path).context("cannot listen on the socket")?;
        println!("ready");
        for stream in listener.incoming() {
            let stream = stream?;
            thread::spawn(move || serve(stream));
        }
        return Ok(());
    }
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::spawn(move || serve(stream));
    }
    Ok(())
}

/// Reads requests whole and answers them, until the other side has gone.
fn serve(mut stream: impl Read + Write) {
    let mut buffer = vec![0; 1 << 20];
    let (mut filled, mut body) = (0, None::<usize>);
    loop {
        // `body` is what is left of a body; its bytes are counted and forgotten.
        if let Some(left) = body {
            let taken = left.min(filled);
            buffer.copy_within(taken..filled, 0);
            filled -= taken;
            body = Some(left - taken);
            if left == taken {
                if stream.write_all(ANSWER).is_err() {
                    return;
                }
                body = None;
            }
        } else if let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            buffer.copy_within(end + 4..filled, 0);
            filled -= end + 4;
            body = Some(length.unwrap_or(0));
            continue;
        }
        if body.is_some_and(|left| left > 0) || body.is_none() {
            match stream.read(&mut buffer[filled..]) {
                Ok(0) | Err(_) => return,
                Ok(read) => filled += read,
            }
        }
    }
}
