//! Opening a V4L2 device: what it offers, what is taken, and what is wrong with it.

use std::io;
use std::time::Duration;

use v4l::buffer::Type;
use v4l::io::mmap::Stream;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use crate::board::Fault;

/// Buffers between driver and us: more add delay, fewer lose frames.
const BUFFERS: u32 = 4;
/// A device that gives nothing for this long has failed.
const SILENCE: Duration = Duration::from_secs(3);
/// What is asked for; the driver answers with the nearest it has.
const WANTED: (u32, u32) = (1280, 720);

/// How a device lays out its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One JPEG a frame.
    Mjpeg,
    /// Two pixels in four bytes, Y U Y V.
    Yuyv,
    /// H.264, Annex B.
    H264,
}

impl Layout {
    fn fourcc(self) -> FourCC {
        FourCC::new(match self {
            Self::Mjpeg => b"MJPG",
            Self::Yuyv => b"YUYV",
            Self::H264 => b"H264",
        })
    }

    /// The best first. Only what this build can use.
    fn preferred() -> &'static [Self] {
        if cfg!(feature = "ffmpeg") {
            &[Self::Mjpeg, Self::Yuyv, Self::H264]
        } else {
            &[Self::H264]
        }
    }
}

/// An open device.
#[cfg_attr(
    not(feature = "ffmpeg"),
    expect(dead_code, reason = "only pictures of ours need the sides")
)]
pub(super) struct Capture {
    pub(super) path: String,
    pub(super) layout: Layout,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bytes from one row to the next.
    pub(super) stride: u32,
    stream: Stream<'static>,
}

impl Capture {
    /// Waits for a frame and hands it to `take`.
    pub(super) fn frame<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Result<T, Fault> {
        use v4l::io::traits::CaptureStream;
        let (bytes, meta) =
            CaptureStream::next(&mut self.stream).map_err(|error| fault(&self.path, &error))?;
        let used = usize::try_from(meta.bytesused)
            .unwrap_or(0)
            .min(bytes.len());
        Ok(take(&bytes[..used]))
    }
}

/// Whether there is such a device.
pub(super) fn check(path: &str) -> Result<(), Fault> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(fault(path, &error)),
    }
}

/// Opens a device and settles on a layout, a size and a rate.
pub(super) fn open(path: &str, fps: u32) -> Result<Capture, Fault> {
    let io = |error: io::Error| fault(path, &error);
    let device = Device::with_path(path).map_err(io)?;
    let offered: Vec<FourCC> = device
        .enum_formats()
        .map_err(io)?
        .into_iter()
        .map(|format| format.fourcc)
        .collect();
    let layout = Layout::preferred()
        .iter()
        .copied()
        .find(|layout| offered.contains(&layout.fourcc()));
    let Some(layout) = layout else {
        let names: Vec<_> = offered.iter().map(ToString::to_string).collect();
        return Err(Fault::Unusable {
            what: "video device",
            device: path.into(),
            got: names.join(", "),
            expected: "MJPG, YUYV or H264 (without FFmpeg: H264)",
        });
    };
    let format = device
        .set_format(&Format::new(WANTED.0, WANTED.1, layout.fourcc()))
        .map_err(io)?;
    if let Err(error) = device.set_params(&Parameters::with_fps(fps)) {
        tracing::info!(%error, path, "the device keeps its own frame rate");
    }
    let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(io)?;
    stream.set_timeout(SILENCE);
    tracing::info!(
        path,
        ?layout,
        width = format.width,
        height = format.height,
        "video device open"
    );
    let (width, height, stride) = (format.width, format.height, format.stride);
    Ok(Capture {
        path: path.into(),
        layout,
        width,
        height,
        stride,
        stream,
    })
}

/// What an error of the system means for a device.
fn fault(path: &str, error: &io::Error) -> Fault {
    // Linux, asm-generic/errno-base.h.
    const EIO: i32 = 5;
    const ENXIO: i32 = 6;
    const EBUSY: i32 = 16;
    const ENODEV: i32 = 19;
    let (what, device) = ("video device", path.to_owned());
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::NotFound, _) | (_, Some(ENXIO | ENODEV)) => Fault::NoDevice {
            what,
            device,
            flag: "--video-device",
        },
        (io::ErrorKind::PermissionDenied, _) => Fault::Permission {
            what,
            device,
            group: "video",
        },
        (_, Some(EBUSY)) => Fault::Busy { what, device },
        (io::ErrorKind::TimedOut, _) => Fault::Failed {
            what,
            text: format!("{path} gives no frames"),
        },
        (_, Some(EIO)) => Fault::Failed {
            what,
            text: format!("{path} was lost; check its cable"),
        },
        _ => Fault::Failed {
            what,
            text: format!("{path}: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_say_what_to_do() {
        let text = |errno| fault("/dev/video9", &io::Error::from_raw_os_error(errno)).to_string();
        assert!(text(2).contains("--video-device") && text(19).contains("--video-device"));
        assert!(text(13).contains("group video"));
        assert!(text(16).contains("is busy"));
        assert!(text(5).contains("cable"));
        assert!(text(22).contains("/dev/video9"));
    }
}
