//! Log lines on their way out, gathered for a moment: one system call for each line would cost a busy server more than the lines.
//!
//! Warnings and errors leave at once and take along what waits. A kill of the process loses at most the last 50 ms of the rest.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits at most.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// How much may wait, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// A buffer of lines before `sink`. Cloning shares it.
pub(crate) struct Lines<S: Write>(Arc<Mutex<Buffer<S>>>);

struct Buffer<S: Write> {
    waiting: Vec<u8>,
    sink: S,
}

impl<S: Write> Buffer<S> {
    fn flush(&mut self) -> io::Result<()> {
        let written = self.sink.write_all(&self.waiting).and_then(|()| self.sink.flush());
        self.waiting.clear();
        written
    }
}

impl<S: Write> Clone for Lines<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Write + Send + 'static> Lines<S> {
    /// A buffer before `sink` that a thread empties every moment.
    pub(crate) fn new(sink: S) -> io::Result<Self> {
        let lines = Self(Arc::new(Mutex::new(Buffer {
            waiting: Vec::with_capacity(MOST_BYTES),
            sink,
        })));
        let emptied = Arc::downgrade(&lines.0);
        std::thread::Builder::new()
            .name("log-lines".to_owned())
            .spawn(move || {
                while let Some(buffer) = emptied.upgrade() {
                    Self(buffer).flush();
                    std::thread::sleep(LONGEST_WAIT);
                }
            })?;
        Ok(lines)
    }

    /// Writes out what waits. A sink that fails has nobody to tell.
    pub(crate) fn flush(&self) {
        let _nobody_to_tell = self.0.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }
}

/// One line being written.
pub(crate) struct Line<'l, S: Write> {
    buffer: &'l Mutex<Buffer<S>>,
    at_once: bool,
}

impl<S: Write> Write for Line<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.waiting.extend_from_slice(bytes);
        if self.at_once || buffer.waiting.len() >= MOST_BYTES {
            buffer.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

impl<'l, S: Write + Send + 'static> MakeWriter<'l> for Lines<S> {
    type Writer = Line<'l, S>;

    fn make_writer(&'l self) -> Self::Writer {
        Line {
            buffer: &self.0,
            at_once: true,
        }
    }

    fn make_writer_for(&'l self, metadata: &Metadata<'_>) -> Self::Writer {
        Line {
            buffer: &self.0,
            at_once: *metadata.level() <= Level::WARN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_urgent_line_takes_along_what_waits_in_order() {
        let sink = Sink::default();
        let lines = Lines::new(sink.clone()).unwrap();
        Line {
            buffer: &lines.0,
            at_once: false,
        }
        .write_all(b"first\n")
        .unwrap();
        Line {
            buffer: &lines.0,
            at_once: true,
        }
        .write_all(b"second\n")
        .unwrap();
        assert_eq!(sink.0.lock().unwrap().as_slice(), b"first\nsecond\n");
    }

    #[test]
    fn what_waits_leaves_when_asked() {
        let sink = Sink::default();
        let lines = Lines::new(sink.clone()).unwrap();
        Line {
            buffer: &lines.0,
            at_once: false,
        }
        .write_all(b"line\n")
        .unwrap();
        lines.flush();
        assert_eq!(sink.0.lock().unwrap().as_slice(), b"line\n");
    }
}
