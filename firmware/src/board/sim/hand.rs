//! The button and the lens of a board that has neither: lines on the terminal, and a signal.
//!
//! ```text
//! b + Enter         the button, shortly      (or SIGUSR2, without a terminal too)
//! hold + Enter      the button, held
//! scan TEXT + Enter a code shown to the lens
//! ```

use std::io::{BufRead, IsTerminal};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::board::Gesture;

/// Gestures that wait at a time: what a person does faster is lost.
const QUEUE: usize = 8;

/// Everything that is done from now on.
pub(super) fn gestures() -> mpsc::Receiver<Gesture> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    if std::io::stdin().is_terminal() {
        let sender = sender.clone();
        // A thread of its own that nobody waits for: a read from a terminal cannot be ended. Without it only the
        // signal is left.
        let _ = std::thread::Builder::new()
            .name("keys".into())
            .spawn(move || {
                let lines = std::io::stdin().lock().lines().map_while(Result::ok);
                for gesture in lines.filter_map(|line| read(&line)) {
                    if sender.blocking_send(gesture).is_err() {
                        break;
                    }
                }
            });
    }
    match signal(SignalKind::user_defined2()) {
        Ok(mut usr2) => {
            tokio::spawn(async move {
                while usr2.recv().await.is_some() {
                    if sender.send(Gesture::Press).await.is_err() {
                        break;
                    }
                }
            });
        }
        Err(error) => tracing::warn!(%error, "SIGUSR2 is no button"),
    }
    receiver
}

fn read(line: &str) -> Option<Gesture> {
    match line.trim() {
        "b" => Some(Gesture::Press),
        "hold" => Some(Gesture::Hold),
        line => {
            let code = line.strip_prefix("scan ")?.trim();
            Some(Gesture::Show(code.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_gestures_or_nothing() {
        assert_eq!(read("b"), Some(Gesture::Press));
        assert_eq!(read(" hold \n"), Some(Gesture::Hold));
        assert_eq!(read("scan 04Home"), Some(Gesture::Show("04Home".into())));
        assert_eq!(read("scanner"), None);
        assert_eq!(read(""), None);
    }
}
