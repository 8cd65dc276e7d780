//! A prompt on the terminal that does not show what is typed.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::thread;

use futures::future::select_all;
use rustix::process::{self, Signal};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};
use tokio::sync::oneshot;

/// The longest line of a terminal in canonical mode, in bytes.
const LINE_BYTES_MAX: usize = 4_096;

/// The character that Ctrl-C sends.
const CTRL_C: u8 = 3;

/// The character that Ctrl-Z sends.
const CTRL_Z: u8 = 26;

/// The signals that end a program, but for those of its own faults and SIGKILL.
const ENDINGS: [Signal; 7] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::ALARM,
    Signal::USR1,
    Signal::USR2,
];

/// Reads a line from the terminal without echo, and restores the echo on every way out.
/// `console`'s prompt for passwords is not used, nor `rpassword`'s: a signal in it ends the program
/// with the echo off, and it discards what is typed before it is ready.
///
/// # Errors
/// [`ErrorKind::Interrupted`] after Ctrl-C, and after a signal to end.
pub(crate) async fn hidden(prompt: &str) -> io::Result<String> {
    let mut signals = Signals::catch()?;
    // Before the prompt, which may be answered at once.
    let terminal = Hidden::begin()?;
    terminal.write(prompt)?;
    let mut typed = line(terminal.file.try_clone()?);
    let typed = loop {
        tokio::select! {
            biased;
            line = &mut typed => match line {
                Ok(Ok(line)) if line.ends_with(&[CTRL_Z]) => {
                    terminal.restore()?;
                    typed = self::line(terminal.file.try_clone()?);
                    stop();
                }
                line => break line.unwrap_or_else(|_| Err(ErrorKind::UnexpectedEof.into())),
            },
            event = signals.next() => match event {
                Event::End(_) => break Err(ErrorKind::Interrupted.into()),
                Event::Stop => {
                    terminal.restore()?;
                    stop();
                }
                Event::Continue => {
                    terminal.hide()?;
                    terminal.write(prompt)?;
                }
            }
        }
    };
    terminal.write("\n")?;
    drop(terminal);
    // A caught signal has its default effect no more.
    tokio::spawn(signals.obey());
    match &typed?[..] {
        [] => Err(ErrorKind::UnexpectedEof.into()),
        [.., CTRL_C] => Err(ErrorKind::Interrupted.into()),
        line => Ok(String::from_utf8_lossy(line).trim().to_string()),
    }
}

/// Reads a line in a thread, which the program does not wait for when it ends.
fn line(mut terminal: File) -> oneshot::Receiver<io::Result<Vec<u8>>> {
    let (send, line) = oneshot::channel();
    thread::spawn(move || {
        let mut line = vec![0; LINE_BYTES_MAX];
        let read = terminal.read(&mut line).map(|length| {
            line.truncate(length);
            line
        });
        // Nobody waits for it after a signal.
        let _ = send.send(read);
    });
    line
}

/// The terminal with the echo off. Dropping this restores it.
struct Hidden {
    file: File,
    before: Termios,
}

impl Hidden {
    fn begin() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        let terminal = Self { file, before };
        terminal.hide()?;
        Ok(terminal)
    }

    fn hide(&self) -> io::Result<()> {
        let mut hidden = self.before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        // They end the line.
        hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        hidden.special_codes[SpecialCodeIndex::VEOL2] = CTRL_Z;
        Ok(tcsetattr(&self.file, OptionalActions::Now, &hidden)?)
    }

    fn restore(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.file, OptionalActions::Now, &self.before)?)
    }

    fn write(&self, text: &str) -> io::Result<()> {
        (&self.file).write_all(text.as_bytes())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = self.restore();
    }
}

/// The signals that end, stop and continue the program.
struct Signals {
    endings: Vec<(Signal, Arrivals)>,
    stops: Arrivals,
    continues: Arrivals,
}

enum Event {
    End(Signal),
    Stop,
    Continue,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let catch = |it: Signal| signal(SignalKind::from_raw(it.as_raw()));
        let ending = |it| Ok::<_, io::Error>((it, catch(it)?));
        Ok(Self {
            endings: ENDINGS.into_iter().map(ending).collect::<Result<_, _>>()?,
            stops: catch(Signal::TSTP)?,
            continues: catch(Signal::CONT)?,
        })
    }

    async fn next(&mut self) -> Event {
        let ending = self.endings.iter_mut().map(|(signal, arrivals)| {
            Box::pin(async {
                arrivals.recv().await;
                *signal
            })
        });
        tokio::select! {
            (signal, ..) = select_all(ending) => Event::End(signal),
            _ = self.stops.recv() => Event::Stop,
            _ = self.continues.recv() => Event::Continue,
        }
    }

    /// Does what the signals do by default, but with an exit code.
    async fn obey(mut self) {
        loop {
            match self.next().await {
                Event::End(signal) => std::process::exit(128 + signal.as_raw()),
                Event::Stop => stop(),
                Event::Continue => {}
            }
        }
    }
}

/// Stops this process until SIGCONT.
fn stop() {
    // A process may stop itself.
    let _ = process::kill_process(process::getpid(), Signal::STOP);
}
