//! A view as the app holds it, live or playback: its orders and its end.

use crate::api::{Drawn, Failure, PlaybackAction, Quality, Sink};
use crate::live::VideoUnit;
use crate::record::{Progress, Recorder};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// What can be asked of a running view.
pub enum Order {
    /// Another quality.
    Quality(Quality),
    /// Another sink.
    Sink {
        /// Which.
        sink: Sink,
        /// Widest picture.
        max_width: u32,
        /// Why.
        reason: String,
    },
    /// What the screen has done.
    Ack {
        /// Newest frame taken.
        seq: u32,
        /// Newest picture drawn.
        drawn: Option<Drawn>,
        /// Mean decode time, ms.
        decode_ms: Option<f32>,
        /// Mean draw time, ms.
        draw_ms: Option<f32>,
    },
    /// The pictures from the newest key picture on.
    Pictures(oneshot::Sender<Vec<VideoUnit>>),
    /// Start a recording.
    Record(oneshot::Sender<Result<Progress, Failure>>),
    /// Finish it.
    StopRecording(oneshot::Sender<Option<Recorder>>),
    /// Try again now.
    Retry,
    /// Do that with the playback.
    Play(PlaybackAction),
    /// End.
    Close(oneshot::Sender<()>),
}

/// What a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the camera sees now.
    Live,
    /// What it recorded.
    Playback,
}

impl Kind {
    /// Whether an order makes sense for it.
    pub fn takes(self, order: &Order) -> bool {
        match order {
            Order::Quality(_) | Order::Record(_) | Order::StopRecording(_) => self == Self::Live,
            Order::Play(_) => self == Self::Playback,
            _ => true,
        }
    }

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Playback => "playback",
        }
    }
}

/// A running view; dropping it ends the view.
pub struct View {
    /// What it shows.
    pub kind: Kind,
    orders: mpsc::UnboundedSender<Order>,
    /// The camera's key.
    pub camera: String,
    task: JoinHandle<()>,
}

impl Drop for View {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl View {
    /// Starts a view of the camera with that key: a task that is given its orders.
    pub fn run<F: Future<Output = ()> + Send + 'static>(
        kind: Kind,
        camera: String,
        task: impl FnOnce(mpsc::UnboundedReceiver<Order>) -> F,
    ) -> Self {
        let (orders, queue) = mpsc::unbounded_channel();
        Self {
            kind,
            orders,
            camera,
            task: tokio::spawn(task(queue)),
        }
    }

    /// Gives an order; `false` if the view has ended by itself.
    pub fn order(&self, order: Order) -> bool {
        self.orders.send(order).is_ok()
    }

    /// Ends it and waits until its last picture is saved.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.order(Order::Close(done)) {
            let _ = closed.await;
        }
    }
}
