//! A terminal that is ours for a while: another screen, no cursor, keys as they are pressed. It is given back when this is dropped.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the first line, which is where a frame begins; what was behind a line goes, and what was below the last.
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K\n";
const CLEAR_BELOW: &str = "\x1b[J";

/// The terminal.
pub struct Screen<'a> {
    out: &'a mut dyn Write,
    /// How keys were read before; none where they do not come from a terminal.
    keys: Option<Termios>,
}

impl<'a> Screen<'a> {
    /// Takes it.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn open(out: &'a mut dyn Write) -> io::Result<Self> {
        let stdin = io::stdin();
        let before = stdin.is_terminal().then(|| tcgetattr(stdin.as_fd()).ok()).flatten();
        if let Some(before) = &before {
            let mut raw = before.clone();
            // An interrupt still is one.
            raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
            tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &raw)?;
        }
        let screen = Self { out, keys: before };
        screen.out.write_all(ENTER.as_bytes())?;
        screen.out.flush()?;
        Ok(screen)
    }

    /// Lines and columns.
    #[expect(clippy::unused_self, reason = "a size without a screen means nothing")]
    pub fn size(&self) -> (usize, usize) {
        let (lines, columns) = console::Term::stdout().size();
        (usize::from(lines), usize::from(columns))
    }

    /// Shows a frame in the place of the one before.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn show(&mut self, frame: &str) -> io::Result<()> {
        let lines = frame.lines().map(|line| format!("{line}{CLEAR_LINE}"));
        let text: String = std::iter::once(HOME.to_owned()).chain(lines).collect();
        self.out.write_all((text + CLEAR_BELOW).as_bytes())?;
        self.out.flush()
    }

    /// Waits for a key.
    pub fn key(&self, within: Duration) -> Option<u8> {
        let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::ZERO);
        if self.keys.is_none() {
            std::thread::sleep(within);
            return None;
        }
        let stdin = io::stdin();
        let mut waiting = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waiting, timeout).is_ok_and(|ready| ready > 0) {
            let mut key = [0];
            // Past the library's buffer, which would hold keys that nobody waits for any more.
            return (nix::unistd::read(stdin.as_fd(), &mut key).ok()? == 1).then_some(key[0]);
        }
        None
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // When the terminal is gone there is nothing left to give back.
        let _ = self.out.write_all(LEAVE.as_bytes()).and_then(|()| self.out.flush());
        if let Some(before) = &self.keys {
            let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSANOW, before);
        }
    }
}
