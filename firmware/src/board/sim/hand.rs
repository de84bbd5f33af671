//! The button and the lens of a board that has neither: lines on the terminal, and a signal.
//!
//! ```text
//! b + Enter         the button, shortly      (or SIGUSR2, without a terminal too)
//! hold + Enter      the button, held
//! scan TEXT + Enter a code, as if the lens had read it
//! show TEXT + Enter a code drawn before the lens; `show` alone takes it away
//! ```

use std::io::{BufRead, IsTerminal};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::easel::Easel;
use crate::board::Gesture;

/// Gestures that wait at a time: what a person does faster is lost.
const QUEUE: usize = 8;

/// Everything that is done from now on. What is to be drawn goes onto the easel.
pub(super) fn gestures(easel: Easel) -> mpsc::Receiver<Gesture> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    if std::io::stdin().is_terminal() {
        let sender = sender.clone();
        // A thread of its own that nobody waits for: a read from a terminal cannot be ended. Without it only the
        // signal is left.
        let _ = std::thread::Builder::new()
            .name("keys".into())
            .spawn(move || {
                let lines = std::io::stdin().lock().lines().map_while(Result::ok);
                for gesture in lines.filter_map(|line| read(&line, &easel)) {
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

fn read(line: &str, easel: &Easel) -> Option<Gesture> {
    match line.trim() {
        "b" => Some(Gesture::Press),
        "hold" => Some(Gesture::Hold),
        "show" => {
            easel.clear();
            None
        }
        line => match line.split_once(' ') {
            Some(("scan", code)) => Some(Gesture::Show(code.trim().to_owned())),
            Some(("show", text)) => {
                if let Err(error) = easel.show(text.trim()) {
                    tracing::warn!(%error, "nothing is drawn");
                }
                None
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_gestures_or_nothing() {
        let easel = Easel::default();
        let read = |line| read(line, &easel);
        assert_eq!(read("b"), Some(Gesture::Press));
        assert_eq!(read(" hold \n"), Some(Gesture::Hold));
        assert_eq!(read("scan 04Home"), Some(Gesture::Show("04Home".into())));
        assert_eq!(read("scanner"), None);
        assert_eq!(read(""), None);
        assert!(easel.is_empty());
        assert_eq!(read("show 04Home"), None);
        assert!(!easel.is_empty());
        assert_eq!(read("show"), None);
        assert!(easel.is_empty());
    }
}
