//! When a recorder takes a mode, and when it says that it cannot.

use super::*;

#[tokio::test]
async fn a_source_without_pictures_is_not_recorded_when_something_moves() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path().join("card"));
    options.mode = Some(RecordMode::Off);
    let parts = Parts {
        card: Card::new(options.card.clone()),
        live: Arc::new(Live::new()),
        clock: Arc::new(Clock::start()),
        dir: DataDir::open(&folder.path().join("data")).unwrap(),
    };
    let recorder = Recorder::start(&options, parts).unwrap();
    let taken = recorder.set_mode(RecordMode::Events);
    // A build that decodes nothing sees nothing either.
    assert_eq!(taken.is_ok(), cfg!(feature = "ffmpeg"));

    recorder.set_mode(RecordMode::Off).unwrap();
    recorder.watch().cannot_see();
    let refused = recorder.set_mode(RecordMode::Events);
    assert!(matches!(refused, Err(ModeError::NoMotion)), "{refused:?}");
    assert_eq!(recorder.status().mode, RecordMode::Off);
    recorder.set_mode(RecordMode::Continuous).unwrap();
    assert_eq!(recorder.status().mode, RecordMode::Continuous);
    recorder.stop();
}
