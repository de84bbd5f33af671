//! Porthole's pictures and sound: encode, decode, scale, sound devices, jitter buffer, MP4.
//!
//! | module | what | needs |
//! |---|---|---|
//! | [`picture`] | one I420 picture | – |
//! | [`marks`] | frame counter and position that a program can read back from a picture | – |
//! | [`audio`] | AAC, Opus, G.711 and PCM; the resampler | AAC and Opus: `ffmpeg` |
//! | [`echo`] | takes the loudspeaker out of the microphone | – |
//! | [`video`] | H.264 and H.265 both ways, without delay | `ffmpeg` |
//! | [`scale`], [`jpeg`] | scaling, still pictures | `ffmpeg` |
//! | [`fmp4`] | fragmented MP4 as cameras record it, both ways | – |
//! | [`mp4`] | MP4 files that any player opens | `ffmpeg` |
//! | [`file`] | a media file, looped, as a camera's source | `ffmpeg` |
//! | [`playout`] | the jitter buffer; the speaker behind it | – ; `audio` |
//! | [`wav`] | WAV files | – |
//! | [`capture`] | the microphone | `audio` |
//! | [`code`] | QR codes in pictures | `code` |
//!
//! Units: picture times are microseconds (`i64`), packet times are milliseconds (`i64`, what FLV
//! carries), sound is interleaved `f32` in −1..1. Without features the crate still builds: pictures,
//! marks, G.711, PCM, the resampler, the echo canceller and [`Packet`] are pure Rust.

pub mod audio;
pub mod echo;
mod error;
pub mod fmp4;
pub mod marks;
pub mod picture;
pub mod playout;

#[cfg(feature = "ffmpeg")]
mod av;
#[cfg(feature = "audio")]
pub mod capture;
#[cfg(feature = "code")]
pub mod code;
#[cfg(feature = "audio")]
mod device;
#[cfg(feature = "ffmpeg")]
pub mod file;
#[cfg(feature = "ffmpeg")]
pub mod jpeg;
#[cfg(feature = "ffmpeg")]
pub mod mp4;
#[cfg(feature = "ffmpeg")]
pub mod scale;
#[cfg(feature = "ffmpeg")]
pub mod video;
pub mod wav;

#[cfg(feature = "ffmpeg")]
pub use av::ffmpeg_version;
pub use error::{Error, Result};
pub use picture::Picture;

/// One coded unit: a video access unit (length-prefixed NAL units, 4-byte lengths) or one audio frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The coded bytes.
    pub data: Vec<u8>,
    /// When it is shown or heard, milliseconds.
    pub pts: i64,
    /// When it is decoded, milliseconds. Our own encoders make no B-frames: equal to `pts`.
    pub dts: i64,
    /// Decoding can start here.
    pub key: bool,
}

#[cfg(test)]
mod tests {
    /// The compiler checks it: everything may move to the thread that uses it.
    #[test]
    fn everything_can_change_threads() {
        fn movable<T: Send>() {}
        movable::<crate::audio::Decoder>();
        movable::<crate::audio::Resampler>();
        movable::<crate::echo::Canceller>();
        #[cfg(feature = "ffmpeg")]
        {
            movable::<crate::audio::AacEncoder>();
            movable::<crate::audio::Transcoder>();
            movable::<crate::file::Source>();
            movable::<crate::mp4::Writer>();
            movable::<crate::scale::Scaler>();
            movable::<crate::video::Decoder>();
            movable::<crate::video::Encoder>();
        }
        #[cfg(feature = "audio")]
        {
            fn shared<T: Send + Sync>() {}
            movable::<crate::capture::Input>();
            movable::<crate::playout::Player>();
            shared::<crate::playout::Control>();
        }
    }
}
